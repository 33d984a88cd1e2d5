// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/message/url.hpp>
#include <tidings/http/message.hpp>
#include <tidings/io/tls.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace tidings::http::detail {

/// Where requests go, worked out once for all that go there.
struct request_target {
    url to{};
    std::shared_ptr<const io::tls_client_options> tls{};  // in place of the client's; null: none
    std::string pool{};                                   // the key of their connections

    /// @throws std::bad_alloc
    TIDINGS_DECL static request_target of(url to,
                                          std::shared_ptr<const io::tls_client_options> tls);
};

/// Requests that are alike: where they go, and how their heads begin. Never changes.
struct prepared_request : request_target {
    std::string begin{};          // of the head: see `serialise_begin`
    bool encoding_given = false;  // it has an Accept-Encoding of its own

    /// @param r what they have in common; its body is not read
    /// @error errc::bad_url, errc::invalid_argument; null then
    TIDINGS_DECL static std::shared_ptr<const prepared_request> make(
        const std::string& text, const request& r, std::string_view user_agent,
        std::shared_ptr<const io::tls_client_options> tls, error_code& ec);
    /// The same requests with more at the end of the query, which goes there as it is.
    /// @throws std::bad_alloc
    TIDINGS_DECL std::shared_ptr<const prepared_request> with_query(std::string_view more) const;
};

}  // namespace tidings::http::detail
