// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/config.hpp>

#include <cstddef>

namespace tidings::webhook {

/// What of its attempts a sender writes to the outbox, where they can be looked at
/// (`store::outbox::async_list_attempts`) and sent again (`sender::async_resend`). Those that
/// failed are always written. How long they are kept: `store::outbox_options::attempts`.
struct attempt_options {
    bool successes = false;
    /// What is kept of the fields and the body of an answer. Occurrences of the endpoint's secrets,
    /// and the values of fields that hold credentials, are replaced by `***`.
    std::size_t max_head_bytes = 2048;
    std::size_t max_body_bytes = 4096;
};

}  // namespace tidings::webhook
