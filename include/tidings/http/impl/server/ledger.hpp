// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/server.hpp>
#include <tidings/unique_function.hpp>

#include <mutex>
#include <unordered_map>

namespace tidings::http::detail {

class seat;

/// Counts the connections of a server. Safe from any thread.
class ledger : public std::enable_shared_from_this<ledger> {
 public:
    enum class verdict { welcome, full, address_full, turned_away };
    struct admission {
        verdict result;
        std::shared_ptr<http::detail::seat> seat;
    };

    explicit ledger(std::shared_ptr<const server_options> options) : options_(std::move(options)) {}

    /// Counts a connection. One that is over a limit still gets a seat, among a few that are
    /// answered so; beyond those it gets none and is closed.
    admission enter(const std::string& remote_address, bool loopback);
    /// The answer to a connection that is over a limit.
    static response refusal(verdict v);
    /// Connections within the limits.
    std::size_t size() const noexcept;
    /// Calls `f` once when there is no connection, at once if so now; on any thread.
    void when_empty(tidings::unique_function<void()> f);

 private:
    friend class seat;
    static constexpr std::size_t max_refusals = 64;  // under way at a time
    void leave(const std::string& address, bool refused) noexcept;

    const std::shared_ptr<const server_options> options_;
    mutable std::mutex mutex_;  // guards the rest
    std::size_t size_ = 0;
    std::size_t refusals_ = 0;
    std::unordered_map<std::string, std::size_t> per_address_;
    tidings::unique_function<void()> when_empty_;
};

/// A connection's place in the ledger, left when destroyed.
class seat {
 public:
    seat(std::shared_ptr<ledger> l, std::string address, bool refused)
        : ledger_(std::move(l)),
          address_(std::move(address)),
          refused_(refused) {}
    seat(const seat&) = delete;
    seat& operator=(const seat&) = delete;
    ~seat() { ledger_->leave(address_, refused_); }

 private:
    const std::shared_ptr<ledger> ledger_;
    const std::string address_;
    const bool refused_;
};

}  // namespace tidings::http::detail
