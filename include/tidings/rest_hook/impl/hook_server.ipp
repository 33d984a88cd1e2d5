// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/message/url.hpp>
#include <tidings/rest_hook/impl/hook_server.hpp>
#include <tidings/rest_hook/subscriber_client.hpp>
#include <tidings/text/utf8.hpp>

#include <algorithm>

namespace tidings::rest_hook::detail {

using namespace tidings::detail;

namespace {

constexpr std::size_t max_reason_bytes = 500;

}  // namespace

bool same_origin(const std::string& url, const std::string& other) {
    error_code ec;
    const auto a = http::url::parse(url, ec);
    if (ec) return false;
    const auto b = http::url::parse(other, ec);
    return !ec && a.scheme == b.scheme && a.host == b.host && a.port == b.port;
}

// What is no text, or is cut within a character, is left out as a whole.
std::string reason_of(std::string_view text) {
    if (!is_valid_utf8(text)) return {};
    auto size = std::min(text.size(), max_reason_bytes);
    while (size > 0 && !is_valid_utf8(text.substr(0, size))) --size;
    std::string reason(text.substr(0, size));
    while (!reason.empty() && (reason.back() == '\n' || reason.back() == '\r')) reason.pop_back();
    return reason;
}

http::request request_to(const std::string& url, std::string method,
                         const subscriber_client_options& o) {
    http::request r{.method = std::move(method)};
    if (!same_origin(url, o.api_url) && !same_origin(url, o.topic_url) &&
        !same_origin(url, o.hub_url))
        return r;
    r.fields = o.fields;
    if (!o.token.empty()) r.fields.set("Authorization", "Bearer " + o.token);
    return r;
}

}  // namespace tidings::rest_hook::detail
