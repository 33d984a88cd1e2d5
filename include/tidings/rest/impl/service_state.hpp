// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/inlet/impl/inlet.hpp>
#include <tidings/inlet/impl/rate_limit.hpp>
#include <tidings/outlet/access.hpp>
#include <tidings/outlet/sessions.hpp>
#include <tidings/rest/impl/poll_question.hpp>
#include <tidings/rest/impl/publication_attempt.hpp>
#include <tidings/rest/service.hpp>

#include <atomic>
#include <memory>
#include <string>

namespace tidings::rest::detail {

using tidings::detail::bus_state;
using tidings::detail::inlet;

/// Topics as HTTP resources, behind the handles of a service. Safe from any thread.
class service_state final : public std::enable_shared_from_this<service_state> {
 public:
    service_state(std::shared_ptr<bus_state> bus, service_options options);

    void admit(http::exchange& x);
    void handle(http::exchange& x);
    void drain();
    void close();
    void recheck(const tidings::detail::recheck_filter& which,
                 tidings::detail::recheck_handler handler) const {
        polls_.start_recheck(access_, which, std::move(handler));
    }
    const std::shared_ptr<bus_state>& bus() const noexcept { return bus_; }
    const service_options& options() const noexcept { return options_; }

 private:
    static constexpr std::string_view methods = "GET, HEAD, OPTIONS, POST";
    http::access make_access() const;
    void serve(http::exchange& x);
    void publish(http::exchange& x, const std::string& topic);
    void publish_granted(http::exchange& x, const std::string& topic, publication_attempt a);
    or_refusal<event_ptr> prepare(http::exchange& x, const std::string& topic,
                                  publication_attempt& a);
    or_refusal<void> check_rate(const http::exchange& x);
    event event_of(std::string&& body, std::string_view type) const;
    or_refusal<wire_event> read_event(http::request& r, const std::string& key) const;
    or_refusal<void> find_earlier(const wire_event& e, publication_attempt& a);
    void start(http::exchange& x, event_ptr p, publication_attempt&& a);

    void read(http::exchange& x, const std::string& pattern);
    void answer_question(http::exchange& x, http::stream_request asked);
    void answer(http::exchange x, long_poll_options q);

    const std::shared_ptr<bus_state> bus_;
    const service_options options_;
    const http::access access_;
    const inlet inlet_;
    sessions<long_poll> polls_;
    const std::shared_ptr<publications> publications_;
    tidings::detail::rate_limit rate_;
    std::atomic<bool> closed_{false};
};

}  // namespace tidings::rest::detail
