// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/io/clock.hpp>

#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace tidings::http::detail {

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
    void restart(io::steady_time at) noexcept { *this = exchange_trace(at); }

    explicit exchange_trace(io::steady_time at) noexcept : since_(at) {}

    phase now = phase::queue;
    std::string address{};  ///< of the peer, as `io::stream::remote_address`

 private:
    io::steady_time since_;
    std::array<duration, 7> took_{};
};

}  // namespace tidings::http::detail
