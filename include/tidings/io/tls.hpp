// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/config.hpp>

#include <string>

namespace tidings::io {

/// TLS 1.2 and newer of a client. Verification of chain and name is on unless `verify` is false.
/// Connections with the same options share what was read: a file of roots is read once.
struct tls_client_options {
    bool verify = true;
    std::string ca_file{};      ///< PEM file of trusted roots; empty: the system's
    std::string ca_pem{};       ///< or the PEM text itself
    std::string server_name{};  ///< SNI and verified name; empty: the host connected to
    /// What the client shows to a server that asks for it (RFC 8446 4.4.2): certificate chain and
    /// key, each as PEM file, which is read for each connection, or PEM text. Empty: nothing.
    std::string certificate_chain_file{};
    std::string private_key_file{};
    std::string certificate_chain_pem{};
    std::string private_key_pem{};

    bool shows_certificate() const noexcept {
        return !certificate_chain_file.empty() || !certificate_chain_pem.empty() ||
               !private_key_file.empty() || !private_key_pem.empty();
    }
};

/// TLS of a server: certificate chain and key, each as PEM file or PEM text. TLS 1.2 and newer.
struct tls_server_options {
    std::string certificate_chain_file{};
    std::string private_key_file{};
    std::string certificate_chain_pem{};
    std::string private_key_pem{};
};

}  // namespace tidings::io
