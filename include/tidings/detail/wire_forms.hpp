// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <atomic>
#include <string>

namespace tidings::detail {

/// What was derived from an immutable object, kept beside it: encoded once, shared by everyone.
/// A form is named by the address of a tag. Threads that race may both encode; the first to store
/// wins and nobody waits.
class wire_forms {
 public:
    wire_forms() = default;
    wire_forms(const wire_forms&) = delete;
    wire_forms& operator=(const wire_forms&) = delete;
    ~wire_forms() {
        for (auto* n = head_.load(std::memory_order_acquire); n != nullptr;) {
            auto* next = n->next;
            delete n;
            n = next;
        }
    }

    /// The stored form, or null. The result lives as long as this object.
    const std::string* find(const void* tag) const noexcept {
        return find_until(head_.load(std::memory_order_acquire), nullptr, tag);
    }

    /// Stores a form and returns the one that counts: ours, or that of a thread that was faster.
    const std::string& store(const void* tag, std::string bytes) const {
        auto* fresh = new node{tag, std::move(bytes), nullptr};
        auto* head = head_.load(std::memory_order_acquire);
        const node* checked = nullptr;
        do {
            if (const auto* other = find_until(head, checked, tag)) {
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
        const void* tag;
        std::string bytes;
        node* next;
    };

    static const std::string* find_until(const node* from, const node* end,
                                         const void* tag) noexcept {
        for (; from != end; from = from->next)
            if (from->tag == tag) return &from->bytes;
        return nullptr;
    }

    mutable std::atomic<node*> head_{nullptr};
};

}  // namespace tidings::detail
