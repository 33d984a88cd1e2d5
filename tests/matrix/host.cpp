// SPDX-License-Identifier: BSL-1.0
#include "matrix/host.hpp"

#include <boost/system/system_error.hpp>

namespace tidings::matrix {

namespace {

constexpr std::size_t max_body_bytes = 8 * 1024 * 1024;

http::server_options options_for(const world& w, std::uint16_t port) {
    http::server_options o;
    o.port = port;
    o.tls = w.server_tls();
    o.max_body_bytes = max_body_bytes;
    o.environment = w.environment();
    return o;
}

}  // namespace

host::host(world& w, mount_function mount)
    : world_(w),
      mount_(std::move(mount)),
      server_(w.executor(), options_for(w, 0)) {
    port_ = server_.local_endpoint().port;
    start();
}

void host::start() {
    front_door door(server_, seen_);
    mount_(door);
    server_.start();
}

std::string host::url(std::string_view scheme, std::string_view path) const {
    return world_.url(scheme, port_, path);
}

void host::restart() {
    server_.stop();
    // The port is free once the stopped server has run.
    error_code ec;
    const bool up = world_.run_until([&] {
        if (server_.connections() != 0) return false;
        http::server next(world_.executor(), options_for(world_, port_), ec);
        if (!ec) server_ = std::move(next);
        return !ec;
    });
    if (!up) throw boost::system::system_error(ec, "restarting a server");
    start();
}

}  // namespace tidings::matrix
