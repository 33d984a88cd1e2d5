// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/webhook/signer.hpp>

#include <memory>

namespace tidings::webhook {

/// Of an endpoint whose deliveries are not signed: its target cannot tell them from anyone else's.
/// An endpoint without a secret is refused unless this is given.
TIDINGS_DECL std::shared_ptr<const signer> no_signature();

}  // namespace tidings::webhook
