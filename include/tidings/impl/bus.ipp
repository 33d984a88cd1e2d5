// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus.hpp>
#include <tidings/bus/impl/bus_explain.hpp>
#include <tidings/bus/impl/bus_state.hpp>
#include <tidings/store/memory_history.hpp>

#include <boost/asio/system_executor.hpp>

#include <stdexcept>

namespace tidings {

namespace {

std::shared_ptr<history> history_of(const history_options& o, io::clock* clock) {
    if (o.implementation) return o.implementation;
    auto rules = o.rules;
    if (o.max_events != 0) rules.push_back({">", o.max_events, o.max_bytes, o.max_age});
    for (const auto& rule : rules)
        if (check_pattern(rule.pattern))
            throw std::invalid_argument("tidings::bus: history rule is not a pattern: " +
                                        rule.pattern);
    return rules.empty() ? nullptr : make_memory_history(std::move(rules), clock);
}

void check_metric_patterns(const std::vector<std::string>& patterns) {
    if (patterns.size() > bus_options::max_metric_patterns)
        throw std::invalid_argument("tidings::bus: too many patterns of metrics");
    for (const auto& p : patterns)
        if (check_pattern(p))
            throw std::invalid_argument("tidings::bus: not a pattern of metrics: " + p);
}

std::shared_ptr<detail::bus_state> make_bus_state(net::any_io_executor executor,
                                                  bus_options options) {
    check_metric_patterns(options.metric_patterns);
    auto history = history_of(options.history, options.clock);
    const std::shared_ptr<detail::bus_state> state(
        new detail::bus_state(executor, std::move(options), std::move(history)),
        &detail::bus_state::dispose);
    if (const auto& o = state->options(); o.metrics)
        state->set_watch(
            std::make_shared<detail::publication_watch>(o.metrics, o.metric_patterns, o.log));
    detail::watch_context(executor, state);
    if (state->history()) state->begin_to_listen();
    return state;
}

}  // namespace

bus::bus(net::any_io_executor executor, bus_options options)
    : state_(make_bus_state(std::move(executor), std::move(options))) {}

bus& bus::operator=(bus&& o) noexcept {
    if (this != &o) {
        if (state_) state_->close();
        state_ = std::move(o.state_);
    }
    return *this;
}

bus::~bus() {
    if (state_) state_->close();
}

namespace {

// A handle's error names no pattern: the log does.
template <class Handle>
Handle logged(const std::shared_ptr<detail::bus_state>& s, std::string_view pattern, Handle made) {
    const auto ec = made.error();
    if (ec && s->log())
        s->log()(
            {log_level::warning, "bus", "not subscribed to \"" + std::string(pattern) + '"', ec});
    return made;
}

}  // namespace

subscription bus::subscribe(std::string_view pattern, any_subscriber s, subscribe_options options) {
    if (!state_) return {};
    return logged(state_, pattern,
                  state_->subscribe(pattern, std::move(s).release(), std::move(options)));
}

subscription bus::subscribe_callback(std::string_view pattern, net::any_io_executor io,
                                     detail::event_callback_function f, subscribe_options options) {
    if (!state_) return {};
    return logged(
        state_, pattern,
        state_->subscribe_callback(pattern, std::move(io), std::move(f), std::move(options)));
}

subscription bus::subscribe_immediate(std::string_view pattern, detail::event_callback_function f,
                                      event_filter filter) {
    if (!state_) return {};
    return logged(state_, pattern,
                  state_->subscribe_immediate(pattern, std::move(f), std::move(filter)));
}

receiver bus::receive(std::string_view pattern, subscribe_options options) {
    if (!state_) return {};
    return logged(state_, pattern, receiver(state_->receive(pattern, std::move(options))));
}

subscription bus::start_responder(std::string_view pattern, net::any_io_executor io,
                                  detail::responder_function f, respond_options options) {
    if (!state_) return {};
    return logged(state_, pattern, state_->respond(pattern, std::move(io), std::move(f), options));
}

receipt bus::publish(std::string_view topic, event e) {
    if (!state_) return receipt(errc::closed);
    return state_->publish(topic, std::move(e));
}

receipt bus::publish(std::string_view topic, const event_ptr& e) {
    return state_ ? state_->publish(topic, e) : receipt(errc::closed);
}

topic_handle bus::topic(std::string_view name, error_code& ec) {
    ec = state_ ? check_topic(name) : make_error_code(errc::closed);
    if (ec) return {};
    return {state_, state_->make_route(name)};
}

topic_handle bus::topic(std::string_view name) {
    error_code ec;
    auto made = topic(name, ec);
    if (ec)
        throw std::invalid_argument("tidings::bus::topic(\"" + std::string(name) +
                                    "\"): " + ec.message());
    return made;
}

position bus::head() const {
    return state_ && state_->history() ? state_->history()->head() : position();
}

std::size_t bus::subscriptions() const noexcept {
    return state_ ? state_->subscriptions() : 0;
}

bool bus::forget(std::string_view topic) noexcept {
    return state_ && state_->forget(topic);
}

retained_counters bus::retained() const noexcept {
    return state_ ? state_->retained() : retained_counters();
}

explanation bus::explain(std::string_view topic) const {
    if (state_) return detail::explain(*state_, topic);
    return {.topic = std::string(topic), .refused = errc::closed};
}

tap bus::add_tap(detail::tap_function f) {
    if (!state_) return {};
    auto made = std::make_shared<detail::tap_state>(state_, std::move(f));
    state_->add_tap(made, state_->log());
    return tidings::tap(std::move(made));
}

bus::executor_type bus::get_executor() const noexcept {
    return state_ ? state_->executor() : net::any_io_executor(net::system_executor());
}

std::shared_ptr<subscriber> bus::as_subscriber() noexcept {
    return state_;
}

std::shared_ptr<drainable> bus::drain_state() const noexcept {
    return state_;
}

void bus::start_request(const std::shared_ptr<detail::bus_state>& s, std::string_view topic,
                        event e, std::chrono::milliseconds timeout,
                        detail::request_handler handler) {
    if (s) return s->start_request(topic, std::move(e), timeout, std::move(handler));
    std::move(handler)(make_error_code(errc::closed), event_ptr());
}

void bus::start_drain(const std::shared_ptr<detail::bus_state>& s,
                      tidings::completion_handler<error_code> handler) {
    if (!s) return std::move(handler)(make_error_code(errc::closed));
    s->start_drain([h = std::move(handler)](error_code ec) mutable { std::move(h)(ec); });
}

void bus::start_publish(const std::shared_ptr<detail::bus_state>& s, std::string topic, event e,
                        detail::publish_handler handler) {
    if (s) return s->start_publish(std::string_view(topic), std::move(e), std::move(handler));
    std::move(handler)(make_error_code(errc::closed), receipt(errc::closed));
}

}  // namespace tidings
