// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/catch2.hpp"
#include "support/network_fixture.hpp"

#include <tidings/http/client.hpp>
#include <tidings/http/server.hpp>
#include <tidings/test/fixed_random.hpp>
#include <tidings/test/manual_clock.hpp>
#include <tidings/test/sink_server.hpp>

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace tidings::test {

/// A context, a network, a clock that stands still and numbers that are the same every time: what a
/// test of HTTP transports stands on. Declared first in a test: it checks at its end that nothing
/// of the others is left.
class world {
    manual_clock clock_;  // outlives the context, whose timers are its
    fixed_random random_;
    network_fixture net_;

 public:
    explicit world(transport t = transport::sim) : net_(t) {}

    net::io_context& io() noexcept { return net_.context(); }
    manual_clock& clock() noexcept { return clock_; }
    sim_network& sim() noexcept { return net_.sim(); }
    io::environment environment() noexcept { return {&net_.network(), &clock_, &random_}; }
    void destroy_context() { net_.destroy_context(); }

    void run_until(const std::function<bool()>& done) { net_.run_until(done); }
    void run_ready() { net_.run_ready(); }
    /// Moves the clock on once all has happened that can, and runs what that makes due.
    void advance(std::chrono::milliseconds by) {
        run_ready();
        clock_.advance(by);
        run_ready();
    }

    /// Makes one request, on a connection of its own.
    http::response request(std::string method, std::string url, std::string body = {},
                           http::fields fields = {}) {
        http::client client(io(), {.environment = environment()});
        std::optional<http::response> answer;
        client.async_request(
            std::move(url),
            {.method = std::move(method), .fields = std::move(fields), .body = std::move(body)},
            [&](error_code ec, http::response r) {
                INFO(ec.message());
                CHECK_FALSE(ec);
                answer = std::move(r);
            });
        run_until([&] { return answer.has_value(); });
        return *answer;
    }
};

/// Where a server's path is.
inline std::string url_of(const http::server& s, std::string_view path) {
    return "http://127.0.0.1:" + std::to_string(s.local_endpoint().port) + std::string(path);
}

/// A target for requests in this world.
class world_sink : public sink_server {
 public:
    explicit world_sink(world& w) : sink_server(w.io(), {.environment = w.environment()}) {}
};

}  // namespace tidings::test
