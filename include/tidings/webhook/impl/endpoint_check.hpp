// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/webhook/endpoint.hpp>

#include <string>

namespace tidings::webhook::detail {

/// Whether what an endpoint adds to each request may stand there: its fields, its credentials, its
/// certificate, its rate.
/// @param what gets what is wrong, in a few words without anything secret
/// @error as `sender::endpoint`
error_code check_endpoint(const endpoint_options& o, const signer* s, std::string& what);

/// Whether these may be the fields of a signature.
bool may_sign(const http::fields& f) noexcept;

/// The value of its Authorization (RFC 6750 2.1, RFC 7617 2); empty: it has no credentials.
std::string authorization_of(const endpoint_options& o);

}  // namespace tidings::webhook::detail
