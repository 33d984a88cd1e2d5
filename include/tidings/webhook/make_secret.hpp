// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/io/random.hpp>

#include <string>

namespace tidings::webhook {

/// A new secret of Standard Webhooks 1.0.0 as text: `whsec_` and 32 random bytes in base64.
TIDINGS_DECL std::string make_secret(io::random& random = io::system_random());

}  // namespace tidings::webhook
