// SPDX-License-Identifier: BSL-1.0
#include <tidings/http/impl/server/body_budget.hpp>
#include <tidings/http/server.hpp>

#include "support/catch2.hpp"
#include "support/http_bed.hpp"

#include <boost/asio/error.hpp>

#include <functional>

using namespace tidings;
using namespace tidings::test;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;
using Catch::Matchers::EndsWith;
using Catch::Matchers::StartsWith;

namespace {

const std::string get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

http::server serve(
    http_bed& bed, http::server_options options,
    std::function<void(http::exchange&)> f = [](http::exchange& x) {
        x.respond({.body = x.request().body + "done"});
    }) {
    http::server server(bed.io(), std::move(options));
    server.mount("/", std::move(f));
    server.start();
    return server;
}

/// Listens as another network does, whose accepts fail as often as the test asks.
class failing_network final : public io::network {
 public:
    explicit failing_network(io::network& real) : real_(real) {}
    int failures = 0;
    int accepts = 0;

    std::unique_ptr<io::acceptor> listen(net::any_io_executor executor,
                                         const io::listen_options& options,
                                         error_code& ec) override {
        return std::make_unique<acceptor>(*this, executor, real_.listen(executor, options, ec));
    }
    io::canceller start_connect(net::any_io_executor executor, io::connect_options options,
                                io::stream_callback done) override {
        return real_.start_connect(std::move(executor), std::move(options), std::move(done));
    }
    io::canceller start_resolve(net::any_io_executor executor, std::string host, std::uint16_t port,
                                io::resolve_callback done) override {
        return real_.start_resolve(std::move(executor), std::move(host), port, std::move(done));
    }

 private:
    class acceptor final : public io::acceptor {
     public:
        acceptor(failing_network& n, net::any_io_executor executor,
                 std::unique_ptr<io::acceptor> real)
            : network_(n),
              executor_(std::move(executor)),
              real_(std::move(real)) {}
        void start_accept(net::any_io_executor executor, io::stream_callback done) override {
            ++network_.accepts;
            if (network_.failures == 0) return real_->start_accept(executor, std::move(done));
            --network_.failures;
            net::post(executor_, [done = std::move(done)]() mutable {
                done(boost::system::errc::make_error_code(boost::system::errc::too_many_files_open),
                     nullptr);
            });
        }
        void close() noexcept override { real_->close(); }
        io::socket_address local_endpoint() const override { return real_->local_endpoint(); }

     private:
        failing_network& network_;
        net::any_io_executor executor_;
        std::unique_ptr<io::acceptor> real_;
    };
    io::network& real_;
};

}  // namespace

TEST_CASE("A header has its time, however it dribbles in", "[http]") {
    http_bed bed;
    auto options = bed.options();
    options.header_timeout = 10s;
    const auto server = serve(bed, options);
    const auto peer = bed.connect();
    bed.advance(5s);  // nothing has begun yet
    peer->send("G");
    bed.run();
    for (int i = 0; i < 4; ++i) {
        bed.advance(2s);
        peer->send(i == 0 ? "ET / HTTP/1.1\r\n" : "x: y\r\n");
        bed.run();
    }
    bed.advance(1900ms);
    CHECK(peer->received().empty());
    bed.advance(150ms);
    CHECK_THAT(peer->received(), StartsWith("HTTP/1.1 408 Request Timeout\r\n") &&
                                     Contains("\r\nConnection: close\r\n"));
    CHECK(peer->ended() == net::error::eof);
}

TEST_CASE("A body has its time, counted from its header", "[http]") {
    http_bed bed;
    auto options = bed.options();
    options.header_timeout = 2s;
    options.body_timeout = 10s;
    const auto server = serve(bed, options);
    const auto peer = bed.connect();
    const auto chunked = GENERATE(true, false);
    peer->send("POST / HTTP/1.1\r\nHost: h\r\n");
    bed.advance(1s);
    peer->send(chunked ? "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n"
                       : "Content-Length: 5\r\n\r\na");
    bed.advance(9s);
    peer->send(chunked ? "1\r\nb\r\n" : "b");
    bed.advance(900ms);
    CHECK(peer->received().empty());
    bed.advance(150ms);
    CHECK_THAT(peer->received(), StartsWith("HTTP/1.1 408 "));
}

TEST_CASE("A connection without a request is closed without a word", "[http]") {
    http_bed bed;
    auto options = bed.options();
    options.idle_timeout = 60s;
    const auto server = serve(bed, options);
    const auto fresh = bed.connect();
    const auto used = bed.connect();
    bed.advance(30s);
    used->send(get);
    bed.run();
    CHECK_THAT(used->take(), EndsWith("done"));
    bed.advance(29s);
    CHECK(fresh->open());
    bed.advance(1100ms);
    CHECK_FALSE(fresh->open());
    CHECK(fresh->received().empty());
    CHECK(used->open());
    CHECK(server.connections() == 1);
    bed.advance(30s);
    CHECK_FALSE(used->open());
    CHECK(used->received().empty());
    CHECK(server.connections() == 0);
}

TEST_CASE("A service may take its time", "[http]") {
    http_bed bed;
    std::optional<http::exchange> waiting;
    const auto server =
        serve(bed, bed.options(), [&](http::exchange& x) { waiting.emplace(std::move(x)); });
    const auto peer = bed.connect();
    peer->send(get);
    bed.run();
    bed.advance(24h);
    CHECK(peer->open());
    waiting->respond({.body = "at last"});
    bed.run();
    CHECK_THAT(peer->received(), EndsWith("at last"));
}

TEST_CASE("A peer that does not read its answer is cut off", "[http]") {
    http_bed bed;
    bed.sim().set_link({.buffer_bytes = 1000});
    auto options = bed.options();
    options.write_timeout = 30s;
    const auto server = serve(
        bed, options, [](http::exchange& x) { x.respond({.body = std::string(100'000, 'x')}); });
    const auto peer = bed.connect();
    peer->stop_reading();
    peer->send(get);
    bed.run();
    bed.advance(29s);
    CHECK(server.connections() == 1);
    SECTION("it reads at last") {
        peer->resume_reading();
        bed.run();
        CHECK(peer->received().size() > 100'000);
        bed.advance(30s);
        CHECK(peer->open());
    }
    SECTION("it never does") {
        bed.advance(1100ms);
        CHECK(server.connections() == 0);
    }
}

TEST_CASE("A peer that does not close after its last answer is cut off", "[http]") {
    http_bed bed;
    const auto server = serve(bed, bed.options());
    const auto peer = bed.connect();
    peer->send("GET / HTTP/1.0\r\n\r\n");
    bed.run();
    CHECK_THAT(peer->received(), EndsWith("done"));
    CHECK(peer->ended() == net::error::eof);
    CHECK(server.connections() == 1);
    peer->send("and more");
    bed.advance(4900ms);
    CHECK(server.connections() == 1);
    bed.advance(150ms);
    CHECK(server.connections() == 0);
}

TEST_CASE("A peer that hangs anywhere in a request is gone in time", "[http]") {
    http_bed bed;
    const auto server = serve(bed, bed.options());
    const std::string text = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc";
    for (std::size_t at = 0; at <= text.size(); ++at) {
        INFO("hung after byte " << at);
        const auto peer = bed.connect();
        peer->send(text.substr(0, at));
        bed.run();
        CHECK(server.connections() == 1);
        bed.advance(61s);  // the longest deadline
        bed.advance(6s);   // and what lingers
        CHECK(server.connections() == 0);
    }
}

TEST_CASE("A network that goes silent leaves nothing behind", "[http]") {
    http_bed bed;
    const auto server = serve(bed, bed.options());
    const auto begun = bed.connect();
    begun->send("GET /");
    const auto idle = bed.connect();
    bed.run();
    CHECK(server.connections() == 2);
    bed.sim().silence_all();
    bed.advance(61s);
    bed.advance(31s);
    bed.advance(6s);
    CHECK(server.connections() == 0);
}

TEST_CASE("Connections beyond the limit are answered 503 with Retry-After", "[http]") {
    http_bed bed;
    auto options = bed.options();
    options.max_connections = 2;
    const auto server = serve(bed, options);
    auto first = bed.connect();
    const auto second = bed.connect();
    const auto third = bed.connect();
    CHECK_THAT(third->received(), StartsWith("HTTP/1.1 503 Service Unavailable\r\n") &&
                                      Contains("\r\nRetry-After: ") &&
                                      Contains("\r\nConnection: close\r\n"));
    CHECK(third->ended() == net::error::eof);
    CHECK(server.connections() == 2);
    third->send(get);
    bed.run();
    CHECK_THAT(third->received(), !Contains("200"));
    second->send(get);
    bed.run();
    CHECK_THAT(second->received(), StartsWith("HTTP/1.1 200"));
    first->close();
    bed.run();
    const auto fourth = bed.connect();
    fourth->send(get);
    bed.run();
    CHECK_THAT(fourth->received(), StartsWith("HTTP/1.1 200"));
}

TEST_CASE("Connections beyond an address's limit are answered 429", "[http]") {
    http_bed bed;
    auto options = bed.options();
    options.max_connections_per_address = 2;
    options.count_loopback = true;
    const auto server = serve(bed, options);
    const auto first = bed.connect();
    auto second = bed.connect();
    const auto third = bed.connect();
    CHECK_THAT(third->received(),
               StartsWith("HTTP/1.1 429 Too Many Requests\r\n") && Contains("\r\nRetry-After: "));
    bed.sim().set_link({.client_address = "192.0.2.7"});
    const auto other = bed.connect();
    CHECK(other->received().empty());
    bed.sim().set_link({.client_address = "2001:db8::7"});
    const auto sixth = bed.connect();
    CHECK(sixth->received().empty());
    CHECK(server.connections() == 4);
    second->close();
    bed.run();
    bed.sim().set_link({});
    CHECK(bed.connect()->received().empty());
}

TEST_CASE("IPv6 addresses of one network are one address", "[http]") {
    http_bed bed;
    auto options = bed.options();
    options.max_connections_per_address = 2;
    const auto server = serve(bed, options);
    const auto from = [&](const char* address) {
        bed.sim().set_link({.client_address = address});
        return bed.connect();
    };
    const auto first = from("2001:db8:0:1::7");
    const auto second = from("2001:db8:0:1:ffff::8");
    CHECK(second->received().empty());
    CHECK_THAT(from("2001:db8:0:1::9")->received(), StartsWith("HTTP/1.1 429 "));
    const auto elsewhere = from("2001:db8:0:2::7");
    CHECK(elsewhere->received().empty());
}

TEST_CASE("Refusals are few at a time", "[http]") {
    http_bed bed;
    auto options = bed.options();
    options.max_connections = 1;
    const auto server = serve(bed, options);
    const auto first = bed.connect();
    std::vector<std::unique_ptr<http_peer>> refused;
    for (int i = 0; i < 64; ++i) refused.push_back(bed.connect());
    CHECK_THAT(refused.back()->received(), StartsWith("HTTP/1.1 503"));
    const auto late = bed.connect();
    CHECK(late->received().empty());
    CHECK_FALSE(late->open());
    CHECK(server.connections() == 1);
    refused.clear();
    bed.run();
    CHECK_THAT(bed.connect()->received(), StartsWith("HTTP/1.1 503"));
}

TEST_CASE("A server whose accepts fail waits a little and goes on", "[http]") {
    http_bed bed;
    failing_network network(bed.sim());
    network.failures = 3;
    auto options = bed.options();
    options.environment.network = &network;
    const auto server = serve(bed, options);
    bed.run();
    CHECK(network.accepts == 1);
    CHECK_THAT(bed.logged.back(), Contains("accepting failed"));
    for (int i = 2; i <= 4; ++i) {
        bed.advance(90ms);
        CHECK(network.accepts == i - 1);
        bed.advance(20ms);
        CHECK(network.accepts == i);
    }
    CHECK_THAT(bed.ask(get), StartsWith("HTTP/1.1 200"));
}

TEST_CASE("A server that waits to accept can be stopped", "[http]") {
    http_bed bed;
    failing_network network(bed.sim());
    network.failures = 1;
    auto options = bed.options();
    options.environment.network = &network;
    auto server = serve(bed, options);
    bed.run();
    server.stop();
    bed.run();
    bed.advance(1s);
    CHECK(network.accepts == 1);
}

TEST_CASE("peers of this machine, which may be a proxy's, are not counted by address",
          "[http][fault-28]") {
    http_bed bed;
    auto options = bed.options();
    options.max_connections_per_address = 2;
    const auto server = serve(bed, options);
    std::vector<std::unique_ptr<http_peer>> visitors;
    for (int i = 0; i < 10; ++i) visitors.push_back(bed.connect());
    for (const auto& v : visitors) CHECK(v->received().empty());
    CHECK(server.connections() == 10);
}

namespace {

/// A service that knows its callers by the header, and notes what it was handed.
struct doorkeeper {
    struct notes {
        int admitted = 0;
        std::vector<std::size_t> bodies{};
    };
    std::shared_ptr<notes> seen = std::make_shared<notes>();
    std::size_t limit = 0;

    void admit(http::exchange& x) {
        ++seen->admitted;
        CHECK(x.request().body.empty());
        x.answer_fields().append("X-Door", "passed");
        const auto who = x.request().fields.get("Authorization");
        if (who == "throw") throw std::runtime_error("no");
        if (who.empty()) return x.respond(http::problem(401, "Unauthorized"));
        if (who != "stranger") x.caller({.name = std::string(who), .anonymous = false});
    }
    void handle(http::exchange& x) {
        seen->bodies.push_back(x.request().body.size());
        x.respond({.body = x.caller() ? x.caller()->name : "nobody"});
    }
    std::size_t max_body_bytes() const noexcept { return limit; }
};

std::string post_of(std::size_t size, const std::string& fields) {
    return "POST / HTTP/1.1\r\nHost: h\r\n" + fields + "Content-Length: " + std::to_string(size) +
           "\r\n\r\n";
}

const std::string ann = "Authorization: ann\r\n";
const std::string stranger = "Authorization: stranger\r\n";

}  // namespace

TEST_CASE("a caller that is not authenticated is refused before the body is read",
          "[http][fault-12]") {
    http_bed bed;
    doorkeeper door;
    auto server = bed.server();
    server.mount("/", doorkeeper(door));
    server.start();
    const auto peer = bed.connect();
    SECTION("by its header") {
        peer->send(post_of(1000, ""));
        bed.run();
        CHECK_THAT(peer->received(), StartsWith("HTTP/1.1 401 ") &&
                                         Contains("\r\nConnection: close\r\n") &&
                                         Contains("\r\nX-Door: passed\r\n"));
        CHECK(door.seen->bodies.empty());
    }
    SECTION("without the word to go on") {
        peer->send(post_of(1000, "Expect: 100-continue\r\n"));
        bed.run();
        CHECK_THAT(peer->received(), StartsWith("HTTP/1.1 401 ") && !Contains("100 Continue"));
    }
    SECTION("and the connection stays where no body stands in between") {
        peer->send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        bed.run();
        CHECK_THAT(peer->take(), StartsWith("HTTP/1.1 401 ") && !Contains("Connection: close"));
        peer->send("GET / HTTP/1.1\r\nHost: h\r\n" + ann + "\r\n");
        bed.run();
        CHECK_THAT(peer->received(), StartsWith("HTTP/1.1 200 ") && EndsWith("ann"));
    }
    SECTION("also by an admit that throws") {
        peer->send(post_of(3, "Authorization: throw\r\n") + "abc");
        bed.run();
        CHECK_THAT(peer->received(), StartsWith("HTTP/1.1 500 "));
        CHECK(door.seen->bodies.empty());
    }
    SECTION("and one that is keeps its name until the body is there") {
        peer->send(post_of(3, ann + "Expect: 100-continue\r\n"));
        bed.run();
        CHECK(peer->take() == "HTTP/1.1 100 Continue\r\n\r\n");
        peer->send("abc");
        bed.run();
        CHECK_THAT(peer->received(), StartsWith("HTTP/1.1 200 ") && EndsWith("ann"));
        CHECK(door.seen->admitted == 1);
        CHECK(door.seen->bodies == std::vector<std::size_t>{3});
    }
}

TEST_CASE("the bodies of all connections together have a limit, and a quarter is for strangers",
          "[http][fault-12]") {
    http_bed bed;
    auto options = bed.options();
    options.max_buffered_bytes = 40'000;
    doorkeeper door{.limit = 100'000};
    http::server server(bed.io(), options);
    server.mount("/", doorkeeper(door));
    server.start();
    const auto begin = [&](const std::string& who, std::size_t bytes, std::size_t size) {
        auto peer = bed.connect();
        peer->send(post_of(size, who) + std::string(bytes, 'x'));
        bed.run();
        return peer;
    };
    SECTION("of known callers") {
        auto first = begin(ann, 25'000, 26'000);
        CHECK(first->received().empty());
        const auto second = begin(ann, 25'000, 26'000);
        CHECK_THAT(second->received(), StartsWith("HTTP/1.1 503 ") &&
                                           Contains("\r\nRetry-After: ") &&
                                           Contains("\r\nConnection: close\r\n"));
        // What was given back is there for the next.
        first->close();
        bed.run();
        CHECK_THAT(begin(ann, 35'000, 35'000)->received(), StartsWith("HTTP/1.1 200 "));
        CHECK_THAT(begin(ann, 35'000, 35'000)->received(), StartsWith("HTTP/1.1 200 "));
    }
    SECTION("of strangers: they leave the rest to others") {
        const auto first = begin(stranger, 9'000, 9'500);
        CHECK(first->received().empty());
        CHECK_THAT(begin(stranger, 2'000, 2'500)->received(), StartsWith("HTTP/1.1 503 "));
        CHECK_THAT(begin(ann, 25'000, 25'000)->received(), StartsWith("HTTP/1.1 200 "));
    }
    SECTION("of strangers: one address leaves something to another") {
        bed.sim().set_link({.client_address = "192.0.2.7"});
        const auto first = begin(stranger, 4'000, 4'500);
        CHECK(first->received().empty());
        CHECK_THAT(begin(stranger, 2'000, 2'500)->received(), StartsWith("HTTP/1.1 503 "));
        bed.sim().set_link({.client_address = "192.0.2.8"});
        CHECK(begin(stranger, 2'000, 2'500)->received().empty());
    }
    SECTION("and what would never fit is too large") {
        const auto refused = [&](const std::string& who, std::size_t size) {
            const auto peer = bed.connect();
            peer->send(post_of(size, who + "Expect: 100-continue\r\n"));
            bed.run();
            INFO(peer->received());
            return peer->received().starts_with("HTTP/1.1 413 ") &&
                   peer->received().find("Retry-After") == std::string::npos &&
                   peer->received().find("max_buffered_bytes") != std::string::npos;
        };
        CHECK(refused(ann, 40'001));
        CHECK_FALSE(refused(ann, 40'000));
        CHECK(refused(stranger, 10'001));
        CHECK_FALSE(refused(stranger, 10'000));
        bed.sim().set_link({.client_address = "192.0.2.7"});
        CHECK(refused(stranger, 5'001));
        CHECK_FALSE(refused(stranger, 5'000));
        CHECK_THAT(begin(stranger, 5'000, 5'000)->received(), StartsWith("HTTP/1.1 200 "));
        const auto chunked = bed.connect();
        chunked->send("POST / HTTP/1.1\r\nHost: h\r\n" + stranger +
                      "Transfer-Encoding: chunked\r\n\r\n");
        for (int i = 0; i < 10; ++i) {
            chunked->send("1f4\r\n" + std::string(500, 'x') + "\r\n");
            bed.run();
        }
        CHECK(chunked->received().empty());
        chunked->send("1\r\nx\r\n");
        bed.run();
        CHECK_THAT(chunked->received(), StartsWith("HTTP/1.1 413 "));
    }
}

TEST_CASE("an address that is no caller's holds no more than is left for others",
          "[http][fault-12]") {
    http::detail::body_budget budget(4'000);
    CHECK(budget.take(500, false, "a"));
    CHECK_FALSE(budget.take(1, false, "a"));
    CHECK(budget.take(250, false, "b"));
    CHECK_FALSE(budget.take(1, false, "b"));
    CHECK(budget.take(125, false, "c"));
    CHECK(budget.take(125, false, ""));
    CHECK_FALSE(budget.take(1, false, ""));
    CHECK(budget.take(3'000, true, "a"));
    CHECK_FALSE(budget.take(1, true, "d"));
    budget.give_back(500, false, "a");
    CHECK(budget.take(250, false, "d"));
    budget.give_back(250, false, "d");
    budget.give_back(250, false, "b");
    budget.give_back(125, false, "c");
    budget.give_back(125, false, "");
    budget.give_back(3'000, true, "a");
    CHECK(budget.held() == 0);
}
