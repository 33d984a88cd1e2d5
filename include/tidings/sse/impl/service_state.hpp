// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/outlet/impl/stream_request.hpp>
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

    bool admit(http::exchange& x);
    void handle(http::exchange& x);
    void drain();
    void close();
    std::size_t sessions() const noexcept { return streams_.size(); }

 private:
    static constexpr std::string_view methods = "GET, HEAD, OPTIONS";
    http::stream_policy policy() const {
        return {options_.authenticator, options_.authorizer, options_.allowed_origins};
    }
    void open(http::exchange& x, http::stream_request asked);
    stream::settings settings_for(const http::exchange& x, const http::stream_request& asked);
    static http::response head();
    std::string retry_field(const http::exchange& x) const;

    std::shared_ptr<bus_state> bus_;
    service_options options_;
    std::shared_ptr<const sse::hooks> hooks_;
    tidings::sessions<stream> streams_;
    std::atomic<bool> closed_{false};
};

}  // namespace tidings::sse::detail
