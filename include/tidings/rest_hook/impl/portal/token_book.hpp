// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/io/environment.hpp>
#include <tidings/rest_hook/portal.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace tidings::rest_hook::detail {

/// Random texts that stand for a visitor, each for a time: the tickets of a portal, and its
/// sessions. It holds their hashes only, so that neither the time of a comparison nor its memory
/// gives one away. Safe from any thread.
class token_book {
 public:
    struct bounds {
        std::chrono::seconds lifetime{};
        std::size_t max = 0;
        std::size_t max_per_principal = 0;
    };
    token_book(const bounds& b, const io::environment& e) : bounds_(b), environment_(e) {}

    /// A new text. Where the principal has as many as it may, its oldest ends.
    /// @error errc::too_many @throws std::bad_alloc; nothing has changed then
    TIDINGS_DECL std::string issue(portal_visitor v, error_code& ec);
    /// The visitor that it stands for; nothing where it has ended or never was one.
    TIDINGS_DECL std::optional<portal_visitor> find(std::string_view text) const;
    /// Ends it. Whether it stood for anybody until now: true for one caller only.
    TIDINGS_DECL bool end(std::string_view text);
    TIDINGS_DECL void end_all_of(std::string_view principal_name) noexcept;
    TIDINGS_DECL void clear() noexcept;

 private:
    struct entry {
        portal_visitor visitor{};
        io::steady_time ends{};
        std::uint64_t number = 0;  ///< rising: the oldest has the least
    };
    using entries = std::map<std::string, entry>;

    bool has_ended(const entry& e) const noexcept;
    void drop_ended() noexcept;
    /// The oldest of a principal that has as many as it may; else the end.
    entries::iterator surplus_of(const tidings::principal& who) noexcept;

    const bounds bounds_;
    const io::environment environment_;
    mutable std::mutex mutex_;
    entries entries_;  // by hash; these two guarded by mutex_
    std::uint64_t next_ = 0;
};

}  // namespace tidings::rest_hook::detail
