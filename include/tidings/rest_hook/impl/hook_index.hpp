// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/crypto/impl/siphash.hpp>
#include <tidings/io/random.hpp>
#include <tidings/rest_hook/impl/hook_record.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
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

    /// What it needs of one that was added, to remove it without memory.
    struct entry {
        std::string_view id{}, owner{};
        std::uint64_t key = 0;  ///< the same of those that are the same
        std::size_t held = 0;   ///< `bytes_held`
        http::detail::expiry_time expires{};
        bool unannounced = false;  ///< its end is to be announced
    };

    explicit hook_index(io::random& random);

    /// It lives as long as the record. From any thread.
    entry entry_of(const hook_record& h) const noexcept;
    /// Nothing has changed where memory runs out. One may be added again, and counts twice then.
    void add(const hook_record& h);
    /// Once, of one that was added.
    void remove(const hook_record& h) noexcept { remove(entry_of(h)); }
    void remove(const entry& e) noexcept;
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
    /// Finds what a view names without memory.
    struct text_hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const noexcept {
            return std::hash<std::string_view>()(text);
        }
    };
    std::uint64_t key_of(const hook_record& h) const noexcept;
    void take_from_owner(std::string_view owner, const share& less) noexcept;
    void take_same(std::uint64_t key, std::string_view id) noexcept;

    const tidings::detail::siphash hash_;
    std::unordered_map<std::string, share, text_hash, std::equal_to<>> owned_{};
    std::unordered_multimap<std::uint64_t, std::string> same_{};  // ids by what makes them the same
    end_set ends_{};                                              // of those that end
    end_set unannounced_{};  // of these those whose end is to be announced
};

}  // namespace tidings::rest_hook::detail
