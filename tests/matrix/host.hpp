// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "matrix/arrivals.hpp"
#include "matrix/world.hpp"

#include <tidings/http/server.hpp>

#include <functional>
#include <string>

namespace tidings::matrix {

/// Where services are mounted: what they are asked is noted.
class front_door {
 public:
    front_door(http::server& s, std::shared_ptr<arrivals> noted_by)
        : server_(s),
          noted_by_(std::move(noted_by)) {}
    template <class Service>
    void mount(std::string_view prefix, Service service) {
        server_.mount(prefix, noted<Service>(noted_by_, std::move(service)));
    }

 private:
    http::server& server_;
    std::shared_ptr<arrivals> noted_by_;
};

/// Puts the services on a server, each time it is started.
using mount_function = std::function<void(front_door&)>;

/// A server on a port that the system picked, started.
class host {
 public:
    host(world& w, mount_function mount);

    std::string url(std::string_view scheme, std::string_view path) const;
    std::size_t connections() const noexcept { return server_.connections(); }
    const arrivals& seen() const noexcept { return *seen_; }
    /// Stops it, which cuts every connection, and starts another one on the same port.
    void restart();

 private:
    void start();

    world& world_;
    mount_function mount_;
    std::shared_ptr<arrivals> seen_ = std::make_shared<arrivals>();
    http::server server_;
    std::uint16_t port_ = 0;
};

}  // namespace tidings::matrix
