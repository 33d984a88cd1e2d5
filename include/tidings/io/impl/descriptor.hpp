// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/errc.hpp>

#include <boost/asio/error.hpp>

#include <cerrno>
#if defined(__unix__) || defined(__APPLE__)
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>
#endif

// Descriptors that a child process does not inherit: it would keep a listener's port bound and the
// connections of its parent open.

namespace tidings::detail {

/// Makes a descriptor close-on-exec that was not made so.
inline void set_close_on_exec(int descriptor) noexcept {
#if defined(FD_CLOEXEC)
    const int flags = ::fcntl(descriptor, F_GETFD);
    if (flags >= 0) ::fcntl(descriptor, F_SETFD, flags | FD_CLOEXEC);
#else
    (void)descriptor;
#endif
}

/// Opens a socket or acceptor of Asio's close-on-exec. @error what the system reports
template <class Socket, class Protocol>
void open_close_on_exec(Socket& socket, const Protocol& protocol, error_code& ec) {
#if defined(SOCK_CLOEXEC)
    const int made =
        ::socket(protocol.family(), protocol.type() | SOCK_CLOEXEC, protocol.protocol());
    if (made < 0) {
        ec = error_code(errno, boost::system::system_category());
        return;
    }
    socket.assign(protocol, made, ec);
    if (ec) ::close(made);
#else
    socket.open(protocol, ec);
#if defined(FD_CLOEXEC)
    if (!ec) set_close_on_exec(socket.native_handle());
#endif
#endif
}

/// Ends a listener or connection that a child which was forked without exec may hold open beside
/// this process. Before `close`. A connection whose bytes were not all read is reset, as `close`
/// alone would.
inline void shutdown_descriptor(int descriptor) noexcept {
#if defined(__unix__) || defined(__APPLE__)
#if defined(__linux__)
    char unread = 0;
    if (::recv(descriptor, &unread, 1, MSG_PEEK | MSG_DONTWAIT) > 0) {
        const sockaddr none{};  // AF_UNSPEC
        if (::connect(descriptor, &none, sizeof none) == 0) return;
    }
#endif
    ::shutdown(descriptor, SHUT_RDWR);
#else
    (void)descriptor;
#endif
}

/// Closes a connection that no object of Asio's has.
inline void close_descriptor(int descriptor) noexcept {
    shutdown_descriptor(descriptor);
#if defined(__unix__) || defined(__APPLE__)
    ::close(descriptor);
#endif
}

}  // namespace tidings::detail
