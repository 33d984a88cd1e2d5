// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/message/url.hpp>

#include <boost/asio/ip/address_v6.hpp>

#include <algorithm>
#include <charconv>
#include <cstddef>

namespace tidings::http {

namespace {

constexpr char url_lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// Zero for a scheme that is none of ours.
std::uint16_t default_port(std::string_view scheme) noexcept {
    if (scheme == "http" || scheme == "ws") return 80;
    if (scheme == "https" || scheme == "wss") return 443;
    return 0;
}

// RFC 3986 3.2.2 would let a registered name hold escapes and punctuation; no DNS name does, and
// what a resolver makes of them differs.
bool is_host_name(std::string_view host) noexcept {
    if (host.empty() || host.size() > 253) return false;
    bool in_label = false;
    for (const char c : host) {
        if (c == '.' && !in_label) return false;
        const char lower = url_lower(c);
        in_label = c != '.';
        if (in_label && !(lower >= 'a' && lower <= 'z') && !(c >= '0' && c <= '9') && c != '-' &&
            c != '_')
            return false;
    }
    return true;
}

bool is_ipv6_literal(std::string_view host) {
    if (host.find('%') != std::string_view::npos) return false;  // a zone means nothing to others
    error_code ec;
    net::ip::make_address_v6(std::string(host), ec);
    return !ec;
}

bool read_authority(std::string_view text, url& out) {
    if (const auto at = text.find('@'); at != std::string_view::npos) {
        if (at == 0) return false;
        out.user_info = text.substr(0, at);
        text.remove_prefix(at + 1);
    }
    std::string_view host;
    if (text.starts_with('[')) {
        const auto bracket = text.find(']');
        if (bracket == std::string_view::npos) return false;
        host = text.substr(1, bracket - 1);
        text.remove_prefix(bracket + 1);
        out.ipv6_literal = true;
        if (!is_ipv6_literal(host)) return false;
    } else {
        host = text.substr(0, text.find(':'));
        text.remove_prefix(host.size());
        if (!is_host_name(host)) return false;
    }
    out.host = host;
    std::transform(out.host.begin(), out.host.end(), out.host.begin(), url_lower);
    return text.empty() || (text.front() == ':' && url::read_port(text.substr(1), out.port));
}

bool read_url(std::string_view text, url& out) {
    const bool clean = std::all_of(text.begin(), text.end(),
                                   [](char c) { return c > ' ' && c < '\x7f' && c != '\\'; });
    const auto colon = text.find("://");
    if (!clean || colon == std::string_view::npos) return false;
    out.scheme = text.substr(0, colon);
    std::transform(out.scheme.begin(), out.scheme.end(), out.scheme.begin(), url_lower);
    out.port = default_port(out.scheme);
    if (out.port == 0) return false;
    text.remove_prefix(colon + 3);

    text = text.substr(0, text.find('#'));
    const std::string_view authority = text.substr(0, text.find_first_of("/?"));
    text.remove_prefix(authority.size());
    if (text.starts_with('/'))
        out.target = text;
    else
        out.target.append(text);  // a query without a path: "/" stands before it
    return read_authority(authority, out);
}

}  // namespace

bool url::read_port(std::string_view text, std::uint16_t& port) noexcept {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    return text.size() <= 5 && error == std::errc() && end == text.data() + text.size() &&
           port != 0;
}

std::string url::authority() const {
    std::string result = ipv6_literal ? '[' + host + ']' : host;
    if (port != default_port(scheme)) result += ':' + std::to_string(port);
    return result;
}

url url::parse(std::string_view text, error_code& ec) {
    ec = {};
    url result;
    if (read_url(text, result)) return result;
    ec = errc::bad_url;
    return {};
}

}  // namespace tidings::http
