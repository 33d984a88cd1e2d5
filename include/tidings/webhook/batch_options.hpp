// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/config.hpp>

#include <chrono>
#include <cstddef>

namespace tidings::webhook {

/// When the events of an endpoint go in one request (`body_form::batch`): when so many wait, or
/// bodies of so many bytes, or when one has waited so long. Of an endpoint with
/// `delivery_order::partition` a batch has events of one partition, and goes when its oldest event
/// has waited so long, full or not.
///
/// A batch is stored before it is sent first; from then on its events, their order and its
/// `webhook-id`, a hash of theirs, stay as they are, on every attempt, after a restart, and when it
/// is redelivered as a whole. 2xx acknowledges all of them. 400, 413 and 422 split it in halves,
/// which are sent at once under ids of their own, until the event that is refused is alone: of that
/// one the answer counts as of any delivery. After any other answer the same batch is tried again.
/// Where an event leaves it (it expired, a bound dropped it, it alone was redelivered) the others
/// go on as a new batch. An event alone has its own `webhook-id`.
struct batch_options {
    std::size_t max_events = 100;  ///< at least 1
    /// Of the body, brackets and commas included; an event that is larger goes alone. The default
    /// leaves a receiver of this library room twice over (`receiver_options::max_body_bytes`).
    std::size_t max_bytes = 512 * 1024;
    /// How long an event waits for others; 0: it goes with what is there.
    std::chrono::milliseconds max_delay{1'000};

    friend bool operator==(const batch_options&, const batch_options&) = default;
};

}  // namespace tidings::webhook
