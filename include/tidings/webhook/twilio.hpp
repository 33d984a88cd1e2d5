// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/webhook/receiver.hpp>
#include <tidings/webhook/twilio_verifier.hpp>

#include <string>
#include <vector>

namespace tidings::webhook {

/// The type is `com.twilio.message` for a form with `MessageSid`, `com.twilio.call` with `CallSid`,
/// else `com.twilio.event`; the source is `https://twilio.com/` and `AccountSid`, the data the body
/// as it came. The id is `I-Twilio-Idempotency-Token`, the same on each repetition, or without one
/// the signature.
/// @error errc::bad_request for a form that cannot be read
TIDINGS_DECL event_reader read_twilio();

/// The topic of an event of `read_twilio`: `twilio.message`. Other types are refused
/// (errc::bad_topic).
TIDINGS_DECL topic_rule twilio_topic();

/// Both for a receiver, with a `twilio_verifier`.
/// @throws std::invalid_argument as that does
TIDINGS_DECL receiver_options from_twilio(const std::vector<std::string>& auth_tokens,
                                          std::string origin);

}  // namespace tidings::webhook
