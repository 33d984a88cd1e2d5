// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/message/chunk_decoder.hpp>
#include <tidings/text/impl/ascii.hpp>

#include <algorithm>

namespace tidings::http::detail {

using namespace tidings::detail;

namespace {

constexpr int hex_value(char c) noexcept {
    const char l = ascii_lower(c);
    if (l >= '0' && l <= '9') return l - '0';
    return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

}  // namespace

std::size_t chunk_decoder::feed(std::string_view in, std::string& out, std::size_t& max_body_bytes,
                                error_code& ec) {
    std::size_t taken = 0;
    while (taken < in.size() && !done() && !ec) {
        if (state_ != state::data) {
            state_ = next(in[taken++], ec);
            if (++line_bytes_ > max_line_bytes_) ec = errc::header_too_large;
            if (state_ == state::data && left_ > max_body_bytes) ec = errc::too_large;
            continue;
        }
        const auto piece =
            in.substr(taken, static_cast<std::size_t>(std::min<std::uint64_t>(left_, in.size())));
        out.append(piece);
        taken += piece.size();
        left_ -= piece.size();
        max_body_bytes -= piece.size();
        if (left_ == 0) state_ = state::data_cr;
    }
    return taken;
}

chunk_decoder::state chunk_decoder::after_size(char c, error_code& ec) noexcept {
    const int digit = hex_value(c);
    const bool first = state_ == state::first_digit;
    if (digit >= 0 && left_ >> 60 == 0) {
        left_ = left_ * 16 + static_cast<std::uint64_t>(digit);
        return state::digits;
    }
    if (c == ';' && !first) return state::extension;
    if (c == '\r' && !first) return state::size_end;
    ec = errc::bad_request;
    return state_;
}

chunk_decoder::state chunk_decoder::end_of_size(char c, error_code& ec) noexcept {
    if (c != '\n') ec = errc::bad_request;
    if (left_ == 0) return state::trailer_start;
    line_bytes_ = 0;
    return state::data;
}

chunk_decoder::state chunk_decoder::next(char c, error_code& ec) noexcept {
    const auto expect = [&](char wanted, state then) {
        if (c != wanted) ec = errc::bad_request;
        return then;
    };
    switch (state_) {
        case state::first_digit:
        case state::digits:
            return after_size(c, ec);
        case state::extension:
            if (c == '\r') return state::size_end;
            if (is_field_control(c)) ec = errc::bad_request;
            return state::extension;
        case state::size_end:
            return end_of_size(c, ec);
        case state::data_cr:
            return expect('\r', state::data_lf);
        case state::data_lf:
            line_bytes_ = 0;
            return expect('\n', state::first_digit);
        case state::trailer_start:
            if (c == '\r') return state::last_lf;
            [[fallthrough]];
        case state::trailer:
            if (c == '\r') return state::trailer_lf;
            if (is_field_control(c)) ec = errc::bad_request;
            return state::trailer;
        case state::trailer_lf:
            return expect('\n', state::trailer_start);
        case state::last_lf:
            return expect('\n', state::done);
        case state::data:
        case state::done:
            break;
    }
    return state_;
}

}  // namespace tidings::http::detail
