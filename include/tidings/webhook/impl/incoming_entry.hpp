// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/outbox.hpp>
#include <tidings/unique_function.hpp>
#include <tidings/webhook/impl/place_book.hpp>

#include <vector>

namespace tidings::webhook::detail {

/// An entry on its way to the outbox.
struct incoming_entry {
    store::outbox_entry entry;
    place_ptr from;  // null: of nothing with a place
    position at;
    unique_function<void(error_code)> done;
};
using incoming_batch = std::vector<incoming_entry>;

}  // namespace tidings::webhook::detail
