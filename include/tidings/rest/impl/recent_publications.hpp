// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/position.hpp>

#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace tidings::rest::detail {

/// What is being published, and was lately, each under up to two keys (its source and id, the
/// Idempotency-Key), so that a repetition is recognised. Safe from any thread.
class recent_publications {
 public:
    enum class standing {
        fresh,    ///< new, and pending from now on
        again,    ///< the same, of one that has failed
        pending,  ///< neither accepted nor failed yet
        known,    ///< accepted
    };
    struct result {
        std::string id{};
        std::optional<position> place{};
    };
    using keys = std::vector<std::string>;

    /// `max`: how many keys are remembered beyond those pending.
    explicit recent_publications(std::size_t max) : max_(max) {}

    /// `first` is what became of the one that is known.
    TIDINGS_DECL standing begin(const keys& ks, result& first);
    TIDINGS_DECL void accept(const keys& ks, const result& r);
    /// Whoever tries again is not told that it is published already.
    TIDINGS_DECL void fail(const keys& ks) noexcept;

 private:
    enum class phase { pending, accepted, failed };
    struct entry {
        phase now = phase::pending;
        result what{};
        std::list<const std::string*>::iterator place{};  // unless it is pending
    };
    void settle(const std::string& key, phase p, const result& r);

    std::mutex mutex_;
    const std::size_t max_;
    std::list<const std::string*> settled_;  // the oldest first; the map holds the text
    std::unordered_map<std::string, entry> entries_;
};

}  // namespace tidings::rest::detail
