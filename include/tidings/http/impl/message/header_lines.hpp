// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/errc.hpp>
#include <tidings/http/message.hpp>
#include <tidings/text/impl/ascii.hpp>

#include <charconv>
#include <cstddef>
#include <string>
#include <string_view>

// The lines of a header as text, before Beast parses them.
namespace tidings::http::detail {

using tidings::detail::equal_ignoring_case;

constexpr bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}

/// Writes a later minor version of HTTP/1 as the one that is spoken here (RFC 9110 6.2).
/// @error errc::unsupported_http_version for another major version.
inline error_code normalise_version(std::string& header, std::size_t at) noexcept {
    const std::string_view version = std::string_view(header).substr(at, 8);
    if (version.size() < 8 || !version.starts_with("HTTP/") || !is_digit(version[5]) ||
        version[6] != '.' || !is_digit(version[7]))
        return {};  // the parser refuses it
    if (version[5] != '1') return errc::unsupported_http_version;
    if (version[7] > '1') header[at + 7] = '1';
    return {};
}

/// A request's line ends in its version.
inline error_code normalise_start(std::string& header, const request&) noexcept {
    const auto end = header.find("\r\n");
    return end < 8 ? error_code() : normalise_version(header, end - 8);
}

/// A status line begins with its version. The space before a reason phrase that is not there is
/// often left out, though RFC 9112 4 wants it.
inline error_code normalise_start(std::string& header, const response&) {
    const auto end = header.find("\r\n");
    constexpr std::size_t without_reason = std::string_view("HTTP/1.1 200").size();
    if (end == without_reason) header.insert(end, 1, ' ');
    return normalise_version(header, 0);
}

/// What the first line of a response says, for when what follows it is refused; 0: nothing.
inline unsigned read_status(std::string_view line) noexcept {
    constexpr std::size_t version_end = std::string_view("HTTP/1.1").size();
    constexpr std::size_t status_end = std::string_view("HTTP/1.1 200").size();
    const bool plain = line.starts_with("HTTP/1.") && line.size() >= status_end &&
                       line[version_end] == ' ' &&
                       (line.size() == status_end || line[status_end] == ' ');
    unsigned status = 0;
    if (plain) std::from_chars(line.data() + version_end + 1, line.data() + status_end, status);
    return status;
}

/// Replaces folds by spaces, as a user agent must (RFC 9112 5.2). @error errc::ambiguous_framing
/// for a folded field that frames the body.
inline error_code unfold(std::string& header) noexcept {
    for (auto at = header.find("\r\n"); at + 2 < header.size(); at = header.find("\r\n", at + 2)) {
        if (header[at + 2] != ' ' && header[at + 2] != '\t') continue;
        const auto line = header.rfind('\n', at) + 1;
        const auto name = std::string_view(header).substr(line, header.find(':', line) - line);
        if (equal_ignoring_case(name, "Content-Length") ||
            equal_ignoring_case(name, "Transfer-Encoding"))
            return errc::ambiguous_framing;
        header[at] = header[at + 1] = ' ';
    }
    return {};
}

}  // namespace tidings::http::detail
