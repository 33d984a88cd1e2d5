// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/message.hpp>

#include <span>

namespace tidings::http {

/// Whether a page of that origin may make the request (RFC 6454 7): what keeps a foreign web site
/// from speaking through a visitor's browser. A request without an Origin is no page's and may.
/// With an empty list, the origin's host and port must be those of Host; else the Origin must be in
/// the list, as it is written. Of two Origin fields neither is believed.
TIDINGS_DECL bool origin_allowed(const request& r, std::span<const std::string> allowed);

/// The CORS fields of every answer to the request (Fetch, 3.2). Exact origins only, never `*`: an
/// answer that varies by Origin says so, also to an origin that is not in the list.
TIDINGS_DECL fields cors_fields(const request& r, std::span<const std::string> allowed);

/// The answer to OPTIONS: 204, and to the preflight of a page whose origin is in the list what the
/// page may send.
TIDINGS_DECL response preflight(const request& r, std::span<const std::string> allowed,
                                std::string_view methods);

}  // namespace tidings::http
