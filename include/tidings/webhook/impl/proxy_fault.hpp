// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/errc.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace tidings::webhook::detail {

/// Whether a request ended at the proxy, whose fault says nothing about the target.
/// @param status of the answer; 0: there is none
inline bool is_proxy_fault(error_code ec, unsigned status) noexcept {
    return status == 0 && (ec == errc::proxy_failed || ec == errc::proxy_unauthorized);
}

/// How long a question waits that so many in a row, at least one, have not got beyond the proxy.
inline std::chrono::milliseconds wait_of_proxy_fault(std::uint32_t failures) noexcept {
    constexpr std::chrono::milliseconds first{1000}, longest = std::chrono::hours(1);
    const auto doublings = std::min<std::uint32_t>(failures - 1, 20);
    return std::min<std::chrono::milliseconds>(first * (std::int64_t{1} << doublings), longest);
}

}  // namespace tidings::webhook::detail
