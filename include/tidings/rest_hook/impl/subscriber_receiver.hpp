// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/rest_hook/subscriber_client.hpp>

#include <string>

namespace tidings::rest_hook::detail {

/// How the deliveries of a client's server are received, which signs by this secret.
/// @throws std::invalid_argument for a secret that is not of its kind's form
TIDINGS_DECL webhook::receiver_options receiver_of(const subscriber_client_options& o,
                                                   const std::string& secret);

/// @throws std::invalid_argument as `subscriber_client` does
TIDINGS_DECL void check(const subscriber_client_options& o);

}  // namespace tidings::rest_hook::detail
