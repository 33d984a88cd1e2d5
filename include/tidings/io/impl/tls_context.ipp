// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/io/impl/tls_context.hpp>

#include <cerrno>
#include <cstdio>
#if TIDINGS_TLS
#include <mutex>
#include <unordered_map>
#endif

namespace tidings::detail {

#if TIDINGS_TLS

tls_context make_tls_context(net::ssl::context::method method) {
    auto made = std::make_shared<net::ssl::context>(method);
    SSL_CTX* const ctx = made->native_handle();
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION);
    // tls_stream lets a peer take part of a write, and moves what is left of it.
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(ctx, 1);  // one recv per record instead of two
    // Without a callback OpenSSL asks the terminal for the password of an encrypted key.
    SSL_CTX_set_default_passwd_cb(ctx, [](char*, int, int, void*) { return 0; });
    return made;
}

// OpenSSL's own error for a file that is not there names neither file nor reason.
inline error_code why_unreadable(const std::string& file) noexcept {
    std::FILE* const opened = file.empty() ? nullptr : std::fopen(file.c_str(), "re");
    if (opened != nullptr) std::fclose(opened);
    return opened != nullptr || file.empty() ? error_code()
                                             : error_code(errno, boost::system::system_category());
}

// Certificate and key of a server, or of a client.
template <class Options>
void use_certificate(net::ssl::context& c, const Options& options, error_code& ec) {
    if (options.certificate_chain_pem.empty()) ec = why_unreadable(options.certificate_chain_file);
    if (!ec && options.private_key_pem.empty()) ec = why_unreadable(options.private_key_file);
    if (ec) return;
    if (options.certificate_chain_pem.empty())
        c.use_certificate_chain_file(options.certificate_chain_file, ec);
    else
        c.use_certificate_chain(net::buffer(options.certificate_chain_pem), ec);
    if (!ec && options.private_key_pem.empty())
        c.use_private_key_file(options.private_key_file, net::ssl::context::pem, ec);
    else if (!ec)
        c.use_private_key(net::buffer(options.private_key_pem), net::ssl::context::pem, ec);
    if (ec) ec = errc::tls_failed;
}

tls_context make_server_context(const io::tls_server_options& options, error_code& ec) {
    auto made = make_tls_context(net::ssl::context::tls_server);
    use_certificate(*made, options, ec);
    return ec ? nullptr : made;
}

inline tls_context make_client_context(const io::tls_client_options& options, error_code& ec) {
    auto made = make_tls_context(net::ssl::context::tls_client);
    if (!options.verify) return made;
    made->set_verify_mode(net::ssl::verify_peer);
    if (!options.ca_file.empty()) made->load_verify_file(options.ca_file, ec);
    if (!ec && !options.ca_pem.empty())
        made->add_certificate_authority(net::buffer(options.ca_pem), ec);
    if (options.ca_file.empty() && options.ca_pem.empty()) made->set_default_verify_paths(ec);
    if (!ec) return made;
    ec = errc::tls_failed;
    return nullptr;
}

inline tls_context rooted_context(const io::tls_client_options& options, error_code& ec) {
    static constexpr std::size_t max_kept = 32;
    static std::mutex mutex;
    static std::unordered_map<std::string, tls_context> kept;
    const std::string key = (options.verify ? "1" : "0") + options.ca_file + '\0' + options.ca_pem;
    const std::lock_guard lock(mutex);
    if (const auto it = kept.find(key); it != kept.end()) return it->second;
    auto made = make_client_context(options, ec);
    if (ec) return nullptr;
    if (kept.size() >= max_kept) kept.clear();
    kept.emplace(key, made);
    return made;
}

tls_context client_context(const io::tls_client_options& options, error_code& ec) {
    auto rooted = rooted_context(options, ec);
    if (ec || !options.shows_certificate()) return rooted;
    auto made = make_tls_context(net::ssl::context::tls_client);
    if (options.verify) {
        made->set_verify_mode(net::ssl::verify_peer);
        SSL_CTX_set1_cert_store(made->native_handle(),
                                SSL_CTX_get_cert_store(rooted->native_handle()));
    }
    use_certificate(*made, options, ec);
    return ec ? nullptr : made;
}

error_code check_client_tls(const io::tls_client_options& options) {
    error_code ec;
    client_context(options, ec);
    return ec;
}

#else

error_code check_client_tls(const io::tls_client_options&) {
    return errc::tls_failed;
}

tls_context make_server_context(const io::tls_server_options&, error_code& ec) {
    ec = errc::tls_failed;
    return nullptr;
}

#endif

}  // namespace tidings::detail
