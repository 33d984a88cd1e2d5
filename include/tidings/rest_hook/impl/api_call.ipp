// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/impl/finds_memory.hpp>
#include <tidings/rest_hook/impl/api_call.hpp>

#include <utility>

namespace tidings::rest_hook::detail {

using namespace tidings::detail;

api_call::api_call(http::exchange x, principal who, hook_viewer sees, answer_memory::claim key,
                   std::string at) noexcept
    : exchange(std::move(x)),
      caller(std::move(who)),
      viewer(std::move(sees)),
      collection(std::move(at)),
      key_(std::move(key)) {}

void api_call::respond(http::response r) {
    if (!exchange) return;
    if (r.status >= 200 && r.status < 300) finds_memory([&] { key_.settle(r); });
    const auto ended = std::exchange(key_, answer_memory::claim());
    exchange.respond(std::move(r));
}

void api_call::respond(unsigned status, std::string body) {
    respond(json_answer(status, std::move(body)));
}

http::response json_answer(unsigned status, std::string body) {
    return {status,
            {{"Content-Type", "application/json"}, {"Cache-Control", "no-store"}},
            std::move(body)};
}

http::response try_again(std::string_view why) {
    auto r = http::problem(503, "Not now", why);
    r.fields.set("Retry-After", "1");
    return r;
}

http::response not_there() {
    return http::problem(404, "Not found", make_error_code(errc::not_found).message());
}

http::response changed_meanwhile() {
    return http::problem(412, "Changed", "the subscription is not what If-Match says any more");
}

http::response changed_all_the_time() {
    return http::problem(409, "Conflict", "others change it all the time");
}

http::response of_a_hub() {
    return http::problem(409, "Subscribed by WebSub", "its subscriber changes it, at the hub");
}

http::response answer_to(error_code ec) {
    if (ec == errc::not_found) return not_there();
    if (ec == errc::webhook_disabled) return http::problem(409, "Disabled", ec.message());
    if (ec != errc::outbox_full) return try_again(ec.message());
    auto r = http::problem(429, "Too much is owed", ec.message());
    r.fields.set("Retry-After", "60");
    return r;
}

waiting_call::waiting_call(call_ptr c, std::chrono::milliseconds timeout,
                           unique_function<void()> late)
    : call(std::move(c)),
      on_late(std::move(late)),
      deadline([this] {
          call->respond(try_again("the store does not answer"));
          if (on_late) on_late();
      }) {
    deadline.arm(call->exchange.lane()->timers(), timeout);
}

bool waiting_call::end() noexcept {
    deadline.cancel();
    return static_cast<bool>(call->exchange);
}

std::shared_ptr<waiting_call> wait_for_store(const call_ptr& c, std::chrono::milliseconds timeout,
                                             unique_function<void()> on_late) {
    const auto lane = c->exchange.lane();
    return lane->make_resident<waiting_call>(c, timeout, std::move(on_late));
}

}  // namespace tidings::rest_hook::detail
