// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/webhook/hmac_scheme.hpp>
#include <tidings/webhook/receiver.hpp>

#include <string>
#include <vector>

namespace tidings::webhook {

/// Shopify's `X-Shopify-Hmac-Sha256: <base64>`, an HMAC-SHA256 of the body. It covers no other
/// header: a `receiver` refuses a body that came before under another id, as long as it remembers
/// it.
TIDINGS_DECL hmac_scheme shopify_scheme();

/// Which header is the event's id. Shopify's pages name either as the one to tell repetitions by.
enum class shopify_id {
    webhook,  ///< `X-Shopify-Webhook-Id`: of the delivery to one subscription
    event,    ///< `X-Shopify-Event-Id`: of what happened, the same for several subscriptions
};

/// The type is `com.shopify.orders.create` for `X-Shopify-Topic: orders/create`, the time
/// `X-Shopify-Triggered-At`, the source `https://` and `X-Shopify-Shop-Domain`, the data the body
/// as it came.
/// @error errc::webhook_missing_header
TIDINGS_DECL event_reader read_shopify(shopify_id id = shopify_id::webhook);

/// The topic of an event of `read_shopify`: `shopify.orders.create`, at most four tokens. Other
/// types are refused (errc::bad_topic).
TIDINGS_DECL topic_rule shopify_topic();

/// All of that for a receiver. The subscriber has 4 s to accept, as Shopify waits for 5.
/// @param secrets the app's client secrets; any may fit
/// @throws std::invalid_argument for an empty list or an empty secret
TIDINGS_DECL receiver_options from_shopify(const std::vector<std::string>& secrets);

}  // namespace tidings::webhook
