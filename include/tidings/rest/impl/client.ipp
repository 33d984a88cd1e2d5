// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/codec/cloudevents_json.hpp>
#include <tidings/http/impl/message/percent.hpp>
#include <tidings/http/impl/message/url.hpp>
#include <tidings/rest/impl/client_state.hpp>
#include <tidings/text/impl/json_text.hpp>
#include <tidings/topic.hpp>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/system_executor.hpp>

#include <charconv>
#include <stdexcept>

namespace tidings::rest {

namespace detail {

error_code error_of(const http::response& r) noexcept {
    if (r.status >= 200 && r.status < 300) return {};
    switch (r.status) {
        case 400:
        case 415:
        case 422:
            return errc::invalid_argument;
        case 401:
            return errc::unauthorized;
        case 403:
            return errc::forbidden;
        case 404:
            return errc::not_found;
        case 408:
            return errc::timed_out;
        case 413:
            return errc::too_large;
        case 429:
            return errc::rate_limited;
        case 503:
            return errc::shutting_down;
        default:
            return errc::http_status;
    }
}

receipt read_receipt(std::string_view body) {
    receipt out;
    if (!is_json(body)) return out;
    for (const auto& [name, raw] : json_members(body)) {
        error_code ec;
        if (name == "position" && raw.starts_with('"')) {
            auto p = position::parse(read_json_string(raw), ec);
            if (!ec) out.position = std::move(p);
        }
        auto* const number = name == "matched"     ? &out.matched
                             : name == "delivered" ? &out.delivered
                             : name == "queued"    ? &out.queued
                             : name == "dropped"   ? &out.dropped
                                                   : nullptr;
        if (number != nullptr) std::from_chars(raw.data(), raw.data() + raw.size(), *number);
    }
    return out;
}

void client_core::publish(const std::string& topic, event e, publish_handler h) {
    const auto fail = [&h](error_code ec) { std::move(h)(ec, receipt{.error = ec}); };
    auto ec = check_topic(topic);
    event_ptr p;
    if (!ec) p = publication::make(topic, std::move(e), {}, ec);
    const auto* json = p ? cloudevents_json(*p, ec) : nullptr;
    if (ec) return fail(ec);
    auto r = make_request("POST");
    r.fields.set("Content-Type", cloudevents_json_type);
    r.body = *json;
    net::post(lane_->executor(), [s = self(), url = topic_url(topic), r = std::move(r),
                                  h = std::move(h)]() mutable {
        if (!s->http_)
            return std::move(h)(make_error_code(errc::closed), receipt{.error = errc::closed});
        s->http_->async_request(
            std::move(url), std::move(r),
            net::bind_executor(
                s->lane_->executor(),
                [h = std::move(h)](error_code failed, const http::response& answer) mutable {
                    if (!failed) failed = error_of(answer);
                    auto result = failed ? receipt() : read_receipt(answer.body);
                    result.error = failed;
                    std::move(h)(failed, std::move(result));
                }));
    });
}

}  // namespace detail

namespace {

std::shared_ptr<detail::client_core> make_client_core(net::any_io_executor executor,
                                                      client_options options,
                                                      std::shared_ptr<subscriber> sink) {
    error_code ec;
    const auto u = http::url::parse(options.url, ec);
    if (ec || (u.scheme != "http" && u.scheme != "https") ||
        u.target.find('?') != std::string::npos)
        throw std::invalid_argument("tidings::rest::client: not an http or https URL of topics: " +
                                    u.text());
    for (const auto& pattern : options.topics)
        if (check_pattern(pattern))
            throw std::invalid_argument("tidings::rest::client: not a pattern: " + pattern);
    if (sink && options.topics.empty())
        throw std::invalid_argument("tidings::rest::client: no topics to read");
    while (options.url.ends_with('/')) options.url.pop_back();
    auto core = std::make_shared<detail::client_core>(std::move(executor), std::move(options),
                                                      std::move(sink));
    core->start();
    return core;
}

}  // namespace

client::client(net::any_io_executor executor, client_options options)
    : core_(make_client_core(std::move(executor), std::move(options), nullptr)) {}

client::client(net::any_io_executor executor, client_options options, any_subscriber sink)
    : core_(make_client_core(std::move(executor), std::move(options), std::move(sink).release())) {}

client& client::operator=(client&& o) noexcept {
    if (this != &o) {
        stop();
        core_ = std::move(o.core_);
    }
    return *this;
}

client::~client() {
    stop();
}

void client::stop() noexcept {
    if (core_) core_->stop();
}

std::shared_ptr<subscriber> client::as_subscriber() const noexcept {
    return core_;
}
std::optional<position> client::last_position() const {
    return core_->last_position();
}
client_counters client::counters() const noexcept {
    return core_->counters();
}

net::any_io_executor client::executor_of(const std::shared_ptr<detail::client_core>& core) {
    return core ? core->executor() : net::any_io_executor(net::system_executor());
}

void client::start_publish(const std::shared_ptr<detail::client_core>& core, std::string topic,
                           event e, detail::publish_handler h) {
    if (!core) return std::move(h)(make_error_code(errc::closed), receipt{.error = errc::closed});
    core->publish(topic, std::move(e), std::move(h));
}

}  // namespace tidings::rest
