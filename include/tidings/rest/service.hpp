// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/authorizer.hpp>
#include <tidings/bus.hpp>
#include <tidings/http/exchange.hpp>
#include <tidings/metrics.hpp>

#include <vector>

namespace tidings::rest {

struct service_options {
    tidings::authenticator authenticator{};  ///< empty: loopback peers only
    /// Empty: everyone who is authenticated may publish and read.
    tidings::authorizer authorizer{};
    std::vector<std::string> allowed_origins{};  ///< empty: the Origin must be the Host

    std::size_t max_body_bytes = 1024 * 1024;
    std::size_t max_batch = 1000;                ///< events of one answer
    std::size_t max_answer_bytes = 1024 * 1024;  ///< of one answer; at least one event
    std::chrono::milliseconds max_wait{60'000};
    std::size_t max_waiting = 10'000;  ///< long polls at once; beyond it 429
    /// Source and type of events whose body is not a CloudEvent.
    std::string default_source = "/topics";
    std::string default_type = "tidings.message";
    std::shared_ptr<metrics_sink> metrics{};
};

namespace detail {
class service_state;
}

/// Topics as HTTP resources, below its mount point.
///
/// `POST /<topic>` publishes: a CloudEvent in structured or binary mode (CloudEvents HTTP binding),
/// else the body as data. It answers 202 with the receipt as JSON. An event whose `source` and
/// `id`, or whose `Idempotency-Key`, the history still holds is not published again; the answer is
/// the same with `"duplicate":true`.
///
/// `GET /<pattern>?after=<position>&max=N&wait=30s` reads what the history holds after a position
/// as a CloudEvents batch, with `Tidings-Position` and `Link: <...>; rel="next"`. Without `after`:
/// from the present on. With `wait`, when there is nothing yet, it is answered with the first event
/// to come, or with `[]`. Events that are gone: `Tidings-Gap: true`, and the position to go on
/// from. Nothing is kept between requests.
///
/// Refusals are application/problem+json: 400, 401, 403, 404, 405, 413, 415, 429, 503.
class service {
 public:
    TIDINGS_DECL explicit service(const bus& b, service_options options = {});
    service(service&&) = default;
    service& operator=(service&&) = default;

    TIDINGS_DECL void handle(http::exchange& x);
    TIDINGS_DECL std::size_t max_body_bytes() const noexcept;
    /// Answers every long poll with what there is. From any thread.
    TIDINGS_DECL void drain();

 private:
    std::shared_ptr<detail::service_state> state_;
};

}  // namespace tidings::rest
