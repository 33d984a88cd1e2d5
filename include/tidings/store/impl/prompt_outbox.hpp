// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/outbox.hpp>

#include <cstddef>
#include <functional>
#include <optional>
#include <string>

namespace tidings::store::detail {

/// An outbox whose operations are done inside the call: the short way of those that a sender asks
/// for again and again. Thread-safe. One that throws has failed.
class prompt_outbox : public outbox {
 public:
    /// `start_append` without a handler, as the next two.
    virtual outbox_appended append(outbox_append a) = 0;
    /// @param wanted whether an endpoint is claimed for, in place of `q.of`, of which a sender
    /// would need a new one for each endpoint that it is given; called with the outbox locked
    virtual outbox_claim claim(const outbox_query& q,
                               const std::function<bool(const std::string&)>& wanted) = 0;
    /// @param r where it throws, has its results still
    virtual void finish(outbox_round&& r) = 0;
    /// What `outbox_retention::of` does, for a part of the endpoints: notes which are added now.
    /// Looks at `max` of them, in order of ids, after one. The last of these; none: it was the end.
    /// @param added as `wanted` of `claim`
    virtual std::optional<std::string> note_added(
        outbox_time now, const std::string& after, std::size_t max,
        const std::function<bool(const std::string&)>& added) = 0;
};

}  // namespace tidings::store::detail
