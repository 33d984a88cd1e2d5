// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/outbox_entry.hpp>

#include <array>
#include <set>
#include <string>
#include <utility>

namespace tidings::store::detail {

/// A node of a set that is in none yet.
template <class Set>
typename Set::node_type make_node(typename Set::value_type v) {
    Set s;
    return s.extract(s.insert(std::move(v)).first);
}

/// The entries that can be claimed, by endpoint and due time: for each endpoint two lines, of what
/// was never attempted and of what is tried again, and over all endpoints the first of each line.
/// Entering and leaving allocate nothing: an entry brings its node and takes it away.
class claim_lines {
 public:
    using place = std::pair<outbox_time, std::uint64_t>;  ///< due time and key of an entry
    using line = std::set<place>;
    enum which : std::size_t { fresh = 0, again = 1, count = 2 };
    struct endpoint;
    struct front {
        place at;
        endpoint* of;
        auto operator<=>(const front&) const = default;
    };
    using front_set = std::set<front>;
    /// The lines of one endpoint.
    struct endpoint {
        /// @param name outlives it
        explicit endpoint(const std::string& name) : id(&name) {
            for (auto& node : spare) node = make_node<front_set>({{}, this});
        }
        endpoint(const endpoint&) = delete;
        endpoint& operator=(const endpoint&) = delete;

        const std::string* id;
        std::array<line, count> lines{};
        std::array<front_set::node_type, count> spare{};  // for the fronts, while a line is empty
    };

    void enter(endpoint& e, which w, line::node_type node) noexcept {
        const auto it = e.lines[w].insert(std::move(node)).position;
        if (it == e.lines[w].begin()) set_front(e, w, std::next(it));
    }
    line::node_type leave(endpoint& e, which w, const place& at) noexcept {
        const auto it = e.lines[w].find(at);
        const bool first = it == e.lines[w].begin();
        auto node = e.lines[w].extract(it);
        if (first) take_front(e, w, at);
        return node;
    }
    /// The first front at this place or behind it; null: there is none.
    const front* next(which w, const place& from) const noexcept {
        const auto it = fronts_[w].lower_bound({from, nullptr});
        return it == fronts_[w].end() ? nullptr : &*it;
    }

 private:
    // The line has a new first; the one before it, if any, is `second`.
    void set_front(endpoint& e, which w, line::iterator second) noexcept {
        auto node = second == e.lines[w].end() ? std::move(e.spare[w])
                                               : fronts_[w].extract(front{*second, &e});
        put(e, w, std::move(node));
    }
    // The line has lost its first, which stood at `at`.
    void take_front(endpoint& e, which w, const place& at) noexcept {
        auto node = fronts_[w].extract(front{at, &e});
        if (e.lines[w].empty())
            e.spare[w] = std::move(node);
        else
            put(e, w, std::move(node));
    }
    void put(endpoint& e, which w, front_set::node_type node) noexcept {
        node.value() = {*e.lines[w].begin(), &e};
        fronts_[w].insert(std::move(node));
    }

    std::array<front_set, count> fronts_;
};

}  // namespace tidings::store::detail
