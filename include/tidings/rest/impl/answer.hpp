// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/errc.hpp>
#include <tidings/http/message.hpp>
#include <tidings/receipt.hpp>

#include <string_view>

namespace tidings::rest::detail {

/// The error that an answer to a publication or to a poll stands for; success for 2xx.
TIDINGS_DECL error_code error_of(const http::response& r) noexcept;
/// Whether a publication that was answered so, or not at all (null), may succeed later.
TIDINGS_DECL bool may_be_sent_again(error_code ec, const http::response* answer) noexcept;
/// The size of a body that was not read.
TIDINGS_DECL std::uint64_t size_of(const http::response& r, std::uint64_t otherwise) noexcept;
/// The receipt in the body of a 202; empty for anything else.
TIDINGS_DECL receipt read_receipt(std::string_view body);

}  // namespace tidings::rest::detail
