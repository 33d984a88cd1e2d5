// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <utility>

namespace tidings::detail {

/// Names a form: by the address of a tag that never goes, and where there are many of a kind by a
/// number that is never used again.
struct form_key {
    form_key(const void* t, std::uint64_t n = 0) noexcept : tag(t), number(n) {}
    friend bool operator==(const form_key&, const form_key&) = default;
    const void* tag;
    std::uint64_t number;
};

/// What was derived from an immutable object and belongs to it, kept beside it as long as it lives.
/// Threads that race may both encode; the first to store wins and nobody waits.
class wire_forms {
 public:
    wire_forms() = default;
    wire_forms(const wire_forms&) = delete;
    wire_forms& operator=(const wire_forms&) = delete;
    ~wire_forms() { clear(); }

    /// Forgets what was made while nothing else could find the object: not safe beside `find`.
    void clear() noexcept {
        auto* n = head_.load(std::memory_order_acquire);
        if (n == nullptr) return;
        head_.store(nullptr, std::memory_order_relaxed);
        while (n != nullptr) delete std::exchange(n, n->next);
    }

    bool empty() const noexcept { return head_.load(std::memory_order_acquire) == nullptr; }
    /// The stored form, or null. The result lives as long as this object.
    const std::string* find(form_key key) const noexcept {
        return find_until(head_.load(std::memory_order_acquire), nullptr, key);
    }

    /// Stores a form and returns the one that counts: ours, or that of a thread that was faster.
    const std::string& store(form_key key, std::string bytes) const {
        auto* fresh = new node{key, std::move(bytes), nullptr};
        auto* head = head_.load(std::memory_order_acquire);
        const node* checked = nullptr;
        do {
            if (const auto* other = find_until(head, checked, key)) {
                delete fresh;
                return *other;
            }
            checked = head;
            fresh->next = head;
        } while (!head_.compare_exchange_weak(head, fresh, std::memory_order_acq_rel,
                                              std::memory_order_acquire));
        return fresh->bytes;
    }

 private:
    struct node {
        form_key key;
        std::string bytes;
        node* next;
    };

    static const std::string* find_until(const node* from, const node* end,
                                         const form_key& key) noexcept {
        for (; from != end; from = from->next)
            if (from->key == key) return &from->bytes;
        return nullptr;
    }

    mutable std::atomic<node*> head_{nullptr};
};

}  // namespace tidings::detail
