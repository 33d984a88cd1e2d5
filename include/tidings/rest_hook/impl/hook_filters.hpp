// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/event_filter.hpp>
#include <tidings/rest_hook/impl/hook_body.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace tidings::rest_hook::detail {

/// The filters of a subscription: expressions as `event_filter` writes them, each once.
using filter_texts = std::vector<std::string>;

/// Reads a list of filters, as CloudEvents Subscriptions API 3.2.4.1 has it. `name` is the member
/// that holds it.
/// @throws std::bad_alloc, as the next
TIDINGS_DECL refusal read_filters(std::string_view name, std::string_view raw, filter_texts& out);
/// The same of a row of the table. Whether it is one.
TIDINGS_DECL bool read_filters(std::string_view raw, filter_texts& out);

/// As a JSON array.
TIDINGS_DECL std::string to_json(const filter_texts& filters);
/// What lets through the events that all of them want.
/// @error as `event_filter::parse`
TIDINGS_DECL event_filter filter_of(const filter_texts& filters, error_code& ec) noexcept;

}  // namespace tidings::rest_hook::detail
