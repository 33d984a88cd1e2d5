// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/message.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tidings::rest_hook::detail {

/// A request to a WebSub hub (W3C WebSub 5.1), as it was read.
struct websub_request {
    enum class kind { subscribe, unsubscribe, publish };

    kind what = kind::subscribe;
    std::string callback{};
    std::string topic{};
    std::optional<std::chrono::seconds> lease{};  ///< that is asked for
    std::string secret{};                         ///< empty: deliveries are not to be signed
    std::vector<std::string> published{};         ///< topics, of `publish`
};

/// What is wrong, or what was done, in words: a hub answers in plain text (5.1.2).
TIDINGS_DECL http::response text_answer(unsigned status, std::string_view text);

/// Whether it is an http or https URL of at most 2,048 bytes that may stand in a field `Link`.
TIDINGS_DECL bool is_web_url(const std::string& text);

/// Reads the form. The answer is set where it is refused: 400, 413, 415.
TIDINGS_DECL std::optional<http::response> read_websub(const http::request& r,
                                                       std::size_t max_body_bytes,
                                                       websub_request& out);

}  // namespace tidings::rest_hook::detail
