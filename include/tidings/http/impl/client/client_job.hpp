// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/client.hpp>
#include <tidings/http/impl/client/request_terms.hpp>
#include <tidings/lane/impl/lane.hpp>

namespace tidings::http::detail {

class client_connection;
class client_state;
struct origin_pool;

/// For an error before the status line of an answer.
inline response no_answer() {
    return {.status = 0};
}

/// What is asked of a server, and how.
struct client_question {
    std::shared_ptr<const request_target> target{};
    std::string text{};  // the request; the wire has it while it is under way
    bool to_head = false;
    bool idempotent = false;
    bool encoding_given = false;    // the request has an Accept-Encoding of its own
    request_terms terms{};          // their body is behind the text, where it is not in that
    diagnostics* detail = nullptr;  // what an error gets beside its code; null: nothing
};

/// One request until its answer. Lane-confined.
struct client_job : std::enable_shared_from_this<client_job> {
    /// @param h of the lane's
    client_job(std::weak_ptr<client_state> s, response_handler h);
    /// Completes, once and within this call, which is the last thing that its caller does.
    void finish(error_code ec, response r = no_answer());
    /// From outside: by its deadline, a cancellation, the end of the client.
    void abort(error_code ec);

    const std::weak_ptr<client_state> state;
    response_handler handler;
    tidings::detail::wheel_timer deadline;
    client_question asked{};
    origin_pool* pool = nullptr;
    client_connection* connection = nullptr;
};

}  // namespace tidings::http::detail
