// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/crypto/impl/hmac.hpp>
#include <tidings/io/random.hpp>
#include <tidings/position.hpp>

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

namespace tidings::detail {

/// Events that are being taken, or were lately, each under one or more ids (its source and id, an
/// Idempotency-Key), so that a repetition is recognised. Of an id, 128 bits of an HMAC under a
/// random key are kept, so that nobody can make two that are taken for one. Bounded in bytes: the
/// oldest settled ones make room; pending ones stay. Safe from any thread.
class recent_ids {
 public:
    enum class seen {
        fresh,    ///< new, and pending from now on
        again,    ///< the same, of one that has failed
        pending,  ///< neither settled nor forgotten yet
        known,    ///< accepted
    };
    /// What the first one became.
    struct result {
        std::string id{};
        std::optional<tidings::position> position{};
    };
    using key = std::array<std::uint64_t, 2>;
    using keys = std::span<const key>;

    /// What an id without a result costs, about.
    static constexpr std::size_t entry_bytes = 192;

    /// @throws std::bad_alloc
    TIDINGS_DECL explicit recent_ids(std::size_t max_bytes,
                                     io::random& random = io::system_random());

    /// @throws std::bad_alloc
    TIDINGS_DECL key key_of(std::string_view id);

    /// What is known of any of the ids. When it is fresh or again, all are pending from now on.
    /// @throws std::bad_alloc; nothing has changed then
    TIDINGS_DECL seen begin(keys ks, result& first);
    /// What is pending is known from now on, until newer ones push it out. @throws std::bad_alloc
    TIDINGS_DECL void accept(keys ks, const result& r);
    void accept(keys ks) { accept(ks, result()); }
    /// What is pending has failed: the same may begin again.
    TIDINGS_DECL void fail(keys ks) noexcept;
    /// Whether any was there.
    TIDINGS_DECL bool forget(keys ks) noexcept;

    // The same for one id.
    seen begin(std::string_view id) {
        const key k = key_of(id);
        result ignored;
        return begin(keys(&k, 1), ignored);
    }
    void accept(std::string_view id) {
        const key k = key_of(id);
        accept(keys(&k, 1));
    }
    bool forget(std::string_view id) {
        const key k = key_of(id);
        return forget(keys(&k, 1));
    }

    /// What is held, about.
    TIDINGS_DECL std::size_t bytes() const;

 private:
    enum class phase { pending, accepted, failed };
    struct entry {
        phase now = phase::pending;
        std::unique_ptr<const result> first{};  // null: nothing to say
        std::list<key>::iterator place{};       // in pending_ or settled_
    };
    struct hash {
        std::size_t operator()(const key& k) const noexcept {
            return static_cast<std::size_t>(k[0]);
        }
    };
    using entry_map = std::unordered_map<key, entry, hash>;

    static std::size_t cost(const entry& e) noexcept;
    void add(const key& k);
    void settle(entry_map::iterator it, phase p) noexcept;
    void erase(entry_map::iterator it) noexcept;

    mutable std::mutex mutex_;  // guards what follows
    const std::size_t max_bytes_;
    hmac hmac_;
    entry_map entries_;
    std::list<key> pending_, settled_;  // the oldest first
    std::size_t bytes_ = 0;
};

}  // namespace tidings::detail
