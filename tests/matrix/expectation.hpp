// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "matrix/findings.hpp"
#include "matrix/transport.hpp"

#include <tidings/event_ptr.hpp>

namespace tidings::matrix {

/// The text that a wire may turn any value of an extension into (CloudEvents 1.0, 3.1.1).
std::string canonical_text(const attribute_value& value);

/// What differs between an event and what came of it: topic, every attribute, extensions by type
/// and value, or by their canonical text where the wire keeps no types, data.
findings compare_event(const event_ptr& sent, const event_ptr& got, const outlet_guarantee& g);

/// What is wrong with all that came, by the guarantee; events are told apart by their ids. Words:
/// lost, doubled, stranger, out of order, altered.
findings compare_stream(const std::vector<event_ptr>& sent, const std::vector<event_ptr>& got,
                        const outlet_guarantee& g);

}  // namespace tidings::matrix
