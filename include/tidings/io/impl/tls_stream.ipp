// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/io/impl/tls_context.ipp>
#include <tidings/io/stream.hpp>

#if TIDINGS_TLS
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/error.hpp>

#include <algorithm>
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
    tls_stream(ssl_ptr ssl, io::stream_ptr lower) : lower_(std::move(lower)), ssl_(std::move(ssl)) {
        BIO* const bio = BIO_new(bio_method());
        BIO_set_data(bio, this);
        BIO_set_init(bio, 1);
        SSL_set_bio(ssl_.get(), bio, bio);
    }

    net::any_io_executor executor() const noexcept override { return lower_->executor(); }
    bool rebind(const net::any_io_executor& executor) override { return lower_->rebind(executor); }

    void start_handshake(io::ready_callback done) override {
        start({&tls_stream::try_handshake, ignoring_size(std::move(done))});
    }
    void start_read(std::span<std::byte> into, io::read_callback done) override {
        start({&tls_stream::try_decrypt, std::move(done), into});
    }
    void start_write(std::span<const std::byte> from, io::read_callback done) override {
        start({&tls_stream::try_encrypt,
               std::move(done),
               {},
               from.first(std::min(from.size(), max_write_bytes))});
    }
    void start_shutdown(io::ready_callback done) override {
        start({&tls_stream::try_alert, [this, done = std::move(done)](auto ec, auto) mutable {
                   if (ec != net::error::operation_aborted)
                       return lower_->start_shutdown(std::move(done));
                   done(ec);
               }});
    }
    void close() noexcept override {
        closed_ = true;
        lower_->close();
    }

    bool can_poll() const noexcept override { return false; }
    std::size_t try_read(std::span<std::byte>, error_code& ec) noexcept override {
        ec = net::error::operation_not_supported;
        return 0;
    }
    std::size_t try_write(std::span<const std::byte>, error_code& ec) noexcept override {
        ec = net::error::operation_not_supported;
        return 0;
    }
    void start_wait(io::wait_for, io::ready_callback done) override {
        post({nullptr, ignoring_size(std::move(done))}, net::error::operation_not_supported);
    }

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

    static io::read_callback ignoring_size(io::ready_callback done) {
        return [done = std::move(done)](error_code ec, std::size_t) mutable { done(ec); };
    }

    int try_handshake(operation&) { return SSL_do_handshake(ssl_.get()); }
    int try_decrypt(operation& op) {
        if (op.into.empty()) return 1;
        return SSL_read_ex(ssl_.get(), op.into.data(), op.into.size(), &op.size);
    }
    int try_encrypt(operation& op) {
        while (op.size < op.from.size()) {
            const auto rest = op.from.subspan(op.size);
            std::size_t written = 0;
            const int result = SSL_write_ex(ssl_.get(), rest.data(), rest.size(), &written);
            if (result <= 0) return result;
            op.size += written;
        }
        return 1;
    }
    // 0: the alert is sent, and the peer's has not come; nobody waits for it (RFC 8446 6.1).
    int try_alert(operation&) {
        const int result = SSL_shutdown(ssl_.get());
        return result == 0 ? 1 : result;
    }

    void start(operation op) {
        error_code ec;
        if (const auto wait = advance(op, ec); wait && !ec)
            wait_for(*wait, std::move(op));
        else
            post(std::move(op), ec);
    }

    // What to wait for, or nothing when the operation has ended.
    std::optional<io::wait_for> advance(operation& op, error_code& ec) {
        if (closed_) ec = net::error::operation_aborted;
        if (ec) return std::nullopt;
        ERR_clear_error();
        const int result = (this->*op.attempt)(op);
        if (result > 0) return std::nullopt;
        switch (SSL_get_error(ssl_.get(), result)) {
            case SSL_ERROR_WANT_READ:
                return io::wait_for::readable;
            case SSL_ERROR_WANT_WRITE:
                return io::wait_for::writable;
            case SSL_ERROR_ZERO_RETURN:
                ec = net::error::eof;
                break;
            default:
                ec = failure(op);
        }
        ERR_clear_error();
        return std::nullopt;
    }

    error_code failure(const operation& op) const {
        if (!lower_error_) return errc::tls_failed;
        if (lower_error_ != net::error::eof) return lower_error_;
        if (op.attempt == &tls_stream::try_handshake) return errc::tls_failed;
        return net::ssl::error::stream_truncated;
    }

    void wait_for(io::wait_for what, operation op) {
        auto& waiting = what == io::wait_for::readable ? reading_ : writing_;
        // The stream takes one wait per direction. Two operations want the same one only when the
        // peer changes keys: the second goes on with the first.
        if (waiting) return parked_.push_back(std::move(op));
        waiting = true;
        lower_->start_wait(what, [this, &waiting, op = std::move(op)](error_code ec) mutable {
            waiting = false;
            for (auto& other : std::exchange(parked_, {})) restart(std::move(other));
            const auto again = advance(op, ec);
            if (again) return wait_for(*again, std::move(op));
            op.done(ec, ec ? 0 : op.size);  // may destroy this
        });
    }

    void restart(operation op) {
        net::post(executor(), [this, alive = std::weak_ptr(alive_), op = std::move(op)]() mutable {
            if (!alive.expired()) start(std::move(op));
        });
    }
    void post(operation op, error_code ec) {
        net::post(executor(),
                  [this, alive = std::weak_ptr(alive_), ec, op = std::move(op)]() mutable {
                      if (alive.expired()) return;
                      if (closed_) ec = net::error::operation_aborted;
                      op.done(ec, ec ? 0 : op.size);
                  });
    }

    static int bio_write(BIO* bio, const char* data, int size) {
        auto& self = *static_cast<tls_stream*>(BIO_get_data(bio));
        BIO_clear_retry_flags(bio);
        error_code ec;
        const auto written = self.lower_->try_write(
            std::as_bytes(std::span(data, static_cast<std::size_t>(size))), ec);
        if (!ec) return static_cast<int>(written);
        if (ec == net::error::would_block)
            BIO_set_retry_write(bio);
        else
            self.lower_error_ = ec;
        return -1;
    }
    static int bio_read(BIO* bio, char* data, int size) {
        auto& self = *static_cast<tls_stream*>(BIO_get_data(bio));
        BIO_clear_retry_flags(bio);
        error_code ec;
        const auto read = self.lower_->try_read(
            std::as_writable_bytes(std::span(data, static_cast<std::size_t>(size))), ec);
        if (!ec) return static_cast<int>(read);
        if (ec == net::error::would_block)
            BIO_set_retry_read(bio);
        else
            self.lower_error_ = ec;
        return -1;
    }
    static long bio_control(BIO*, int command, long, void*) {
        return command == BIO_CTRL_FLUSH ? 1 : 0;
    }
    // Never freed: streams may live as long as the process.
    static const BIO_METHOD* bio_method() {
        static const BIO_METHOD* const method = [] {
            BIO_METHOD* m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "tidings");
            BIO_meth_set_write(m, &bio_write);
            BIO_meth_set_read(m, &bio_read);
            BIO_meth_set_ctrl(m, &bio_control);
            return m;
        }();
        return method;
    }

    io::stream_ptr lower_;
    ssl_ptr ssl_;
    error_code lower_error_;
    bool closed_ = false;
    bool reading_ = false;
    bool writing_ = false;
    std::vector<operation> parked_;
    std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);
};

inline io::stream_ptr make_server_stream(const tls_context& context, io::stream_ptr lower,
                                         error_code& ec) {
    tls_stream::ssl_ptr ssl(SSL_new(context->native_handle()));
    if (!ssl) {
        ec = errc::tls_failed;
        return nullptr;
    }
    SSL_set_accept_state(ssl.get());
    return std::make_unique<tls_stream>(std::move(ssl), std::move(lower));
}

/// The name is verified and sent as SNI; an address is verified only (RFC 6066 3).
inline io::stream_ptr make_client_stream(const io::tls_client_options& options,
                                         const std::string& host, io::stream_ptr lower,
                                         error_code& ec) {
    auto name = options.server_name.empty() ? host : options.server_name;
    if (name.ends_with('.')) name.pop_back();
    const auto context = client_context(options, ec);
    if (ec) return nullptr;
    tls_stream::ssl_ptr ssl(SSL_new(context->native_handle()));
    // OpenSSL takes an empty name for none to verify, and reads up to a NUL.
    bool good = ssl && (!name.empty() || !options.verify) && name.find('\0') == name.npos;
    if (good && !name.empty()) {
        error_code not_an_address;
        net::ip::make_address(name, not_an_address);
        SSL_set_hostflags(ssl.get(), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        good = SSL_set1_host(ssl.get(), name.c_str()) == 1;
        // Spelled out: the macro of OpenSSL has a C cast.
        if (good && not_an_address)
            good = SSL_ctrl(ssl.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                            name.data()) == 1;
    }
    if (!good) {
        ERR_clear_error();
        ec = errc::tls_failed;
        return nullptr;
    }
    SSL_set_connect_state(ssl.get());
    return std::make_unique<tls_stream>(std::move(ssl), std::move(lower));
}

#else

inline io::stream_ptr make_server_stream(const tls_context&, io::stream_ptr, error_code& ec) {
    ec = errc::tls_failed;
    return nullptr;
}
inline io::stream_ptr make_client_stream(const io::tls_client_options&, const std::string&,
                                         io::stream_ptr, error_code& ec) {
    ec = errc::tls_failed;
    return nullptr;
}

#endif

}  // namespace tidings::detail
