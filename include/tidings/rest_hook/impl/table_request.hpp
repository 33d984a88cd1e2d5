// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/exchange.hpp>
#include <tidings/lane/impl/lane.hpp>
#include <tidings/unique_function.hpp>

#include <chrono>

namespace tidings::rest_hook::detail {

using tidings::detail::wheel_timer;

/// The answer 503 with Retry-After.
http::response try_again(std::string_view why);

/// A request that waits for the table, no longer than the options say.
struct table_request {
    /// `on_late` is called after it was answered.
    table_request(http::exchange x, std::chrono::milliseconds timeout,
                  unique_function<void()> on_late);

    http::exchange exchange;  // empty once it was answered
    unique_function<void()> on_late;
    wheel_timer deadline;
};

}  // namespace tidings::rest_hook::detail
