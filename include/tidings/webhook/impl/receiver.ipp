// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/codec/cloudevents_http.hpp>
#include <tidings/impl/closing_handle.hpp>
#include <tidings/text/impl/json_text.hpp>
#include <tidings/topic.hpp>
#include <tidings/webhook/impl/receiver_state.hpp>
#include <tidings/webhook/receiver.hpp>

#include <algorithm>
#include <stdexcept>

namespace tidings::webhook {

event_reader read_standard(std::string type, std::string source) {
    return [type = std::move(type), source = std::move(source)](const http::request& r,
                                                                error_code& ec) {
        if (content_mode_of(r.fields) != content_mode::none) {
            auto e = read_http_event(r.fields, r.body, ec);
            if (!e.topic.empty()) e.event.extension("topic", e.topic);
            if (e.hops != 0)
                e.event.extension("hops", static_cast<std::int32_t>(std::min(e.hops, 1'000'000U)));
            return std::move(e.event);
        }
        event e(type, source);
        e.id(r.fields.get("webhook-id"));
        e.data(r.body, r.fields.get("content-type"));
        return e;
    };
}

namespace detail {

using namespace tidings::detail;
namespace {

constexpr std::string_view github_type_prefix = "com.github.";

// A member's value if it is a string. @error errc::event_bad_data for a name that stands there
// twice: readers would not agree on what it says.
std::optional<std::string> text_member(
    const std::vector<std::pair<std::string, std::string_view>>& members, std::string_view name,
    error_code& ec) {
    std::optional<std::string> text;
    bool found = false;
    for (const auto& [key, value] : members) {
        if (key != name) continue;
        if (std::exchange(found, true)) ec = errc::event_bad_data;
        if (value.starts_with('"')) text = read_json_string(value);
    }
    return text;
}

}  // namespace
}  // namespace detail

event_reader read_github() {
    return [](const http::request& r, error_code& ec) {
        const auto name = r.fields.get("x-github-event");
        const auto id = r.fields.get("x-github-delivery");
        if (name.empty() || id.empty()) ec = errc::webhook_missing_header;
        if (!ec && !detail::is_json(r.body)) ec = errc::invalid_json;
        std::string type = std::string(detail::github_type_prefix) + topic_token(name);
        std::string source = "https://github.com/";
        if (!ec) {
            const auto members = detail::json_members(r.body);
            const auto action = detail::text_member(members, "action", ec);
            if (action) type += '.' + topic_token(*action);
            std::size_t repositories = 0;
            for (const auto& [key, value] : members) {
                if (key != "repository") continue;
                if (++repositories == 2) ec = errc::event_bad_data;
                source += detail::text_member(detail::json_members(value), "full_name", ec)
                              .value_or(std::string());
            }
        }
        event e(type, source);
        e.id(id);
        e.data(r.body, "application/json");
        return e;
    };
}

topic_rule github_topic() {
    return topic_rule::function([](const event& e) {
        std::string_view tokens = e.type();
        if (!tokens.starts_with(detail::github_type_prefix)) return std::string();
        tokens.remove_prefix(detail::github_type_prefix.size());
        // More than an event and its action were not made by `read_github`.
        if (std::count(tokens.begin(), tokens.end(), '.') > 1) return std::string();
        return "github." + std::string(tokens);
    });
}

receiver::receiver(any_subscriber sink, receiver_options options) {
    if (!options.verifier && !options.allow_unsigned)
        throw std::invalid_argument(
            "tidings::webhook::receiver: receiver_options::verifier is empty, and allow_unsigned "
            "is "
            "not set");
    if (!sink.get()) throw std::invalid_argument("tidings::webhook::receiver: no subscriber");
    state_ = tidings::detail::closing_handle(
        std::make_shared<detail::receiver_state>(std::move(sink).release(), std::move(options)));
}

void receiver::admit(http::exchange& x) {
    if (state_) state_->admit(x);
}
void receiver::handle(http::exchange& x) {
    if (state_) return x.in_lane([state = state_](http::exchange& here) { state->handle(here); });
    x.respond(http::problem(503, "Closed", make_error_code(errc::closed).message()));
}
std::size_t receiver::max_body_bytes() const noexcept {
    return state_ ? state_->max_body_bytes() : 0;
}
void receiver::close() noexcept {
    if (state_) state_->close();
}

}  // namespace tidings::webhook
