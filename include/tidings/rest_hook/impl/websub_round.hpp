// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/rest_hook/impl/hook_record.hpp>

namespace tidings::rest_hook::detail {

// What becomes of a subscription by a hub. One that is over has an end that has passed: that ends
// what is served of it, and erases its row, as with any other.

/// Its target has confirmed the wish, or has been notified of the denial.
TIDINGS_DECL void grant_wish(hook_record& h, io::system_time now);
/// It has not, and is not asked again: what was verified before stands, what was not is over.
TIDINGS_DECL void drop_wish(hook_record& h);
/// When one whose renewal is open ends meanwhile; nothing where it does not, or has.
TIDINGS_DECL http::detail::expiry_time lapse_of(const hook_record& h);

}  // namespace tidings::rest_hook::detail
