// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/webhook/hmac_scheme.hpp>
#include <tidings/webhook/receiver.hpp>

#include <string>
#include <vector>

namespace tidings::webhook {

/// Slack's `X-Slack-Signature: v0=<hex>`, an HMAC-SHA256 of `v0:<time>:<body>`, whose time is
/// `X-Slack-Request-Timestamp`.
TIDINGS_DECL hmac_scheme slack_scheme();

/// Of the Events API: the id is `event_id`, the time `event_time`, the type
/// `com.slack.<type>[.<subtype>]` of the inner event. Of a form: `com.slack.command`, or for an
/// interaction (`payload`) `com.slack.interaction.<type>`; their id is the signature, as Slack does
/// not repeat them. The source is `https://slack.com`, and the workspace's id.
/// @error errc::invalid_json, errc::event_bad_data
TIDINGS_DECL event_reader read_slack();

/// The topic of an event of `read_slack`: `slack.message.channel_join`, at most three tokens. Other
/// types are refused (errc::bad_topic).
TIDINGS_DECL topic_rule slack_topic();

/// All of that for a receiver, which answers the `url_verification` by which Slack asks whether the
/// URL is right. The subscriber has 2 s to accept, as Slack waits for 3.
/// @param secrets the signing secrets of the app; any may fit
/// @throws std::invalid_argument for an empty list or an empty secret
TIDINGS_DECL receiver_options from_slack(const std::vector<std::string>& secrets);

}  // namespace tidings::webhook
