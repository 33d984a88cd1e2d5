// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/config.hpp>

#include <cstddef>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tidings::store {

/// A set of ids of endpoints. Copies share what they hold: copying one takes constant time, and
/// adding or removing an id time and memory that grow with the logarithm of their number, whatever
/// copies there are. Copies may be used by different threads, one object as any value.
class outbox_endpoints {
    struct node;
    using node_ptr = std::shared_ptr<const node>;

 public:
    using value_type = std::string;
    using id_ptr = std::shared_ptr<const std::string>;

    /// Ids in ascending order. Ends with the object that it was made of, and with its next change.
    class const_iterator {
     public:
        using value_type = std::string;
        using difference_type = std::ptrdiff_t;
        using iterator_category = std::forward_iterator_tag;
        using pointer = const std::string*;
        using reference = const std::string&;

        const_iterator() = default;
        TIDINGS_DECL reference operator*() const noexcept;
        pointer operator->() const noexcept { return &**this; }
        TIDINGS_DECL const_iterator& operator++();
        const_iterator operator++(int) {
            auto before = *this;
            ++*this;
            return before;
        }
        bool operator==(const const_iterator&) const = default;

     private:
        friend class outbox_endpoints;
        void descend(const node* n);
        std::vector<const node*> path_{};  // the last is where it stands; empty: the end
    };

    outbox_endpoints() = default;
    outbox_endpoints(std::initializer_list<std::string> ids)
        : outbox_endpoints(ids.begin(), ids.end()) {}
    template <std::input_iterator It>
    outbox_endpoints(It first, It last) {
        for (; first != last; ++first) insert(std::string(*first));
    }

    bool contains(std::string_view id) const noexcept { return find(id) != nullptr; }
    /// False where it is there already. Where it throws, nothing is changed; as `erase`.
    bool insert(std::string id) {
        return insert(std::make_shared<const std::string>(std::move(id)));
    }
    /// Shares the text.
    TIDINGS_DECL bool insert(id_ptr id);
    /// Whether it was there.
    TIDINGS_DECL bool erase(std::string_view id);
    std::size_t size() const noexcept { return size_; }
    bool empty() const noexcept { return size_ == 0; }
    TIDINGS_DECL const_iterator begin() const;
    const_iterator end() const noexcept { return {}; }

 private:
    TIDINGS_DECL const node* find(std::string_view id) const noexcept;

    node_ptr root_{};
    std::size_t size_ = 0;
};

}  // namespace tidings::store
