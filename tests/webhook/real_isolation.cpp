// SPDX-License-Identifier: BSL-1.0
// Real sockets: endpoints that hang, each in its phase, take nothing from those that do not.
#include "support/catch2.hpp"

#include <tidings/bus.hpp>
#include <tidings/io/network.hpp>
#include <tidings/test/run_until.hpp>
#include <tidings/test/sink_server.hpp>
#include <tidings/webhook/sender.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>

#include <chrono>
#include <list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using net::ip::tcp;

/// The system's, but for one name that is never resolved.
class unresolving_network final : public io::network {
 public:
    std::unique_ptr<io::acceptor> listen(net::any_io_executor executor,
                                         const io::listen_options& options,
                                         error_code& ec) override {
        return inner_.listen(std::move(executor), options, ec);
    }
    io::canceller start_connect(net::any_io_executor executor, io::connect_options options,
                                io::stream_callback done) override {
        return inner_.start_connect(std::move(executor), std::move(options), std::move(done));
    }
    io::canceller start_resolve(net::any_io_executor executor, std::string host, std::uint16_t port,
                                io::resolve_callback done) override {
        if (host == "hangs.example") return nullptr;
        return inner_.start_resolve(std::move(executor), std::move(host), port, std::move(done));
    }

 private:
    io::network& inner_ = io::system_network();
};

std::string at(std::string_view scheme, const tcp::acceptor& a) {
    return std::string(scheme) + "://127.0.0.1:" + std::to_string(a.local_endpoint().port());
}

/// Listens and takes nothing: the kernel connects as many as have room.
class deaf_target {
 public:
    explicit deaf_target(net::io_context& io, int backlog = 1024) : acceptor_(io) {
        acceptor_.open(tcp::v4());
        acceptor_.bind({net::ip::address_v4::loopback(), 0});
        acceptor_.listen(backlog);
    }
    /// Connects until no more is: from here on connecting hangs.
    void fill(net::io_context& io) {
        constexpr std::size_t more_than_fit = 8;
        for (std::size_t i = 0; i < more_than_fit; ++i)
            fillers_.emplace_back(io).async_connect(acceptor_.local_endpoint(),
                                                    [this](error_code ec) {
                                                        if (!ec) ++connected_;
                                                    });
        REQUIRE(run_io_until(io, [this] { return connected_ != 0; }));
        while (io.poll() != 0) {
        }
        REQUIRE(connected_ < more_than_fit);
    }
    std::string url(std::string_view scheme) const { return at(scheme, acceptor_); }

 private:
    tcp::acceptor acceptor_;
    std::size_t connected_ = 0;
    std::list<tcp::socket> fillers_;
};

/// Begins each answer's body and does not end it.
class slow_target {
 public:
    explicit slow_target(net::io_context& io)
        : acceptor_(io, {net::ip::address_v4::loopback(), 0}) {
        accept();
    }
    std::string url() const { return at("http", acceptor_); }
    std::size_t answered() const noexcept { return all_.size(); }

 private:
    void accept() {
        acceptor_.async_accept([this](error_code ec, tcp::socket s) {
            if (ec) return;
            auto& taken = all_.emplace_back(std::move(s));
            net::async_write(taken, net::buffer(answer_), [](error_code, std::size_t) {});
            accept();
        });
    }
    const std::string answer_ = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nx";
    tcp::acceptor acceptor_;
    std::list<tcp::socket> all_;
};

}  // namespace

TEST_CASE("900 endpoints that hang on real sockets leave 100 others alone", "[webhook][network]") {
    constexpr std::size_t healthy = 100;
    constexpr std::size_t connections = 64;
    net::io_context io;
    unresolving_network network;
    sink_server quick(io);
    deaf_target never_connects(io, 0);
    deaf_target never_shakes_hands(io);
    deaf_target never_answers(io);
    slow_target never_ends(io);
    never_connects.fill(io);

    std::size_t failed = 0;
    std::size_t succeeded = 0;
    webhook::sender_options o;
    o.guard = {.allow_loopback = true, .schemes = {"http", "https"}};
    o.max_connections = connections;
    // What hangs does so for as long as the test takes.
    o.resolve_timeout = o.connect_timeout = o.tls_timeout = o.first_byte_timeout =
        o.request_timeout = 1h;
    o.environment.network = &network;
    o.on_attempt = [&](const webhook::attempt& a) {
        ++(a.result == webhook::verdict::success ? succeeded : failed);
    };
    bus hub{io};
    webhook::sender sender{io, std::move(o)};
    std::vector<subscription> hooks;
    const auto add = [&](std::string url, std::string id) {
        hooks.push_back(
            hub.subscribe(">", sender.endpoint({.url = std::move(url),
                                                .secret = "whsec_" + std::string(32, 'S'),
                                                .id = std::move(id)})));
    };
    std::size_t published = 0;
    const auto publish = [&] {
        hub.publish("a", event("test", "/test", std::to_string(++published)));
        return run_io_until(io, [&] { return succeeded == healthy * published; });
    };
    for (std::size_t i = 0; i < healthy; ++i)
        add(quick.url("/hook?" + std::to_string(i)), "quick " + std::to_string(i));
    REQUIRE(publish());  // from here on they are proven

    const std::vector<std::string> urls{"http://hangs.example", never_connects.url("http"),
                                        never_shakes_hands.url("https"), never_answers.url("http"),
                                        never_ends.url()};
    for (std::size_t i = 0; i < 900; ++i) add(urls[i % urls.size()], "hangs " + std::to_string(i));
    for (int round = 0; round < 5; ++round) {
        CAPTURE(round);
        REQUIRE(publish());
        // Half of the connections are lost to those that hang, and no more.
        CHECK(sender.in_flight() == connections / 2);
    }
    CHECK(failed == 0);
    CHECK(never_ends.answered() >= 6);
    CHECK(quick.requests.size() == healthy * published);
}

}  // namespace tidings::test
