// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/webhook/hmac_scheme.hpp>
#include <tidings/webhook/receiver.hpp>

#include <string>
#include <vector>

namespace tidings::webhook {

/// GitHub's `X-Hub-Signature-256: sha256=<hex>`, an HMAC-SHA256 of the body. It covers neither a
/// time nor `X-GitHub-Delivery` nor `X-GitHub-Event`: a `receiver` refuses a body that came before
/// under another id, as long as it remembers it, and so the same body is never two events.
TIDINGS_DECL hmac_scheme github_scheme();

/// The id is `X-GitHub-Delivery`, the type `com.github.<event>[.<action>]`, the source
/// `https://github.com/<owner>/<repository>`, the data the JSON as it came: the body, or of a form
/// (GitHub's content type `application/x-www-form-urlencoded`) its member `payload`. A body in
/// which `action`, `repository` or `full_name` stands twice is refused (errc::event_bad_data).
TIDINGS_DECL event_reader read_github();

/// The topic of an event of `read_github`: `github.<event>[.<action>]`, two or three tokens
/// whatever the request holds. Other types are refused (errc::bad_topic).
TIDINGS_DECL topic_rule github_topic();

/// All of that for a receiver. The subscriber has 8 s to accept, as GitHub waits for 10.
/// @param secrets the texts entered at GitHub; any may fit
/// @throws std::invalid_argument for an empty list or an empty secret
TIDINGS_DECL receiver_options from_github(const std::vector<std::string>& secrets);

}  // namespace tidings::webhook
