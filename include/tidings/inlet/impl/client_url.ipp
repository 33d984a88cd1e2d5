// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/message/percent.hpp>
#include <tidings/http/impl/message/url.hpp>
#include <tidings/inlet/impl/client_url.hpp>
#include <tidings/topic.hpp>

#include <stdexcept>

namespace tidings::detail {

void check_client(std::string_view client, const std::string& url, std::string_view scheme,
                  const std::vector<std::string>& patterns) {
    const auto refuse = [client](std::string_view what, std::string_view object) {
        throw std::invalid_argument(std::string(client) + ": " + std::string(what) + ": " +
                                    std::string(object));
    };
    const std::string plain(scheme);
    error_code ec;
    const auto u = http::url::parse(url, ec);
    if (ec) refuse("not a URL of " + plain + " or " + plain + 's', loggable_url(url));
    if (u.scheme != plain && u.scheme != plain + 's')
        refuse("a URL of " + plain + " or " + plain + "s is wanted, not of " + u.scheme,
               loggable_url(url));
    if (const auto at = url.find('#'); at != std::string::npos)
        refuse("a URL without a fragment is wanted, not one with " + url.substr(at),
               loggable_url(url));
    for (const auto& pattern : patterns)
        if (check_pattern(pattern)) refuse("not a pattern", pattern);
}

std::string loggable_url(std::string_view url) {
    url = url.substr(0, url.find_first_of("?#"));
    const auto scheme = url.find("://");
    if (scheme == std::string_view::npos) return std::string(url);
    const auto authority = scheme + 3;
    const auto at = url.substr(0, url.find('/', authority)).rfind('@');
    if (at == std::string_view::npos || at < authority) return std::string(url);
    return std::string(url.substr(0, authority)) + std::string(url.substr(at + 1));
}

std::string loggable_text(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto byte = [&](std::size_t at) {
            return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U;
        };
        const bool c1 = byte(i) == 0xc2 && byte(i + 1) >= 0x80 && byte(i + 1) < 0xa0;
        const bool control = byte(i) < 0x20 || byte(i) == 0x7f || c1;
        out += control ? ' ' : text[i];
        if (c1) ++i;
    }
    return out;
}

void append_query(std::string& url, std::string_view name, std::string_view value) {
    url += url.find('?') == std::string::npos ? '?' : '&';
    url += std::string(name) + '=' + http::percent_encode(value);
}

void append_after_gap(std::string& url, std::optional<after_gap> wanted) {
    if (wanted) append_query(url, "after_gap", *wanted == after_gap::held ? "held" : "present");
}

}  // namespace tidings::detail
