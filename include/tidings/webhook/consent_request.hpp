// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/config.hpp>

#include <chrono>
#include <cstdint>
#include <string>

namespace tidings::webhook {

/// Asks a target, before the first delivery, whether it agrees to be sent webhooks (CloudEvents
/// HTTP webhooks 1.0.2, section 4). Its deliveries wait until it does, which is no attempt.
struct consent_request {
    std::string origin{};          ///< `WebHook-Request-Origin`: the DNS name of the sending system
    std::uint32_t per_minute = 0;  ///< `WebHook-Request-Rate`; 0: none is asked for
    /// `WebHook-Request-Callback`: a URL of the user's, of which a request has `endpoint::consent`
    /// called. It is to be hard to guess. Empty: none.
    std::string callback{};
    /// A permission ends after this, and is asked for again. 0: never.
    std::chrono::milliseconds valid_for = std::chrono::hours(24);
    /// The user has the permission already: the target is not asked, and each delivery names the
    /// origin as behind a question.
    bool given = false;
};

}  // namespace tidings::webhook
