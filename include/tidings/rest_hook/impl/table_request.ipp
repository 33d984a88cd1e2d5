// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/rest_hook/impl/table_request.hpp>

namespace tidings::rest_hook::detail {

using namespace tidings::detail;

http::response try_again(std::string_view why) {
    auto r = http::problem(503, "Not now", why);
    r.fields.set("Retry-After", "1");
    return r;
}

table_request::table_request(http::exchange x, std::chrono::milliseconds timeout,
                             unique_function<void()> late)
    : exchange(std::move(x)),
      on_late(std::move(late)),
      deadline([this] {
          exchange.respond(try_again("the table of subscriptions does not answer"));
          if (on_late) on_late();
      }) {
    deadline.arm(exchange.lane()->timers(), timeout);
}

}  // namespace tidings::rest_hook::detail
