// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/config.hpp>

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

namespace tidings::http::detail {

/// The bytes that a server holds of request bodies, of WebSocket messages that have not all
/// arrived, and of the answers to long polls, over all connections. A caller that is not
/// authenticated shares a quarter of them: there an address may hold as much as is still free, so
/// that one address gets half of the quarter, two a third each, and some is left for another.
/// Safe from any thread.
class body_budget {
 public:
    explicit body_budget(std::size_t max_bytes) : max_bytes_(max_bytes) {}

    /// Counts more bytes, or none and returns false. `address` is empty for peers that are not
    /// counted by address.
    TIDINGS_DECL bool take(std::size_t bytes, bool authenticated,
                           const std::string& address) noexcept;
    TIDINGS_DECL void give_back(std::size_t bytes, bool authenticated,
                                const std::string& address) noexcept;
    TIDINGS_DECL std::size_t held() const noexcept;
    /// What such a caller may hold when nobody else holds anything.
    std::size_t most(bool authenticated, const std::string& address) const noexcept {
        if (authenticated) return max_bytes_;
        return address.empty() ? max_bytes_ / 4 : max_bytes_ / 8;
    }

 private:
    const std::size_t max_bytes_;
    mutable std::mutex mutex_;  // guards the rest
    std::size_t held_ = 0;
    std::size_t held_by_strangers_ = 0;
    std::unordered_map<std::string, std::size_t> per_address_;
};

/// What one body or connection holds of the budget, until it is destroyed. Confined to its lane.
class body_share {
 public:
    body_share(std::shared_ptr<body_budget> b, bool authenticated, std::string address)
        : budget_(std::move(b)),
          authenticated_(authenticated),
          address_(std::move(address)) {}
    body_share(const body_share&) = delete;
    body_share& operator=(const body_share&) = delete;
    ~body_share() { budget_->give_back(bytes_, authenticated_, address_); }

    /// False when the budget does not allow it.
    bool grow_to(std::size_t bytes) {
        if (bytes <= bytes_) return true;
        if (!budget_->take(bytes - bytes_, authenticated_, address_)) return false;
        bytes_ = bytes;
        return true;
    }
    /// As `grow_to`, and gives back what is more.
    bool resize_to(std::size_t bytes) {
        if (bytes >= bytes_) return grow_to(bytes);
        budget_->give_back(bytes_ - bytes, authenticated_, address_);
        bytes_ = bytes;
        return true;
    }
    std::size_t most() const noexcept { return budget_->most(authenticated_, address_); }

 private:
    const std::shared_ptr<body_budget> budget_;
    const bool authenticated_;
    const std::string address_;
    std::size_t bytes_ = 0;
};

}  // namespace tidings::http::detail
