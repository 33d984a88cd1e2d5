// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/history.hpp>
#include <tidings/io/clock.hpp>

namespace tidings {

/// The history in this process's memory. One rising sequence, one ring per rule, positions
/// `epoch:offset` with an epoch drawn from `random` when it is made.
/// `clock` times `max_age`; null: the machine's.
TIDINGS_DECL std::shared_ptr<history> make_memory_history(std::vector<history_rule> rules,
                                                          io::clock* clock = nullptr);

}  // namespace tidings
