// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/outbox_endpoints.hpp>

#include <algorithm>
#include <utility>

namespace tidings::store {

/// Of an AVL tree whose nodes never change: what changes is made anew from the root down to it.
struct outbox_endpoints::node {
    node(id_ptr i, node_ptr l, node_ptr r)
        : id(std::move(i)),
          left(std::move(l)),
          right(std::move(r)),
          height(1 + std::max(height_of(left), height_of(right))) {}

    static int height_of(const node_ptr& n) noexcept { return n ? n->height : 0; }
    static node_ptr make(id_ptr i, node_ptr l, node_ptr r) {
        return std::make_shared<const node>(std::move(i), std::move(l), std::move(r));
    }
    // The heights of the two differ by two at most.
    static node_ptr balance(const id_ptr& i, const node_ptr& l, const node_ptr& r) {
        const auto lean = height_of(l) - height_of(r);
        if (lean > 1) {
            if (height_of(l->left) >= height_of(l->right))
                return make(l->id, l->left, make(i, l->right, r));
            const auto& top = l->right;
            return make(top->id, make(l->id, l->left, top->left), make(i, top->right, r));
        }
        if (lean < -1) {
            if (height_of(r->right) >= height_of(r->left))
                return make(r->id, make(i, l, r->left), r->right);
            const auto& top = r->left;
            return make(top->id, make(i, l, top->left), make(r->id, top->right, r->right));
        }
        return make(i, l, r);
    }
    // It is not there.
    static node_ptr with(const node_ptr& n, const id_ptr& added) {
        if (!n) return make(added, nullptr, nullptr);
        return *added < *n->id ? balance(n->id, with(n->left, added), n->right)
                               : balance(n->id, n->left, with(n->right, added));
    }
    // It is there.
    static node_ptr without(const node_ptr& n, std::string_view gone) {
        if (gone < *n->id) return balance(n->id, without(n->left, gone), n->right);
        if (gone > *n->id) return balance(n->id, n->left, without(n->right, gone));
        if (!n->left) return n->right;
        if (!n->right) return n->left;
        const auto* next = n->right.get();
        while (next->left) next = next->left.get();
        return balance(next->id, n->left, without(n->right, *next->id));
    }

    const id_ptr id;
    const node_ptr left, right;
    const int height;
};

const outbox_endpoints::node* outbox_endpoints::find(std::string_view id) const noexcept {
    const auto* n = root_.get();
    while (n != nullptr && *n->id != id) n = (id < *n->id ? n->left : n->right).get();
    return n;
}

bool outbox_endpoints::insert(id_ptr id) {
    if (contains(*id)) return false;
    root_ = node::with(root_, id);
    ++size_;
    return true;
}

bool outbox_endpoints::erase(std::string_view id) {
    if (!contains(id)) return false;
    root_ = node::without(root_, id);
    --size_;
    return true;
}

outbox_endpoints::const_iterator outbox_endpoints::begin() const {
    const_iterator it;
    it.descend(root_.get());
    return it;
}

void outbox_endpoints::const_iterator::descend(const node* n) {
    for (; n != nullptr; n = n->left.get()) path_.push_back(n);
}

const std::string& outbox_endpoints::const_iterator::operator*() const noexcept {
    return *path_.back()->id;
}

outbox_endpoints::const_iterator& outbox_endpoints::const_iterator::operator++() {
    const auto* n = path_.back();
    path_.pop_back();
    descend(n->right.get());
    return *this;
}

}  // namespace tidings::store
