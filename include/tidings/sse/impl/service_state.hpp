// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/outlet/access.hpp>
#include <tidings/outlet/sessions.hpp>
#include <tidings/sse/impl/sse_session.hpp>
#include <tidings/sse/service.hpp>

#include <atomic>

namespace tidings::sse::detail {

using tidings::detail::bus_state;

/// The streams of one service.
class service_state final : public std::enable_shared_from_this<service_state> {
 public:
    service_state(std::shared_ptr<bus_state> bus, service_options options);

    void admit(http::exchange& x);
    void handle(http::exchange& x);
    void drain();
    void close();
    void recheck(const tidings::detail::recheck_filter& which,
                 tidings::detail::recheck_handler handler) const {
        sessions_.start_recheck(access_, which, std::move(handler));
    }
    const std::shared_ptr<bus_state>& bus() const noexcept { return bus_; }
    std::size_t sessions() const noexcept { return sessions_.size(); }

 private:
    static constexpr std::string_view methods = "GET, HEAD, OPTIONS";
    static bool takes_method(http::exchange& x);
    void serve(http::exchange& x);
    void answer(http::exchange& x, http::stream_request asked);
    void open(http::exchange& x, http::stream_request asked);
    static http::response head();
    std::string retry_field(const http::exchange& x) const;

    const std::shared_ptr<bus_state> bus_;
    const http::access access_;
    const std::chrono::milliseconds retry_;
    const std::shared_ptr<const sse::hooks> hooks_;
    tidings::sessions<sse_session> sessions_;
    const std::shared_ptr<const sse_session_options> options_;
    std::atomic<bool> closed_{false};
};

}  // namespace tidings::sse::detail
