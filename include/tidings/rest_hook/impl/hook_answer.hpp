// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/errc.hpp>
#include <tidings/http/message.hpp>

#include <string>
#include <string_view>

namespace tidings::rest_hook::detail {

/// A member of an object that is text; empty where there is none, and where it is no JSON.
TIDINGS_DECL std::string text_member(std::string_view body, std::string_view name);

/// What the answer of a manager's API means to its client; no error for 2xx.
TIDINGS_DECL error_code error_of(const http::response& r);

}  // namespace tidings::rest_hook::detail
