// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/crypto/impl/siphash.hpp>
#include <tidings/io/random.hpp>
#include <tidings/rest_hook/impl/hook_record.hpp>

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace tidings::rest_hook::detail {

/// How many subscriptions each owner has, which of them is for the same target, topics and filters
/// as another would be, and which ends first. So a request, and an end, cost the same, however many
/// there are.
class hook_index {
 public:
    using ending = std::pair<io::system_time, std::string>;  ///< an end, and the id

    explicit hook_index(io::random& random);

    /// Nothing has changed where memory runs out. One may be added again, and counts twice then.
    void add(const hook_record& h);
    /// Once, of one that was added.
    void remove(const hook_record& h) noexcept;
    /// What an owner has.
    struct share {
        std::size_t count = 0;
        std::size_t bytes = 0;  ///< `bytes_held`
    };
    share owned_by(const std::string& owner) const;
    /// A change of a record that is being written: until it is released, what it becomes is there
    /// as well.
    struct held_change {
        std::uint64_t key = 0;
        std::string id{}, owner{};
        share more{};
    };
    held_change hold(const hook_record& before, const hook_record& h);
    void release(const held_change& c) noexcept;
    /// The id of another one of the same owner, target, patterns and filters; empty: there is none.
    std::string same_as(const hook_record& h) const;
    /// When the first of them ends; none: none does.
    http::detail::expiry_time first_end() const;
    /// The id of the first whose end has come; null: there is none.
    const std::string* first_ended(io::system_time now) const noexcept;
    /// The first end that is to be announced, and the id, but for these ids; null: there is none.
    const ending* first_unannounced(const std::set<std::string>& but) const noexcept;

 private:
    /// By time, of two at once by id.
    struct sooner {
        using is_transparent = void;
        template <class A, class B>
        bool operator()(const A& a, const B& b) const noexcept {
            return a.first != b.first ? a.first < b.first
                                      : std::string_view(a.second) < std::string_view(b.second);
        }
    };
    using end_set = std::multiset<ending, sooner>;
    std::uint64_t key_of(const hook_record& h) const noexcept;
    void take_from_owner(const std::string& owner, const share& less) noexcept;
    void take_same(std::uint64_t key, const std::string& id) noexcept;

    const tidings::detail::siphash hash_;
    std::unordered_map<std::string, share> owned_{};
    std::unordered_multimap<std::uint64_t, std::string> same_{};  // ids by what makes them the same
    end_set ends_{};                                              // of those that end
    end_set unannounced_{};  // of these those whose end is to be announced
};

}  // namespace tidings::rest_hook::detail
