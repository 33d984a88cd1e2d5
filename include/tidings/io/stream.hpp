// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/errc.hpp>
#include <tidings/unique_function.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace tidings::io {

using read_callback = tidings::unique_function<void(error_code, std::size_t)>;
using ready_callback = tidings::unique_function<void(error_code)>;

enum class wait_for { readable, writable };

/// The seam of every connection: one connected, ordered byte stream (TCP, Unix, TLS, simulated).
///
/// Confined to its executor: every call is made there, and callbacks run there, never inside the
/// call that starts the operation. At most one read (or wait for readable) and one write (or wait
/// for writable) are under way. Destroying the stream closes it and drops callbacks that did not
/// run.
class stream {
 public:
    stream() = default;
    stream(const stream&) = delete;
    stream& operator=(const stream&) = delete;
    virtual ~stream() = default;

    virtual net::any_io_executor executor() const noexcept = 0;
    /// Makes another executor of the same context its own. Nothing may be under way. False where
    /// the stream cannot.
    virtual bool rebind(const net::any_io_executor& executor) {
        (void)executor;
        return false;
    }

    /// Makes it ready for bytes: the TLS handshake, nothing elsewhere. @error errc::tls_failed
    virtual void start_handshake(ready_callback done) = 0;
    /// Reads at least one byte. @error boost::asio::error::eof at an orderly end.
    virtual void start_read(std::span<std::byte> into, read_callback done) = 0;
    /// Writes at least one byte.
    virtual void start_write(std::span<const std::byte> from, read_callback done) = 0;
    /// Where a write completes only once all of it has left (TLS): offers the transport below what
    /// a write under way still has, without waiting, and returns how many bytes, in the transport's
    /// own form, have left since the beginning, so that a slow peer's progress shows. 0 elsewhere.
    virtual std::uint64_t push_on() noexcept { return 0; }
    /// Completes when the direction is ready. Only where `can_poll()`.
    virtual void start_wait(wait_for what, ready_callback done) = 0;

    /// Whether `try_read`, `try_write` and `start_wait` work. Not for TLS: there a non-blocking
    /// write would lose ciphertext.
    virtual bool can_poll() const noexcept = 0;
    /// Reads what is there without waiting. @error would_block, eof
    virtual std::size_t try_read(std::span<std::byte> into, error_code& ec) noexcept = 0;
    /// Writes what fits without waiting. @error would_block
    virtual std::size_t try_write(std::span<const std::byte> from, error_code& ec) noexcept = 0;

    /// Ends the sending direction: FIN, after the TLS closure alert where there is one. The peer
    /// may still send, and is not waited for. A write: not while another is under way.
    virtual void start_shutdown(ready_callback done) = 0;
    /// Closes at once; pending operations complete with operation_aborted.
    virtual void close() noexcept = 0;

    /// The peer as text, `192.0.2.1:443`, `[2001:db8::1]:80`, `unix`.
    virtual std::string remote_address() const = 0;
    /// Whether the peer is on this machine: loopback address or Unix socket.
    virtual bool remote_is_loopback() const noexcept = 0;
};

using stream_ptr = std::unique_ptr<stream>;

}  // namespace tidings::io
