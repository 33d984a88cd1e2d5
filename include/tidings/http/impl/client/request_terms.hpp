// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/client/exchange_trace.hpp>
#include <tidings/http/impl/client/request_target.hpp>

#include <memory>
#include <span>
#include <string>

namespace tidings::http::detail {

/// What belongs to a request that an object of the library makes, beside the request itself.
struct request_terms {
    /// Takes the place of the URL, which is not read then; the request has what it adds to it.
    std::shared_ptr<const prepared_request> prepared{};
    /// Of such a request: fields behind its own, read within the call. In a value a control byte
    /// becomes a space.
    std::span<const fields::value_type> further{};
    /// Sent in place of the request's: of a large one, which others hold, too, no connection has a
    /// copy.
    std::shared_ptr<const std::string> body{};
    std::shared_ptr<exchange_trace> trace{};  ///< kept up to date; null: nothing is noted
    /// In place of the client's. A connection is used by no request but those with this same
    /// object, so that none is sent under the certificate of another.
    std::shared_ptr<const io::tls_client_options> tls{};
    /// The peer has not answered lately: its name is resolved with half of the resolver at most.
    bool unproven = false;
};

}  // namespace tidings::http::detail
