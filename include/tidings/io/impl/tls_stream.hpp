// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/io/impl/tls_context.hpp>
#include <tidings/io/stream.hpp>

#if TIDINGS_TLS
#include <openssl/bio.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>
#endif

namespace tidings::detail {

#if TIDINGS_TLS

/// TLS over any stream that can be polled. OpenSSL reads and writes that stream through a BIO of
/// ours and is called again when the stream is ready, so nothing is copied, no operation outlives
/// this object, and a closure alert can be sent without waiting for the peer's: three things that
/// `asio::ssl::stream` does not give.
class tls_stream final : public io::stream {
 public:
    struct free_ssl {
        void operator()(SSL* ssl) const noexcept { SSL_free(ssl); }
    };
    using ssl_ptr = std::unique_ptr<SSL, free_ssl>;

    /// `ssl` is in its accept or connect state.
    tls_stream(ssl_ptr ssl, io::stream_ptr lower);

    net::any_io_executor executor() const noexcept override { return lower_->executor(); }
    bool rebind(const net::any_io_executor& executor) override { return lower_->rebind(executor); }

    void start_handshake(io::ready_callback done) override;
    void start_read(std::span<std::byte> into, io::read_callback done) override;
    void start_write(std::span<const std::byte> from, io::read_callback done) override;
    std::uint64_t push_on() noexcept override;
    void start_shutdown(io::ready_callback done) override;
    void close() noexcept override;

    bool can_poll() const noexcept override { return false; }
    std::size_t try_read(std::span<std::byte>, error_code& ec) noexcept override;
    std::size_t try_write(std::span<const std::byte>, error_code& ec) noexcept override;
    void start_wait(io::wait_for, io::ready_callback done) override;

    std::string remote_address() const override { return lower_->remote_address(); }
    bool remote_is_loopback() const noexcept override { return lower_->remote_is_loopback(); }

 private:
    // A write is done when all of it is: OpenSSL wants the rest of a record that did not fit
    // offered again. So it is bounded, for a slow peer to be seen making progress.
    static constexpr std::size_t max_write_bytes = 64 * 1024;

    struct operation {
        // Calls OpenSSL; positive when the operation is done.
        int (tls_stream::*attempt)(operation&);
        io::read_callback done;
        std::span<std::byte> into{};
        std::span<const std::byte> from{};
        std::size_t size = 0;  // transferred so far
    };
    using operation_ptr = std::unique_ptr<operation>;

    static io::read_callback ignoring_size(io::ready_callback done);

    int try_handshake(operation&) { return SSL_do_handshake(ssl_.get()); }
    int try_decrypt(operation& op);
    int try_encrypt(operation& op);
    int try_alert(operation&);

    void start(operation_ptr op);

    std::optional<io::wait_for> advance(operation& op, error_code& ec);

    error_code failure(const operation& op) const;

    void wait_for(io::wait_for what, operation_ptr op);

    void restart(operation_ptr op);
    void post(operation_ptr op, error_code ec);
    void finish(operation_ptr op, error_code ec);

    static int bio_write(BIO* bio, const char* data, int size);
    static int bio_read(BIO* bio, char* data, int size);
    static long bio_control(BIO*, int command, long, void*);
    static const BIO_METHOD* bio_method();

    io::stream_ptr lower_;
    ssl_ptr ssl_;
    error_code lower_error_;
    bool closed_ = false;
    struct {
        bool readable = false;
        bool writable = false;
    } waiting_;  // for the stream below
    std::vector<operation_ptr> parked_;
    operation* writing_ = nullptr;  // the write under way
    std::uint64_t sent_ = 0;        // ciphertext that the stream below has taken
    std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);
};

#endif

/// @error errc::tls_failed
TIDINGS_DECL io::stream_ptr make_server_stream(const tls_context& context, io::stream_ptr lower,
                                               error_code& ec);

/// The name is verified and sent as SNI; an address is verified only (RFC 6066 3).
/// @error errc::tls_failed
TIDINGS_DECL io::stream_ptr make_client_stream(const io::tls_client_options& options,
                                               const std::string& host, io::stream_ptr lower,
                                               error_code& ec);

}  // namespace tidings::detail
