// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/errc.hpp>
#include <tidings/io/tls.hpp>

#include <memory>

#if TIDINGS_TLS
#include <boost/asio/ssl/context.hpp>
#endif

namespace tidings::detail {

#if TIDINGS_TLS

using tls_context = std::shared_ptr<net::ssl::context>;

/// TLS 1.2 and newer, no renegotiation, and what `tls_stream` needs.
TIDINGS_DECL tls_context make_tls_context(net::ssl::context::method method);

/// The context for these options, shared by connections: to read the system's roots costs tens of
/// milliseconds. A `ca_file` is therefore read once. From any thread. @error errc::tls_failed
TIDINGS_DECL tls_context client_context(const io::tls_client_options& options, error_code& ec);

#else

using tls_context = std::shared_ptr<void>;

#endif

/// @error what the system reports for a file that cannot be opened; errc::tls_failed for text that
/// cannot be read, a key that is not the certificate's, or a build without TLS
TIDINGS_DECL tls_context make_server_context(const io::tls_server_options& options, error_code& ec);

}  // namespace tidings::detail
