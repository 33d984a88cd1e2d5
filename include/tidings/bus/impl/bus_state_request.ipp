// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/bus_state.hpp>
#include <tidings/bus/impl/request/request_desk.hpp>
#include <tidings/bus/impl/subscription/responder_subscription.hpp>

#include <new>

namespace tidings::detail {

// A history that commits later may still be giving the publication its position: the responder then
// has another block of the same content.
event_ptr bus_state::as_request(const event_ptr& e, const receipt& published,
                                error_code& ec) noexcept {
    if (published.position || !is_kept(e->topic())) return e;
    return maker_.make(e->topic(), e, {.hops = e->info().hops}, ec);
}

void bus_state::start_request(std::string_view topic, event&& e, std::chrono::milliseconds timeout,
                              request_handler handler) {
    auto ec = destination(topic).check();
    const auto frozen = make(topic, ec, std::move(e));
    if (const stage now = stage_; !ec && now >= stage::drained) ec = refusal_at(now);
    if (!ec && !requests_->has_responder(topic)) ec = errc::no_responders;
    if (!ec && timeout.count() <= 0) ec = errc::timed_out;
    const auto request = requests_->open(std::move(handler), ec);
    if (!request) return;
    try {
        request->start(timeout);
    } catch (const std::bad_alloc&) {
        request->complete(errc::out_of_memory);
        return;
    }
    receipt published;
    publish_frozen(frozen, {}, nullptr, published);
    ec = published.error;
    const auto asked = ec ? event_ptr() : as_request(frozen, published, ec);
    if (ec)
        request->complete(ec);
    else
        requests_->hand(asked, request);
}

subscription bus_state::respond(std::string_view pattern, net::any_io_executor io,
                                responder_function f, respond_options options) {
    const auto s = make_subscription<responder_subscription>(
        std::move(io), pattern, std::move(f), options.limits, options_.log, requests_);
    auto ec = check_pattern(pattern);
    if (!ec) ec = requests_->add(s);
    if (!ec) {
        const std::lock_guard lock(mutex_);
        ec = admit();
        if (!ec) link(s);
    }
    if (ec) s->end(ec);
    return subscription(s);
}

}  // namespace tidings::detail
