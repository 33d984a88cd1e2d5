// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/history.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace tidings::webhook {

/// What of a history is sent to an endpoint once more (`endpoint::async_replay`).
struct replay_range {
    std::shared_ptr<history> from{};         ///< never null
    std::vector<std::string> patterns{">"};  ///< of the topics
    /// Of what comes behind this; empty: from the oldest that is held on. An attempt of the log
    /// names the place of its event as `store::outbox_message::position`.
    position after{};
    position until{};  ///< the last one; empty: all that there is at the beginning
    /// Under other `webhook-id`s, for a receiver that lost what it had acknowledged; under the same
    /// ones it recognises what it has.
    bool as_new = false;
};

/// What became of it.
struct replayed {
    std::size_t count = 0;  ///< events that the outbox has taken
    position last{};        ///< behind which it may go on; empty: nothing was read
    position gone{};  ///< with errc::missed: the newest of the range that is not held any more
};

}  // namespace tidings::webhook
