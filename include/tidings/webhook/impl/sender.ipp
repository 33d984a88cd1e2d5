// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/webhook/impl/sender_state.hpp>
#include <tidings/webhook/sender.hpp>

#include <stdexcept>
#include <string>

namespace tidings::webhook {

sender::sender(net::any_io_executor executor, sender_options options)
    : state_(std::make_shared<detail::sender_state>(std::move(executor), std::move(options))) {}

sender& sender::operator=(sender&& o) noexcept {
    if (this != &o) {
        if (state_) state_->stop();
        state_ = std::move(o.state_);
    }
    return *this;
}

sender::~sender() {
    if (state_) state_->stop();
}

webhook::endpoint sender::endpoint(endpoint_options options, error_code& ec) {
    diagnostics unread;
    return endpoint(std::move(options), ec, unread);
}

webhook::endpoint sender::endpoint(endpoint_options options, error_code& ec, diagnostics& detail) {
    detail = {};
    if (state_) return webhook::endpoint(state_->add(std::move(options), ec, &detail));
    ec = errc::closed;
    return webhook::endpoint(nullptr);
}

webhook::endpoint sender::endpoint(endpoint_options options) {
    error_code ec;
    const auto label = detail::origin_of(options.url);
    diagnostics detail;
    auto result = endpoint(std::move(options), ec, detail);
    if (!ec) return result;
    const auto what = detail.empty() ? "" : " (" + detail.message() + ')';
    throw std::invalid_argument("tidings: webhook endpoint " + label + ": " + ec.message() + what);
}

std::shared_ptr<drainable> sender::drain_state() const {
    return state_;
}

net::any_io_executor sender::get_executor() const noexcept {
    return state_ ? state_->executor() : net::any_io_executor(net::system_executor());
}

std::shared_ptr<store::outbox> sender::outbox() const {
    return state_ ? state_->outbox() : nullptr;
}

void sender::start_redeliver(const std::shared_ptr<detail::sender_state>& s,
                             store::outbox_selection of, bool as_new, redeliver_handler handler) {
    if (!s) return std::move(handler)(make_error_code(errc::closed), store::outbox_redelivered());
    s->redeliver(std::move(of), as_new, std::move(handler));
}

void sender::start_outcome(const std::shared_ptr<detail::sender_state>& s, store::outbox_event of,
                           outcome_handler handler) {
    error_code ec;
    if (of.id.empty()) ec = errc::invalid_argument;
    if (!s) ec = errc::closed;
    if (ec) return std::move(handler)(ec, event_outcome());
    s->outcomes().ask(std::move(of), std::move(handler));
}

void sender::start_erase(const std::shared_ptr<detail::sender_state>& s, std::string owner,
                         tidings::completion_handler<error_code> handler) {
    if (!s) return std::move(handler)(make_error_code(errc::closed));
    s->erase(std::move(owner), std::move(handler));
}

void sender::start_resend(const std::shared_ptr<detail::sender_state>& s, std::uint64_t attempt,
                          bool as_new, tidings::completion_handler<error_code> handler) {
    if (!s) return std::move(handler)(make_error_code(errc::closed));
    s->resend(attempt, as_new, std::move(handler));
}

void sender::start_drain(const std::shared_ptr<detail::sender_state>& s,
                         tidings::completion_handler<error_code> handler) {
    if (!s) return std::move(handler)(make_error_code(errc::closed));
    s->start_drain([h = std::move(handler)](error_code ec) mutable { std::move(h)(ec); });
}
std::size_t sender::in_flight() const noexcept {
    return state_ ? state_->in_flight() : 0;
}

}  // namespace tidings::webhook
