// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/exchange.hpp>
#include <tidings/inlet/impl/rate_limit.hpp>
#include <tidings/lane/impl/lane.hpp>
#include <tidings/outlet/access.hpp>
#include <tidings/rest_hook/impl/answer_memory.hpp>
#include <tidings/rest_hook/impl/event_catalogue.hpp>
#include <tidings/rest_hook/impl/hook_asker.hpp>
#include <tidings/rest_hook/impl/hook_list.hpp>
#include <tidings/unique_function.hpp>

#include <chrono>
#include <memory>
#include <string>

namespace tidings::rest_hook::detail {

/// What the parts of a manager share.
struct api_parts {
    std::shared_ptr<const manager_options> options{};
    http::access access{};
    std::shared_ptr<webhook::detail::sender_state> sender{};
    std::shared_ptr<const proof_terms> terms{};
    std::shared_ptr<const event_catalogue> types{};
    std::shared_ptr<hook_asker> asker{};
    std::shared_ptr<hook_list> hooks{};
    std::shared_ptr<answer_memory> answers{};
    std::shared_ptr<tidings::detail::rate_limit> creations{};
};

/// A request that is being answered, and its caller.
class api_call {
 public:
    /// @param at the path of the collection, where the answer names it
    api_call(http::exchange x, principal who, hook_viewer sees, answer_memory::claim key,
             std::string at = {}) noexcept;

    /// Answers, unless that was done. What was done is remembered for a repetition; what was
    /// refused may be tried again.
    void respond(http::response r);
    void respond(unsigned status, std::string body);

    http::exchange exchange;  // empty once it was answered, and while others have it
    const principal caller;
    const hook_viewer viewer;
    const std::string collection;  ///< the path of it

 private:
    answer_memory::claim key_;
};

using call_ptr = std::shared_ptr<api_call>;

/// The answer 503 with Retry-After.
http::response try_again(std::string_view why);
/// The answer to what went wrong in a store or a sender: 404, 409, 412, 429, 503.
http::response answer_to(error_code ec);
http::response not_there();
/// The answer 412.
http::response changed_meanwhile();
/// The answer 409 to a change before which others came again and again.
http::response changed_all_the_time();
/// The answer 409 to what is not done with a subscription by a WebSub hub.
http::response of_a_hub();
http::response json_answer(unsigned status, std::string body);

/// A call that waits for a store, no longer than the options say; made by `lane::make_resident`.
struct waiting_call {
    /// `on_late` is called after it was answered 503.
    waiting_call(call_ptr c, std::chrono::milliseconds timeout, unique_function<void()> on_late);

    /// The store has answered. Whether the client still waits.
    bool end() noexcept;

    const call_ptr call;
    unique_function<void()> on_late;
    tidings::detail::wheel_timer deadline;
};

std::shared_ptr<waiting_call> wait_for_store(const call_ptr& c, std::chrono::milliseconds timeout,
                                             unique_function<void()> on_late = nullptr);

}  // namespace tidings::rest_hook::detail
