// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/webhook/receiver.hpp>
#include <tidings/webhook/standard_key.hpp>
#include <tidings/webhook/standard_verifier.hpp>

#include <vector>

namespace tidings::webhook {

/// A receiver of what is signed by Standard Webhooks, or with the header prefix "svix-" by Svix:
/// with a `standard_verifier` and `read_standard`.
/// @throws std::invalid_argument as `standard_verifier` does
TIDINGS_DECL receiver_options from_standard(const std::vector<standard_key>& keys,
                                            const standard_options& options = {});

}  // namespace tidings::webhook
