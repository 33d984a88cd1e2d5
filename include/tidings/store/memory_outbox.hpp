// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/outbox.hpp>

namespace tidings::store {

/// An outbox in this process's memory: gone with the process.
TIDINGS_DECL std::shared_ptr<outbox> make_memory_outbox(outbox_options options = {});

}  // namespace tidings::store
