// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/message/percent.hpp>
#include <tidings/text/impl/json_text.hpp>
#include <tidings/topic.hpp>
#include <tidings/webhook/hmac_verifier.hpp>
#include <tidings/webhook/impl/provider_text.hpp>
#include <tidings/webhook/impl/signed_time.hpp>
#include <tidings/webhook/slack.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>

namespace tidings::webhook {

namespace detail {
namespace {

using tidings::detail::is_json;
using tidings::detail::json_members;

constexpr std::string_view slack_source = "https://slack.com";

std::string slack_source_of(const std::optional<std::string>& team) {
    return std::string(slack_source) + (team ? '/' + *team : std::string());
}

// An event of the Events API.
event read_slack_event(const http::request& r, error_code& ec) {
    if (!is_json(r.body)) {
        ec = errc::invalid_json;
        return event(std::string(), std::string(slack_source));
    }
    const auto members = json_members(r.body);
    const auto inner = json_members(only_member(members, "event", ec));
    const auto kind = text_member(inner, "type", ec);
    const auto subtype = text_member(inner, "subtype", ec);
    const auto outer = text_member(members, "type", ec).value_or(std::string());
    // What is no callback (app_rate_limited) has its kind outside.
    std::string type = "com.slack." + topic_token(kind ? *kind : outer);
    if (subtype) type += '.' + topic_token(*subtype);
    event e(type, slack_source_of(text_member(members, "team_id", ec)));
    if (const auto id = text_member(members, "event_id", ec)) e.id(*id);
    if (const auto time = read_unix_time(only_member(members, "event_time", ec)))
        e.time(event_time(*time));
    e.data(r.body, "application/json");
    return e;
}

// A command, or an interaction, whose JSON stands in `payload`.
event read_slack_form(const http::request& r, error_code& ec) {
    std::string payload, command;
    std::optional<std::string> team;
    for (auto& [name, value] : http::parse_query(r.body, ec)) {
        if (name == "payload") payload = std::move(value);
        if (name == "command") command = std::move(value);
        if (name == "team_id") team = std::move(value);
    }
    if (!ec && payload.empty() && command.empty()) ec = errc::event_bad_data;
    if (payload.empty()) {
        event e("com.slack.command", slack_source_of(team));
        e.data(r.body, r.fields.get("content-type"));
        return e;
    }
    const bool readable = is_json(payload);
    if (!readable) ec = errc::invalid_json;
    const auto members = readable ? json_members(payload) : json_object();
    const auto kind = text_member(members, "type", ec).value_or(std::string());
    const auto of = json_members(only_member(members, "team", ec));
    event e("com.slack.interaction." + topic_token(kind),
            slack_source_of(text_member(of, "id", ec)));
    e.data(std::move(payload), "application/json");
    return e;
}

// The verification of a URL of the Events API.
std::optional<http::response> answer_slack(const http::request& r) {
    if (r.method != "POST" || is_form(r) || !is_json(r.body)) return std::nullopt;
    const auto members = json_members(r.body);
    error_code ec;
    if (text_member(members, "type", ec) != "url_verification") return std::nullopt;
    const auto challenge = text_member(members, "challenge", ec);
    if (ec || !challenge) return std::nullopt;
    return http::response{200, {{"Content-Type", "text/plain; charset=utf-8"}}, *challenge};
}

}  // namespace
}  // namespace detail

hmac_scheme slack_scheme() {
    return {.signature_header = "x-slack-signature",
            .prefix = "v0=",
            .timestamp_header = "x-slack-request-timestamp",
            .signed_text = "v0:{timestamp}:{body}"};
}

event_reader read_slack() {
    return [](const http::request& r, error_code& ec) {
        auto e =
            detail::is_form(r) ? detail::read_slack_form(r, ec) : detail::read_slack_event(r, ec);
        // What was verified has one.
        if (e.id().empty()) e.id(r.fields.get("x-slack-signature"));
        return e;
    };
}

topic_rule slack_topic() {
    return detail::provider_topic("slack", 2);
}

receiver_options from_slack(const std::vector<std::string>& secrets) {
    return {.verifier = std::make_shared<hmac_verifier>(slack_scheme(), secrets),
            .reader = read_slack(),
            .challenge = detail::answer_slack,
            .topic = slack_topic(),
            .accept_timeout = std::chrono::seconds(2)};
}

}  // namespace tidings::webhook
