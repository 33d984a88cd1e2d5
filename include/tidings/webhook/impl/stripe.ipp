// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/text/impl/json_text.hpp>
#include <tidings/webhook/hmac_verifier.hpp>
#include <tidings/webhook/impl/provider_text.hpp>
#include <tidings/webhook/impl/signed_time.hpp>
#include <tidings/webhook/stripe.hpp>

#include <memory>
#include <string>

namespace tidings::webhook {

namespace detail {
namespace {

constexpr std::size_t max_stripe_tokens = 5;

}  // namespace
}  // namespace detail

hmac_scheme stripe_scheme() {
    return {.signature_header = "stripe-signature",
            .prefix = "v1=",
            .timestamp_member = "t=",
            .signed_text = "{timestamp}.{body}"};
}

event_reader read_stripe() {
    return [](const http::request& r, error_code& ec) {
        const bool readable = tidings::detail::is_json(r.body);
        if (!readable) ec = errc::invalid_json;
        const auto members =
            readable ? tidings::detail::json_members(r.body) : detail::json_object();
        const auto type = detail::text_member(members, "type", ec).value_or(std::string());
        if (!ec && type.empty()) ec = errc::event_without_type;
        const auto account = detail::text_member(members, "account", ec);
        event e("com.stripe" + detail::dotted_tokens(type, '.', detail::max_stripe_tokens),
                "https://stripe.com" + (account ? '/' + *account : std::string()));
        const auto id = detail::text_member(members, "id", ec).value_or(std::string());
        if (!ec && id.empty()) ec = errc::event_without_id;
        e.id(id);
        const auto created = detail::only_member(members, "created", ec);
        if (const auto time = detail::read_unix_time(created)) e.time(event_time(*time));
        e.data(r.body, "application/json");
        return e;
    };
}

topic_rule stripe_topic() {
    return detail::provider_topic("stripe", detail::max_stripe_tokens);
}

receiver_options from_stripe(const std::vector<std::string>& secrets) {
    return {.verifier = std::make_shared<hmac_verifier>(stripe_scheme(), secrets),
            .reader = read_stripe(),
            .topic = stripe_topic()};
}

}  // namespace tidings::webhook
