// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/webhook/impl/attempt_trace.hpp>
#include <tidings/webhook/impl/connection_turns.hpp>
#include <tidings/webhook/impl/parcel.hpp>

namespace tidings::webhook::detail {

/// An attempt under way.
struct pending_attempt {
    std::shared_ptr<endpoint_target> of;
    std::shared_ptr<const parcel> what;
    std::shared_ptr<const store::outbox_entry> entry;  // the only one of `what`, or the whole batch
    connection_turns::group group;
    std::shared_ptr<attempt_trace> trace;
    io::steady_time at;
};

}  // namespace tidings::webhook::detail
