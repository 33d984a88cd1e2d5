// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/text/impl/timestamp.hpp>
#include <tidings/webhook/hmac_verifier.hpp>
#include <tidings/webhook/impl/provider_text.hpp>
#include <tidings/webhook/shopify.hpp>

#include <chrono>
#include <memory>
#include <string>

namespace tidings::webhook {

namespace detail {
namespace {

constexpr std::size_t max_shopify_tokens = 3;

}  // namespace
}  // namespace detail

hmac_scheme shopify_scheme() {
    return {.signature_header = "x-shopify-hmac-sha256", .encoding = mac_encoding::base64};
}

event_reader read_shopify(shopify_id which) {
    return [which](const http::request& r, error_code& ec) {
        const auto topic = r.fields.get("x-shopify-topic");
        const auto id = r.fields.get(which == shopify_id::webhook ? "x-shopify-webhook-id"
                                                                  : "x-shopify-event-id");
        const auto shop = r.fields.get("x-shopify-shop-domain");
        if (topic.empty() || id.empty() || shop.empty()) ec = errc::webhook_missing_header;
        event e("com.shopify" + detail::dotted_tokens(topic, '/', detail::max_shopify_tokens),
                "https://" + std::string(shop));
        e.id(id);
        if (const auto at = r.fields.get("x-shopify-triggered-at"); !at.empty() && !ec)
            e.time(tidings::detail::parse_timestamp(at, ec));
        e.data(r.body, r.fields.get("content-type"));
        return e;
    };
}

topic_rule shopify_topic() {
    return detail::provider_topic("shopify", detail::max_shopify_tokens);
}

receiver_options from_shopify(const std::vector<std::string>& secrets) {
    return {.verifier = std::make_shared<hmac_verifier>(shopify_scheme(), secrets),
            .reader = read_shopify(),
            .topic = shopify_topic(),
            .accept_timeout = std::chrono::seconds(4)};
}

}  // namespace tidings::webhook
