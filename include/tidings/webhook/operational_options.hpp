// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/config.hpp>

namespace tidings {
class bus;
}

namespace tidings::webhook {

/// Events of a sender about itself, for its operators: on a bus, where a subscription, an endpoint
/// or a stream takes them as any others. Only patterns that begin with the token `tidings`
/// match them. `type` is the topic, `source` is `/tidings/webhook`, `subject` is the endpoint's id
/// (of one without an id the scheme and host of its URL, and a hash), the data is JSON:
///
/// | topic | when |
/// | `tidings.webhook.attempt.failed` | an attempt was no success |
/// | `tidings.webhook.attempt.succeeded` | it was one, and `successes` is set |
/// | `tidings.webhook.exhausted` | a delivery was given up: a dead letter, or it waits for an
///   operator |
/// | `tidings.webhook.endpoint.disabled` | as `endpoint_change::kind::disabled`, and when it ended
///   with 410 or `webhook-delivery: disable` |
/// | `tidings.webhook.endpoint.recovered` | as `endpoint_change::kind::recovered` |
///
/// There are none of the first three about the delivery of such an event, and no endpoint of any
/// sender is given one whose subject is its own id. They are made at most once, and published in
/// the sender's lane: an immediate callback runs there. What the bus refuses is logged, and holds
/// up nothing.
struct operational_options {
    /// Read by the sender's constructor; the bus may end before the sender. Null: there are none.
    tidings::bus* bus = nullptr;
    bool successes = false;
};

}  // namespace tidings::webhook
