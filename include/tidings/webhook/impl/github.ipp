// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/message/percent.hpp>
#include <tidings/text/impl/json_text.hpp>
#include <tidings/topic.hpp>
#include <tidings/webhook/github.hpp>
#include <tidings/webhook/hmac_verifier.hpp>
#include <tidings/webhook/impl/provider_text.hpp>

#include <chrono>
#include <memory>
#include <utility>

namespace tidings::webhook {

namespace detail {
namespace {

// Of a form the member `payload`. @error errc::event_bad_data if it is not there once,
// errc::bad_request
std::string github_payload(const http::request& r, error_code& ec) {
    if (!is_form(r)) return r.body;
    std::string payload;
    std::size_t found = 0;
    for (auto& [name, value] : http::parse_query(r.body, ec))
        if (name == "payload" && ++found == 1) payload = std::move(value);
    if (!ec && found != 1) ec = errc::event_bad_data;
    return payload;
}

}  // namespace
}  // namespace detail

hmac_scheme github_scheme() {
    return {.signature_header = "x-hub-signature-256", .prefix = "sha256="};
}

event_reader read_github() {
    return [](const http::request& r, error_code& ec) {
        using tidings::detail::json_members;
        const auto name = r.fields.get("x-github-event");
        const auto id = r.fields.get("x-github-delivery");
        if (name.empty() || id.empty()) ec = errc::webhook_missing_header;
        std::string body = ec ? std::string() : detail::github_payload(r, ec);
        if (!ec && !tidings::detail::is_json(body)) ec = errc::invalid_json;
        std::string type = "com.github." + topic_token(name);
        std::string source = "https://github.com/";
        if (!ec) {
            const auto members = json_members(body);
            const auto action = detail::text_member(members, "action", ec);
            if (action) type += '.' + topic_token(*action);
            const auto repository = detail::only_member(members, "repository", ec);
            source += detail::text_member(json_members(repository), "full_name", ec)
                          .value_or(std::string());
        }
        event e(type, source);
        e.id(id);
        e.data(std::move(body), "application/json");
        return e;
    };
}

topic_rule github_topic() {
    return detail::provider_topic("github", 2);
}

receiver_options from_github(const std::vector<std::string>& secrets) {
    return {.verifier = std::make_shared<hmac_verifier>(github_scheme(), secrets),
            .reader = read_github(),
            .topic = github_topic(),
            .accept_timeout = std::chrono::seconds(8)};
}

}  // namespace tidings::webhook
