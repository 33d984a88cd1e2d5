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

/// The context for these options. Roots are shared by connections, because to read the system's
/// costs tens of milliseconds: a `ca_file` is read once. A certificate and key of the client's are
/// read each time, so that files may be renewed, and no key is kept. From any thread.
/// @error errc::tls_failed; what the system reports for a file of the client's certificate or key
TIDINGS_DECL tls_context client_context(const io::tls_client_options& options, error_code& ec);

#else

using tls_context = std::shared_ptr<void>;

#endif

/// Whether there is a context for these options. @error as `client_context`
TIDINGS_DECL error_code check_client_tls(const io::tls_client_options& options);

/// @error what the system reports for a file that cannot be opened; errc::tls_failed for text that
/// cannot be read, a key that is not the certificate's, or a build without TLS
TIDINGS_DECL tls_context make_server_context(const io::tls_server_options& options, error_code& ec);

}  // namespace tidings::detail
