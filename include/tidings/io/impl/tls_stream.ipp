// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/io/impl/tls_stream.hpp>

#if TIDINGS_TLS
#include <openssl/err.h>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/error.hpp>
#endif

namespace tidings::detail {

#if TIDINGS_TLS

tls_stream::tls_stream(ssl_ptr ssl, io::stream_ptr lower)
    : lower_(std::move(lower)),
      ssl_(std::move(ssl)) {
    BIO* const bio = BIO_new(bio_method());
    BIO_set_data(bio, this);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl_.get(), bio, bio);
}

void tls_stream::start_handshake(io::ready_callback done) {
    start(std::make_unique<operation>(
        operation{&tls_stream::try_handshake, ignoring_size(std::move(done))}));
}

void tls_stream::start_read(std::span<std::byte> into, io::read_callback done) {
    start(std::make_unique<operation>(operation{&tls_stream::try_decrypt, std::move(done), into}));
}

void tls_stream::start_write(std::span<const std::byte> from, io::read_callback done) {
    auto op =
        std::make_unique<operation>(operation{&tls_stream::try_encrypt,
                                              std::move(done),
                                              {},
                                              from.first(std::min(from.size(), max_write_bytes))});
    writing_ = op.get();
    start(std::move(op));
}

// The stream below may have room that it does not report yet. What fails here fails again, and is
// reported, when the operation goes on.
std::uint64_t tls_stream::push_on() noexcept {
    error_code ignored;
    if (writing_ != nullptr) advance(*writing_, ignored);
    return sent_;
}

void tls_stream::start_shutdown(io::ready_callback done) {
    start(std::make_unique<operation>(
        operation{&tls_stream::try_alert, [this, done = std::move(done)](auto ec, auto) mutable {
                      if (ec != net::error::operation_aborted)
                          return lower_->start_shutdown(std::move(done));
                      done(ec);
                  }}));
}

void tls_stream::close() noexcept {
    closed_ = true;
    lower_->close();
}

std::size_t tls_stream::try_read(std::span<std::byte>, error_code& ec) noexcept {
    ec = net::error::operation_not_supported;
    return 0;
}

std::size_t tls_stream::try_write(std::span<const std::byte>, error_code& ec) noexcept {
    ec = net::error::operation_not_supported;
    return 0;
}

void tls_stream::start_wait(io::wait_for, io::ready_callback done) {
    post(std::make_unique<operation>(operation{nullptr, ignoring_size(std::move(done))}),
         net::error::operation_not_supported);
}

io::read_callback tls_stream::ignoring_size(io::ready_callback done) {
    return [done = std::move(done)](error_code ec, std::size_t) mutable { done(ec); };
}

int tls_stream::try_decrypt(operation& op) {
    if (op.into.empty()) return 1;
    return SSL_read_ex(ssl_.get(), op.into.data(), op.into.size(), &op.size);
}

int tls_stream::try_encrypt(operation& op) {
    while (op.size < op.from.size()) {
        const auto rest = op.from.subspan(op.size);
        std::size_t written = 0;
        const int result = SSL_write_ex(ssl_.get(), rest.data(), rest.size(), &written);
        if (result <= 0) return result;
        op.size += written;
    }
    return 1;
}

// 0: the alert is sent, and the peer's has not come; it is not awaited (RFC 8446 6.1).
int tls_stream::try_alert(operation&) {
    const int result = SSL_shutdown(ssl_.get());
    return result == 0 ? 1 : result;
}

void tls_stream::start(operation_ptr op) {
    error_code ec;
    if (const auto wait = advance(*op, ec); wait && !ec)
        wait_for(*wait, std::move(op));
    else
        post(std::move(op), ec);
}

// What to wait for, or nothing when the operation has ended.
std::optional<io::wait_for> tls_stream::advance(operation& op, error_code& ec) {
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

error_code tls_stream::failure(const operation& op) const {
    if (!lower_error_) return errc::tls_failed;
    if (lower_error_ != net::error::eof) return lower_error_;
    if (op.attempt == &tls_stream::try_handshake) return errc::tls_failed;
    return net::ssl::error::stream_truncated;
}

void tls_stream::wait_for(io::wait_for what, operation_ptr op) {
    auto& waiting = what == io::wait_for::readable ? waiting_.readable : waiting_.writable;
    // The stream takes one wait per direction. Two operations want the same one only when the
    // peer changes keys: the second goes on with the first.
    if (waiting) return parked_.push_back(std::move(op));
    waiting = true;
    lower_->start_wait(what, [this, &waiting, op = std::move(op)](error_code ec) mutable {
        waiting = false;
        for (auto& other : std::exchange(parked_, {})) restart(std::move(other));
        const auto again = advance(*op, ec);
        if (again) return wait_for(*again, std::move(op));
        finish(std::move(op), ec);
    });
}

void tls_stream::restart(operation_ptr op) {
    net::post(executor(), [this, alive = std::weak_ptr(alive_), op = std::move(op)]() mutable {
        if (!alive.expired()) start(std::move(op));
    });
}

void tls_stream::post(operation_ptr op, error_code ec) {
    net::post(executor(), [this, alive = std::weak_ptr(alive_), ec, op = std::move(op)]() mutable {
        if (alive.expired()) return;
        if (closed_) ec = net::error::operation_aborted;
        finish(std::move(op), ec);
    });
}

// May destroy this.
void tls_stream::finish(operation_ptr op, error_code ec) {
    if (op.get() == writing_) writing_ = nullptr;
    op->done(ec, ec ? 0 : op->size);
}

int tls_stream::bio_write(BIO* bio, const char* data, int size) {
    auto& self = *static_cast<tls_stream*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    error_code ec;
    const auto written =
        self.lower_->try_write(std::as_bytes(std::span(data, static_cast<std::size_t>(size))), ec);
    self.sent_ += written;
    if (!ec) return static_cast<int>(written);
    if (ec == net::error::would_block)
        BIO_set_retry_write(bio);
    else
        self.lower_error_ = ec;
    return -1;
}

int tls_stream::bio_read(BIO* bio, char* data, int size) {
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

long tls_stream::bio_control(BIO*, int command, long, void*) {
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

// Never freed: streams may live as long as the process.
const BIO_METHOD* tls_stream::bio_method() {
    static const BIO_METHOD* const method = [] {
        BIO_METHOD* m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "tidings");
        BIO_meth_set_write(m, &bio_write);
        BIO_meth_set_read(m, &bio_read);
        BIO_meth_set_ctrl(m, &bio_control);
        return m;
    }();
    return method;
}

io::stream_ptr make_server_stream(const tls_context& context, io::stream_ptr lower,
                                  error_code& ec) {
    tls_stream::ssl_ptr ssl(SSL_new(context->native_handle()));
    if (!ssl) {
        ec = errc::tls_failed;
        return nullptr;
    }
    SSL_set_accept_state(ssl.get());
    return std::make_unique<tls_stream>(std::move(ssl), std::move(lower));
}

io::stream_ptr make_client_stream(const io::tls_client_options& options, const std::string& host,
                                  io::stream_ptr lower, error_code& ec) {
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

io::stream_ptr make_server_stream(const tls_context&, io::stream_ptr, error_code& ec) {
    ec = errc::tls_failed;
    return nullptr;
}
io::stream_ptr make_client_stream(const io::tls_client_options&, const std::string&, io::stream_ptr,
                                  error_code& ec) {
    ec = errc::tls_failed;
    return nullptr;
}

#endif

}  // namespace tidings::detail
