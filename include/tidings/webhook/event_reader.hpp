// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/codec/cloudevents_http.hpp>
#include <tidings/event.hpp>
#include <tidings/http/message.hpp>

#include <functional>
#include <string>

namespace tidings::webhook {

/// Makes an event of a verified request. @error any; the sender gets 400 with its message
using event_reader = std::function<event(const http::request&, error_code&)>;

struct standard_reader_options {
    std::string type = "webhook.received";  ///< of an event whose body names none
    std::string source = "/webhooks";
    /// What the name of the header with the id begins with; as `standard_options::header_prefix`.
    std::string header_prefix = "webhook-";
    /// Of `ce-` fields. Many libraries send a '%' as it is.
    percent_signs in_fields = percent_signs::encoded;
};

/// CloudEvents in binary or structured mode as they are; any other body becomes the data of an
/// event whose id is `webhook-id`, of the type and source given. Where the body is the payload that
/// Standard Webhooks 1.0.0 advises, `{"type", "timestamp", "data"}`, the event has its type and
/// time; the data is the whole body still, as it was signed. A receiver that has this reader takes
/// CloudEvents batches as well (`receiver_options::max_batch_events`).
TIDINGS_DECL event_reader read_standard(standard_reader_options options = {});

}  // namespace tidings::webhook
