// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/webhook/hmac_scheme.hpp>
#include <tidings/webhook/receiver.hpp>

#include <string>
#include <vector>

namespace tidings::webhook {

/// Stripe's `Stripe-Signature: t=<time>,v1=<hex>`, an HMAC-SHA256 of `<time>.<body>`. The key is
/// the whole text `whsec_...`; it is not decoded.
TIDINGS_DECL hmac_scheme stripe_scheme();

/// The id, `created` and the type are the body's: `charge.succeeded` gives the type
/// `com.stripe.charge.succeeded`. The source is `https://stripe.com`, and the account's id where
/// the event is of a connected one.
/// @error errc::invalid_json, errc::event_bad_data where one of these stands twice
TIDINGS_DECL event_reader read_stripe();

/// The topic of an event of `read_stripe`: `stripe.charge.succeeded`, at most six tokens. Other
/// types are refused (errc::bad_topic).
TIDINGS_DECL topic_rule stripe_topic();

/// All of that for a receiver. @param secrets `whsec_...` of the endpoint; any may fit
/// @throws std::invalid_argument for an empty list or an empty secret
TIDINGS_DECL receiver_options from_stripe(const std::vector<std::string>& secrets);

}  // namespace tidings::webhook
