// SPDX-License-Identifier: BSL-1.0
// A server whose context ends, whatever came to that context first.
#include "support/catch2.hpp"

#include <tidings/http/server.hpp>
#include <tidings/impl/context_end.hpp>
#include <tidings/test/run_until.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

#include <memory>
#include <optional>
#include <string>

namespace tidings::test {

namespace {

/// Has neither strand nor socket, as a database.
struct plain_dependent final : detail::context_dependent {
    void on_context_end() noexcept override { ended = true; }
    bool ended = false;
};

}  // namespace

TEST_CASE("a server whose context ends leaves nothing, whatever was there first",
          "[http][network]") {
    const auto held = std::make_shared<int>(0);
    const auto first = std::make_shared<plain_dependent>();
    {
        net::io_context io;
        detail::watch_context(io.get_executor(), first);
        std::optional<http::server> server(std::in_place, io);
        server->mount("/", [held](http::exchange& x) { x.respond({.status = 204}); });
        server->start();
        net::ip::tcp::socket peer(io);
        peer.connect({net::ip::address_v4::loopback(), server->local_endpoint().port});
        net::write(peer, net::buffer(std::string("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")));
        std::string answer;
        bool answered = false;
        net::async_read_until(peer, net::dynamic_buffer(answer), "\r\n\r\n",
                              [&](error_code, std::size_t) { answered = true; });
        REQUIRE(run_io_until(io, [&] { return answered; }));
        CHECK(answer.starts_with("HTTP/1.1 204"));
        server.reset();
    }
    CHECK(first->ended);
    CHECK(held.use_count() == 1);
}

}  // namespace tidings::test
