// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/message.hpp>
#include <tidings/text/impl/ascii.hpp>
#include <tidings/text/impl/header_tokens.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace tidings::http::detail {

/// Whether a body is packed (RFC 9110 8.4), which nothing here unpacks.
inline bool is_packed(const request& r) {
    const std::string codings = r.fields.joined("content-encoding");
    for (std::string_view rest = codings; !rest.empty();) {
        const auto coding = tidings::detail::take_list_element(rest);
        if (!coding.empty() && !tidings::detail::equal_ignoring_case(coding, "identity"))
            return true;
    }
    return false;
}

/// The answer to a body that is packed: 415, with the codings that are taken (RFC 9110 15.5.16).
inline std::optional<response> refuse_packed(const request& r) {
    if (!is_packed(r)) return std::nullopt;
    auto no =
        problem(415, "Unsupported content coding",
                "the body is taken as it is, without a Content-Encoding (identity), and not " +
                    r.fields.joined("content-encoding"));
    no.fields.set("Accept-Encoding", "identity");
    return no;
}

}  // namespace tidings::http::detail
