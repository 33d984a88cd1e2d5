// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/webhook/hmac_scheme.hpp>
#include <tidings/webhook/receiver.hpp>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tidings::webhook {

/// The signature of a W3C WebSub hub (section 8), `X-Hub-Signature: <method>=<hex>`, an HMAC of the
/// body by one of four methods, of which a hub chooses one.
TIDINGS_DECL std::vector<hmac_scheme> websub_schemes();

/// What a hub asks its subscriber to confirm (W3C WebSub 5.3).
struct websub_intent {
    std::string mode{};  ///< `subscribe`, `unsubscribe`, or `denied` (5.2), which needs no answer
    std::string topic{};
    std::optional<std::chrono::seconds> lease{};
    std::string reason{};  ///< of `denied`, where the hub gives one
};

/// Answers a hub's verification: its challenge where `wanted` says yes, else 404, which refuses
/// (5.3.1). For `receiver_options::challenge`. The request is not signed: `wanted` compares mode
/// and topic with what was asked for.
TIDINGS_DECL challenge_responder answer_websub(std::function<bool(const websub_intent&)> wanted);

}  // namespace tidings::webhook
