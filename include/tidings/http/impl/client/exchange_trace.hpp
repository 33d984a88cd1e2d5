// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/io/clock.hpp>

#include <boost/asio/ip/address.hpp>

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace tidings::http::detail {

struct client_job;

/// Where an exchange is, and how long each of its phases took that has ended. On a connection that
/// was open already it begins with `write`. Of the client's lane.
struct exchange_trace {
    enum class phase { queue, resolve, connect, tls, write, first_byte, body };
    using duration = std::optional<std::chrono::microseconds>;

    static constexpr std::string_view name_of(phase p) noexcept {
        constexpr std::array<std::string_view, 7> names{"queue", "resolve",    "connect", "tls",
                                                        "write", "first_byte", "body"};
        return names[static_cast<std::size_t>(p)];
    }
    duration took(phase p) const noexcept { return took_[static_cast<std::size_t>(p)]; }
    void begin(phase p, io::steady_time at) noexcept {
        if (p == now) return;
        took_[static_cast<std::size_t>(now)] =
            std::chrono::duration_cast<std::chrono::microseconds>(at - since_);
        now = p;
        since_ = at;
    }
    /// It begins again, on another connection.
    void restart(io::steady_time at) noexcept {
        auto same = std::move(job);
        *this = exchange_trace(at);
        job = std::move(same);
    }

    explicit exchange_trace(io::steady_time at) noexcept : since_(at) {}

    phase now = phase::queue;
    std::string address{};                      ///< of the peer, as `io::stream::remote_address`
    std::optional<net::ip::address> refused{};  ///< the first that the address filter refused
    std::weak_ptr<client_job> job{};            ///< set by the client: see `cut`

 private:
    io::steady_time since_;
    std::array<duration, 7> took_{};
};

/// Ends the exchange within this call, with operation_aborted, unless it has ended. In the lane.
TIDINGS_DECL void cut(const exchange_trace& t);

}  // namespace tidings::http::detail
