// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/message.hpp>

#include <optional>
#include <span>

namespace tidings::http::detail {

/// Whether Host is `localhost` or a loopback address, so that the request comes from no web site
/// whose name was rebound to this machine (DNS rebinding).
TIDINGS_DECL bool names_this_machine(const request& r);

/// Whether the request shows that a proxy made it for another: `Forwarded`, `X-Forwarded-*`,
/// `X-Real-IP`, `Via`, or HTTP/1.0, which is what a proxy speaks that was not configured.
TIDINGS_DECL bool is_forwarded(const request& r) noexcept;

/// The 421 for a request whose Host is neither this machine's nor in the list; "*" lists any.
TIDINGS_DECL std::optional<response> check_local_host(const request& r,
                                                      std::span<const std::string> allowed);

}  // namespace tidings::http::detail
