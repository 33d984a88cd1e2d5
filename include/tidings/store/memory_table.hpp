// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/table.hpp>

namespace tidings::store {

/// A table in this process's memory: gone with the process.
TIDINGS_DECL std::shared_ptr<table> make_memory_table();

}  // namespace tidings::store
