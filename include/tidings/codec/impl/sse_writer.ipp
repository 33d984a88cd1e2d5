// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/codec/sse_parser.hpp>
#include <tidings/codec/sse_writer.hpp>

#include <algorithm>

namespace tidings {
namespace detail {
namespace {

bool is_sse_field_value(std::string_view text) noexcept {
    return find_sse_line_end(text) == text.npos && text.find('\0') == text.npos;
}

// The space is removed by the reader, and so keeps one with which the value begins.
void append_sse_field(std::string& out, std::string_view name, std::string_view value) {
    out.append(name).append(value.empty() ? ":" : ": ").append(value).push_back('\n');
}

void append_sse_lines(std::string& out, std::string_view name, std::string_view text) {
    for (;;) {
        const auto end = find_sse_line_end(text);
        append_sse_field(out, name, text.substr(0, end));
        if (end == text.npos) return;
        text.remove_prefix(end);
        text.remove_prefix(text.starts_with("\r\n") ? 2 : 1);
    }
}

}  // namespace
}  // namespace detail

error_code append_sse_event(std::string& out, std::string_view data, std::string_view event,
                            std::optional<std::string_view> id) {
    if (!detail::is_sse_field_value(event) || (id && !detail::is_sse_field_value(*id)))
        return errc::sse_bad_field;
    if (!event.empty()) detail::append_sse_field(out, "event", event);
    if (id) detail::append_sse_field(out, "id", *id);
    detail::append_sse_lines(out, "data", data);
    out.push_back('\n');
    return {};
}

void append_sse_comment(std::string& out, std::string_view text) {
    detail::append_sse_lines(out, "", text);
}

void append_sse_retry(std::string& out, std::chrono::milliseconds time) {
    const auto count = std::max(time, std::chrono::milliseconds::zero()).count();
    detail::append_sse_field(out, "retry", std::to_string(count));
    // The standard needs no blank line here, but there are readers that apply fields only at one.
    out.push_back('\n');
}

error_code append_sse_id(std::string& out, std::string_view id) {
    if (!detail::is_sse_field_value(id)) return errc::sse_bad_field;
    detail::append_sse_field(out, "id", id);
    out.push_back('\n');
    return {};
}

}  // namespace tidings
