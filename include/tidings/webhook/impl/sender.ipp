// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/impl/guarded.hpp>
#include <tidings/webhook/impl/sender_state.hpp>

#include <boost/asio/post.hpp>

#include <algorithm>

namespace tidings::webhook {

namespace detail {

namespace {

http::client_options http_options(const sender_options& o, const address_guard& guard) {
    http::client_options h;
    h.tls = o.tls;
    h.connect_timeout = o.connect_timeout;
    h.request_timeout = o.request_timeout;
    h.max_response_bytes = o.max_response_bytes;
    h.user_agent = o.user_agent;
    h.environment = o.environment;
    h.address_filter = [guard](const net::ip::address& a) { return guard.allows(a); };
    return h;
}

std::vector<secret> read_secrets(const endpoint_options& o, error_code& ec) {
    std::vector<secret> secrets;
    if (o.secret.empty() && o.secrets.empty()) ec = errc::webhook_missing_secret;
    if (!o.secret.empty()) secrets.push_back(secret::parse(o.secret, ec));
    for (const auto& text : o.secrets)
        if (!ec) secrets.push_back(secret::parse(text, ec));
    return secrets;
}

}  // namespace

sender_state::sender_state(net::any_io_executor executor, sender_options options)
    : on_attempt_(options.on_attempt ? std::make_shared<const attempt_hook>(
                                           std::exchange(options.on_attempt, nullptr))
                                     : nullptr),
      options_(std::move(options)),
      outbox_(options_.outbox ? options_.outbox : store::make_memory_outbox()),
      schedule_(options_.retry),
      guard_(options_.guard),
      lane_(lane::make(executor, *options_.environment.clock)),
      again_([this] {
          wake_ = io::system_time::max();
          finish();
          claim();
      }),
      drain_deadline_([this] { end(); }) {
    http_.emplace(executor, http_options(options_, guard_));
}

error_code sender_state::check_target(const std::string& url) const {
    error_code ec;
    const auto target = http::url::parse(url, ec);
    return ec ? ec : guard_.check_url(target);
}

std::shared_ptr<endpoint_state> sender_state::add(endpoint_options options, error_code& ec) {
    ec = taking_ ? check_target(options.url) : make_error_code(errc::closed);
    if (ec) return nullptr;
    const auto secrets = read_secrets(options, ec);
    if (ec) return nullptr;
    if (options.id.empty()) options.id = options.url;
    options.max_in_flight = std::max<std::size_t>(options.max_in_flight, 1);
    auto state = std::make_shared<endpoint_state>(shared_from_this(), std::move(options),
                                                  standard_signer(secrets));
    endpoints_.add(state);
    // A durable outbox may hold deliveries for it from before.
    net::post(lane_->executor(), [self = shared_from_this()] { self->claim(); });
    return state;
}

void sender_state::report(const endpoint_state& e, const attempt& a) const {
    const bool success = a.result == verdict::success;
    if (options_.metrics)
        options_.metrics->count("webhook_attempts", {{"result", success ? "success" : "failure"}},
                                1);
    if (options_.log && !success)
        options_.log(
            {a.next ? log_level::info : log_level::warning, "webhook", e.label(), a.error});
    std::shared_ptr<const attempt_hook> hook;  // ends after its call, whatever that ends
    {
        const std::lock_guard lock(mutex_);
        hook = on_attempt_;
    }
    if (hook) guarded(options_.log, "webhook", [&] { (*hook)(a); });
}

}  // namespace detail

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
    if (state_) return webhook::endpoint(state_->add(std::move(options), ec));
    ec = errc::closed;
    return webhook::endpoint(nullptr);
}

webhook::endpoint sender::endpoint(endpoint_options options) {
    error_code ec;
    const auto label = detail::origin_of(options.url);
    auto result = endpoint(std::move(options), ec);
    if (ec) throw boost::system::system_error(ec, "tidings: webhook endpoint " + label);
    return result;
}

std::shared_ptr<tidings::detail::drainable> sender::drain_state() const {
    return state_;
}
std::size_t sender::in_flight() const noexcept {
    return state_ ? state_->in_flight() : 0;
}

}  // namespace tidings::webhook
