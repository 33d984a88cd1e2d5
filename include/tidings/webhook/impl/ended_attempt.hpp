// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/outbox_operations.hpp>
#include <tidings/webhook/sender.hpp>

namespace tidings::webhook::detail {

/// An attempt that ended, with what its minute counts.
struct ended_attempt : attempt {
    store::outbox_result::attempt_end end{};
};

}  // namespace tidings::webhook::detail
