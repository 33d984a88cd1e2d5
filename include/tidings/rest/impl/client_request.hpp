// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/client.hpp>
#include <tidings/rest/client.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace tidings::rest::detail {

/// Without the callbacks: what may be read by any thread.
TIDINGS_DECL client_options without_callbacks(client_options o);
/// What names an event that may come back.
TIDINGS_DECL std::string key_of(std::string_view source, std::string_view id);
/// A request with the client's fields and token.
TIDINGS_DECL http::request make_request(const client_options& o, std::string method);
/// The request that publishes an event.
TIDINGS_DECL http::request event_request(const client_options& o, const publication& p,
                                         error_code& ec);
/// The resource of a topic.
TIDINGS_DECL std::string topic_url(const client_options& o, std::string_view topic);
/// The question for what comes after a position, or for where the present is.
TIDINGS_DECL std::string poll_url(const client_options& o, std::chrono::seconds wait,
                                  std::size_t max_batch, const std::optional<position>& after);
/// Of the client whose requests wait for events.
TIDINGS_DECL http::client_options reader_options(const client_options& o);

}  // namespace tidings::rest::detail
