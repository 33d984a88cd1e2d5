// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/event_ptr.hpp>

#include <string>
#include <string_view>

namespace tidings::detail {

/// Whether a name of a filter leads to a member of the data: `data.a.b`.
bool is_data_path(std::string_view name) noexcept;

/// The value at such a path as filters compare it: of a string its text, of a number its digits as
/// they stand there, `true`, `false`. Empty where there is no such member, it is an object, an
/// array or null, or the data is not JSON. Where the members are is found once per publication,
/// however many filters ask; what was found counts for the forms of the bus.
/// @param room for a text that has escapes
/// @throws std::bad_alloc
std::string_view data_text(const publication& p, std::string_view path, std::string& room);

}  // namespace tidings::detail
