// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/errc.hpp>
#include <tidings/http/message.hpp>
#include <tidings/receipt.hpp>

#include <optional>
#include <string_view>
#include <vector>

namespace tidings::rest::detail {

/// The error that an answer to a publication or to a poll stands for; success for 2xx.
TIDINGS_DECL error_code error_of(const http::response& r) noexcept;
/// Whether a publication that was answered so, or not at all (null), may succeed later.
TIDINGS_DECL bool may_be_sent_again(error_code ec, const http::response* answer) noexcept;
/// The size of a body that was not read.
TIDINGS_DECL std::uint64_t size_of(const http::response& r, std::uint64_t otherwise) noexcept;
/// An answer to a poll, in place.
struct batch {
    std::vector<std::string_view> elements{};
    std::optional<position> next{};  ///< where to go on behind it
    bool gap = false;                ///< something before it is gone
};
/// The gap that an answer announces in front of its events, empty where it does not say where.
/// @error errc::bad_position, errc::out_of_memory
TIDINGS_DECL std::optional<position> read_gap(const http::response& r, error_code& ec);
/// @error errc::invalid_json, errc::bad_position, errc::too_many (more than `at_most` events),
/// errc::out_of_memory
TIDINGS_DECL batch read_batch(const http::response& r, std::size_t at_most, error_code& ec);
/// The receipt in the body of a 202; empty for anything else.
TIDINGS_DECL receipt read_receipt(std::string_view body);

}  // namespace tidings::rest::detail
