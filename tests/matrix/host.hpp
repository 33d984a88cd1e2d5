// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "matrix/world.hpp"

#include <tidings/http/server.hpp>

#include <functional>
#include <string>

namespace tidings::matrix {

/// A server on a port that the system picked, started.
class host {
 public:
    /// `mount` puts the services on it, each time it is started.
    host(world& w, std::function<void(http::server&)> mount);

    std::string url(std::string_view scheme, std::string_view path) const;
    std::size_t connections() const noexcept { return server_.connections(); }
    /// Stops it, which cuts every connection, and starts another one on the same port.
    void restart();

 private:
    world& world_;
    std::function<void(http::server&)> mount_;
    http::server server_;
    std::uint16_t port_ = 0;
};

}  // namespace tidings::matrix
