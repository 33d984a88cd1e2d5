// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/message/percent.hpp>
#include <tidings/http/impl/message/serialise.hpp>
#include <tidings/text/impl/ascii.hpp>
#include <tidings/text/impl/base64.hpp>
#include <tidings/text/impl/plain_prefix.hpp>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <limits>

namespace tidings::http::detail {

using namespace tidings::detail;

namespace {

constexpr std::string_view framing_fields[] = {"Content-Length", "Transfer-Encoding", "Connection",
                                               "Keep-Alive", "Trailer"};

bool is_framing_field(std::string_view name) noexcept {
    return std::any_of(std::begin(framing_fields), std::end(framing_fields),
                       [name](std::string_view f) { return equal_ignoring_case(f, name); });
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
    out.append(name).append(": ", 2);
    const auto unchecked = out.size() + plain_prefix<>(value);
    out.append(value);
    std::replace_if(
        out.begin() + static_cast<std::ptrdiff_t>(unchecked), out.end(),
        [](char c) { return is_field_control(c); }, ' ');
    out.append("\r\n", 2);
}

void append_length(std::string& out, std::size_t bytes) {
    constexpr std::string_view name = "Content-Length: ";
    char line[name.size() + std::numeric_limits<std::size_t>::digits10 + 3];
    auto* end = std::copy(name.begin(), name.end(), line);
    end = std::to_chars(end, std::end(line), bytes).ptr;
    *end++ = '\r';
    *end++ = '\n';
    out.append(line, static_cast<std::size_t>(end - line));
}

void append_status_line(std::string& out, unsigned status) {
    constexpr std::string_view version = "HTTP/1.1 ";
    char line[version.size() + std::numeric_limits<unsigned>::digits10 + 2];
    auto* end = std::copy(version.begin(), version.end(), line);
    end = std::to_chars(end, std::end(line), status).ptr;
    *end++ = ' ';
    out.append(line, static_cast<std::size_t>(end - line));
    out.append(reason_phrase(status)).append("\r\n", 2);
}

// An upgrade that is offered or asked for must be named in Connection (RFC 9110 7.8).
void append_connection(std::string& out, const fields& f, std::string_view ours) {
    const bool upgrades = f.find("Upgrade").has_value();
    if (ours.empty() && !upgrades) return;
    out.append("Connection: ").append(ours);
    if (upgrades) out.append(ours.empty() ? "Upgrade" : ", Upgrade");
    out.append("\r\n");
}

bool has_length(unsigned status) noexcept {
    return status != 204 && status != 304;
}

}  // namespace

std::string serialise_head(const response& r, const response_frame& frame, std::string memory) {
    auto out = std::move(memory);
    out.clear();
    out.reserve(256 + r.body.size());
    append_status_line(out, r.status);
    if (!frame.date.empty() && !r.fields.find("Date"))
        out.append("Date: ", 6).append(frame.date).append("\r\n", 2);
    for (const auto& [name, value] : r.fields)
        if (is_token(name) && !is_framing_field(name)) append_field(out, name, value);
    append_connection(out, r.fields, frame.close ? "close" : frame.http_1_0 ? "keep-alive" : "");
    const bool says_length = !frame.to_head || !r.body.empty();
    if (frame.framing == body_framing::length && has_length(r.status) && says_length)
        append_length(out, r.body.size());
    if (frame.framing == body_framing::chunked) append_field(out, "Transfer-Encoding", "chunked");
    out.append("\r\n", 2);
    return out;
}

std::string serialise(const response& r, const response_frame& frame, std::string memory) {
    if (r.status < 200 || r.status > 599)
        return serialise(problem(500, "Internal Server Error"), frame, std::move(memory));
    auto out = serialise_head(r, frame, std::move(memory));
    if (has_length(r.status) && !frame.to_head) out.append(r.body);
    return out;
}

bool is_sendable(const request& r) noexcept {
    return is_token(r.method) &&
           std::all_of(r.fields.begin(), r.fields.end(), [](const fields::value_type& f) {
               const auto unchecked = static_cast<std::ptrdiff_t>(plain_prefix<>(f.second));
               return is_token(f.first) &&
                      std::none_of(f.second.begin() + unchecked, f.second.end(), is_field_control);
           });
}

namespace {

// Of what it is in its place: Host, and all that frames the message.
template <class Fields>
void append_fields(std::string& out, const Fields& f) {
    for (const auto& [name, value] : f)
        if (!is_framing_field(name) && !equal_ignoring_case(name, "Host"))
            append_field(out, name, value);
}

void append_end(std::string& out, const request& r, bool close, std::size_t body_bytes) {
    append_connection(out, r.fields, close ? "close" : "");
    const bool expects_body = r.method == "POST" || r.method == "PUT" || r.method == "PATCH";
    if (expects_body || body_bytes != 0) append_length(out, body_bytes);
    out.append("\r\n");
}

}  // namespace

std::string serialise_begin(const request& r, const url& to, std::string_view user_agent) {
    std::string out;
    out.reserve(512 + to.target.size());
    out.append(r.method).append(" ").append(to.target).append(" HTTP/1.1\r\n");
    append_field(out, "Host", to.authority());
    if (!user_agent.empty() && !r.fields.find("User-Agent"))
        append_field(out, "User-Agent", user_agent);
    if (!r.fields.find("Accept-Encoding")) append_field(out, "Accept-Encoding", "identity");
    if (error_code ec; !to.user_info.empty() && !r.fields.find("Authorization")) {
        const auto plain = percent_decode(to.user_info, ec);
        append_field(out, "Authorization", "Basic " + tidings::detail::base64_encode(plain));
    }
    append_fields(out, r.fields);
    return out;
}

std::string serialise_head(std::string_view begin, const request& r,
                           std::span<const fields::value_type> further, bool close,
                           std::size_t body_bytes) {
    constexpr std::size_t around = 4, of_end = 64;
    std::size_t bytes = begin.size() + of_end + std::min(body_bytes, max_joined_bytes);
    const auto count = [&](const auto& f) { bytes += f.first.size() + f.second.size() + around; };
    std::for_each(r.fields.begin(), r.fields.end(), count);
    std::for_each(further.begin(), further.end(), count);
    std::string out;
    out.reserve(bytes);
    out.append(begin);
    append_fields(out, r.fields);
    append_fields(out, further);
    append_end(out, r, close, body_bytes);
    return out;
}

std::string serialise_head(const request& r, const url& to, std::string_view user_agent, bool close,
                           std::size_t body_bytes) {
    auto out = serialise_begin(r, to, user_agent);
    append_end(out, r, close, body_bytes);
    out.reserve(out.size() + std::min(body_bytes, max_joined_bytes));
    return out;
}

}  // namespace tidings::http::detail
