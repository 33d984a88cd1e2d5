// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "matrix/findings.hpp"
#include "matrix/transport.hpp"

#include <tidings/event_ptr.hpp>

namespace tidings::matrix {

/// What differs between an event and what came of it: topic, every attribute, extensions by their
/// canonical text (CloudEvents 1.0, 3.1.1: a wire may turn any value into text), data.
findings compare_event(const event_ptr& sent, const event_ptr& got);

/// What is wrong with all that came, by the guarantee; events are told apart by their ids. Words:
/// lost, doubled, stranger, out of order, altered.
findings compare_stream(const std::vector<event_ptr>& sent, const std::vector<event_ptr>& got,
                        const outlet_guarantee& g);

}  // namespace tidings::matrix
