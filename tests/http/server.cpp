// SPDX-License-Identifier: BSL-1.0
// What a server answers, and when.
#include "support/echo_server.hpp"

#include <boost/asio/bind_executor.hpp>

TEST_CASE("A malformed request is answered and the connection closed", "[http]") {
    http_bed bed;
    const auto server = echo_server(bed);
    const auto [text, status] = GENERATE(table<std::string, std::string>(
        {{"hello\r\n\r\n", "400"},
         {std::string("\x16\x03\x01\x00\xa5\x01", 6), "400"},
         {"GET /echo HTTP/1.1\r\n\r\n", "400"},
         {"GET /echo HTTP/1.1\nHost: h\n\n", "400"},
         {post("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), "400"},
         {post("Content-Length: 1\r\nContent-Length: 2\r\n", "ab"), "400"},
         {post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"), "400"},
         {post("Transfer-Encoding: chunked\r\n", "zz\r\n"), "400"},
         {"GET /echo HTTP/1.1\r\nHost: h\r\nX: " + std::string(9000, 'x'), "431"},
         {post("Content-Length: 1048577\r\n"), "413"},
         {post("Transfer-Encoding: chunked\r\n", "100001\r\n"), "413"},
         {post("Expect: magic\r\nContent-Length: 1\r\n"), "417"}}));
    CAPTURE(text);
    const auto peer = bed.connect();
    peer->send(text);
    bed.run();
    CHECK_THAT(peer->received(), StartsWith("HTTP/1.1 " + status + ' '));
    CHECK_THAT(peer->received(), Contains("\r\nConnection: close\r\n"));
    CHECK_THAT(peer->received(), Contains("\r\nContent-Type: application/problem+json\r\n"));
    CHECK(count(peer->received(), "HTTP/1.1") == 1);
    CHECK(peer->ended() == net::error::eof);
    peer->close();
    bed.run();
    CHECK(server.connections() == 0);
}

TEST_CASE("A header may have 8 KiB and no byte more", "[http]") {
    const std::size_t more = GENERATE(0U, 1U);
    http_bed bed;
    const auto server = echo_server(bed);
    std::string text = "GET /echo HTTP/1.1\r\nHost: h\r\nX: ";
    const std::string_view end = "\r\n\r\n";
    text.append(8 * 1024 + more - text.size() - end.size(), 'x').append(end);
    const auto peer = bed.connect();
    peer->send(text);
    bed.run();
    CHECK_THAT(peer->received(), StartsWith(more == 0 ? "HTTP/1.1 200 " : "HTTP/1.1 431 "));
}

TEST_CASE("A request is answered wherever it is cut", "[http]") {
    http_bed bed;
    const auto server = echo_server(bed);
    const std::string text =
        "POST /echo/a%20b?c=d HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody";
    for (std::size_t at = 1; at < text.size(); ++at) {
        INFO("cut at byte " << at);
        const auto peer = bed.connect();
        peer->send(text.substr(0, at));
        bed.run();
        CHECK(peer->received().empty());
        peer->send(text.substr(at));
        bed.run();
        CHECK_THAT(peer->received(), EndsWith("\r\n\r\nPOST /a%20b c=d body"));
        CHECK(peer->open());
    }
    bed.run();
    CHECK(server.connections() == 0);
}

TEST_CASE("A peer that leaves in the middle of a request leaves nothing behind", "[http]") {
    http_bed bed;
    int handled = 0;
    auto server = bed.server();
    server.mount("/echo", [&](http::exchange& x) {
        ++handled;
        echo(x);
    });
    server.start();
    const auto text = post("Content-Length: 4\r\n", "body");
    for (std::size_t at = 0; at < text.size(); ++at) {
        INFO("left after byte " << at);
        const bool politely = at % 2 == 0;
        auto peer = bed.connect();
        peer->send(text.substr(0, at));
        bed.run();
        CHECK(server.connections() == 1);
        politely ? peer->shutdown() : peer->close();
        bed.run();
        CHECK(server.connections() == 0);
        if (politely) CHECK(peer->received().empty());
    }
    CHECK(handled == 0);
}

TEST_CASE("Bytes may come and go one at a time", "[http]") {
    http_bed bed;
    bed.sim().set_link({.max_read_bytes = 1, .max_write_bytes = 1, .buffer_bytes = 1});
    const auto server = echo_server(bed);
    CHECK_THAT(
        bed.ask(get + post("Transfer-Encoding: chunked\r\n", "2\r\nhi\r\n0\r\nA: b\r\n\r\n")),
        Contains("\r\n\r\nGET /a b HTTP/1.1 200") && EndsWith("\r\n\r\nPOST   hi"));
}

TEST_CASE("An answer says how long it is and when it was made", "[http]") {
    http_bed bed;
    const auto server = echo_server(bed);
    CHECK(bed.ask(get) ==
          "HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Length: 9\r\n\r\n"
          "GET /a b ");
    bed.clock.set_wall(bed.clock.wall_now() + 61s);
    CHECK_THAT(bed.ask(get), Contains("\r\nDate: Thu, 01 Jan 2026 00:01:01 GMT\r\n"));
}

TEST_CASE("HEAD is answered without a body, HTTP/1.0 with an end or by its wish without",
          "[http]") {
    http_bed bed;
    const auto server = echo_server(bed);
    const auto peer = bed.connect();
    peer->send("HEAD /echo/a HTTP/1.1\r\nHost: h\r\n\r\n");
    bed.run();
    CHECK_THAT(peer->received(), Contains("\r\nContent-Length: 9\r\n") && EndsWith("\r\n\r\n"));
    peer->take();
    peer->send("GET /echo/a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    bed.run();
    CHECK_THAT(peer->take(), StartsWith("HTTP/1.1 200 OK\r\n") &&
                                 Contains("\r\nConnection: keep-alive\r\n") &&
                                 EndsWith("\r\n\r\nGET /a  "));
    CHECK(peer->open());
    peer->send("GET /echo/a HTTP/1.0\r\n\r\n");
    bed.run();
    CHECK_THAT(peer->take(), Contains("\r\nConnection: close\r\n") && EndsWith("\r\n\r\nGET /a  "));
    CHECK(peer->ended() == net::error::eof);
}

TEST_CASE("What is wrong is said with a body, also after HEAD", "[http]") {
    http_bed bed;
    const auto server = echo_server(bed);
    CHECK_THAT(bed.ask("HEAD /echo HTTP/1.1\r\nHost: h\r\n\r\nnonsense\r\n\r\n"),
               Contains("HTTP/1.1 400 Bad Request\r\n") && EndsWith("}"));
}

TEST_CASE("A connection is kept until somebody wants it closed", "[http]") {
    http_bed bed;
    auto server = bed.server();
    server.mount("/echo", echo);
    server.mount("/close", [](http::exchange& x) {
        x.respond({.fields = {{"connection", "Close"}}, .body = "bye"});
    });
    server.start();
    const auto peer = bed.connect();
    for (int i = 0; i < 3; ++i) {
        peer->send(get);
        bed.run();
        CHECK_THAT(peer->take(), EndsWith("GET /a b "));
    }
    CHECK(peer->open());
    SECTION("the peer") {
        peer->send("GET /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n" + get);
        bed.run();
        CHECK(count(peer->received(), "HTTP/1.1 200") == 1);
    }
    SECTION("the service") {
        peer->send("GET /close HTTP/1.1\r\nHost: h\r\n\r\n" + get);
        bed.run();
        CHECK(count(peer->received(), "HTTP/1.1 200") == 1);
    }
    CHECK_THAT(peer->received(), Contains("\r\nConnection: close\r\n"));
    CHECK(peer->ended() == net::error::eof);
}

TEST_CASE("Pipelined requests are served one at a time, in order", "[http]") {
    http_bed bed;
    std::vector<http::exchange> waiting;
    auto server = bed.server();
    server.mount("/echo", echo);
    server.mount("/wait", [&](http::exchange& x) { waiting.push_back(std::move(x)); });
    server.start();
    const auto peer = bed.connect();
    peer->send("GET /wait/1 HTTP/1.1\r\nHost: h\r\n\r\n" + get +
               "GET /wait/2 HTTP/1.1\r\nHost: h\r\n\r\nGET /echo/last HTTP/1.1\r\nHost: h\r\n");
    bed.run();
    REQUIRE(waiting.size() == 1);
    CHECK(peer->received().empty());
    waiting[0].respond({.body = "first"});
    bed.run();
    REQUIRE(waiting.size() == 2);
    CHECK_THAT(peer->take(), Contains("\r\n\r\nfirstHTTP/1.1") && EndsWith("GET /a b "));
    waiting[1].respond({.body = "third"});
    peer->send("\r\n");
    bed.run();
    CHECK_THAT(peer->take(), Contains("\r\n\r\nthirdHTTP/1.1") && EndsWith("GET /last  "));
}

TEST_CASE("Thousands of pipelined requests in one segment do not pile up on the stack", "[http]") {
    http_bed bed;
    bed.sim().set_link({.buffer_bytes = 1024 * 1024});
    const auto server = echo_server(bed);
    std::string all;
    for (int i = 0; i < 5000; ++i) all += "GET /echo HTTP/1.1\r\nHost: h\r\n\r\n";
    CHECK(count(bed.ask(all), "HTTP/1.1 200") == 5000);
}

TEST_CASE("Garbage after good requests is answered after them", "[http]") {
    http_bed bed;
    const auto server = echo_server(bed);
    const auto answer = bed.ask(get + get + std::string("\0garbage\xff", 9));
    CHECK(count(answer, "HTTP/1.1 200 OK") == 2);
    CHECK(count(answer, "HTTP/1.1 400 Bad Request") == 1);
    CHECK(answer.rfind("HTTP/1.1 200") < answer.find("HTTP/1.1 400"));
    CHECK_THAT(answer, EndsWith("}"));
}

TEST_CASE("A peer that waits for 100 Continue gets it, or is answered at once", "[http]") {
    http_bed bed;
    const auto server = echo_server(bed);
    const auto peer = bed.connect();
    peer->send(post("Content-Length: 2\r\nExpect: 100-Continue\r\n"));
    bed.run();
    CHECK(peer->take() == "HTTP/1.1 100 Continue\r\n\r\n");
    peer->send("hi");
    bed.run();
    CHECK_THAT(peer->take(), StartsWith("HTTP/1.1 200") && EndsWith("\r\n\r\nPOST   hi"));
    SECTION("it did not wait") {
        peer->send(post("Content-Length: 2\r\nExpect: 100-continue\r\n", "hi"));
        bed.run();
        CHECK_THAT(peer->take(), StartsWith("HTTP/1.1 200"));
    }
    SECTION("it has nothing to send") {
        peer->send(post("Expect: 100-continue\r\n"));
        bed.run();
        CHECK_THAT(peer->take(), StartsWith("HTTP/1.1 200"));
    }
    SECTION("it has too much to send") {
        peer->send(post("Content-Length: 9999999\r\nExpect: 100-continue\r\n"));
        bed.run();
        CHECK_THAT(peer->take(), StartsWith("HTTP/1.1 413"));
    }
}

TEST_CASE("The word to go on may take its time to get through", "[http]") {
    http_bed bed;
    bed.sim().set_link({.buffer_bytes = 8});
    const auto server = echo_server(bed);
    const auto peer = bed.connect();
    peer->stop_reading();
    peer->send(post("Content-Length: 2\r\nExpect: 100-continue\r\n"));
    bed.run();
    peer->send("hi" + get);
    bed.run();
    peer->resume_reading();
    bed.run();
    CHECK_THAT(peer->received(), StartsWith("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n") &&
                                     EndsWith("\r\n\r\nGET /a b "));
    CHECK(count(peer->received(), "HTTP/1.1 200") == 2);
}

TEST_CASE("A peer that is still sending gets the answer to a body that is too large", "[http]") {
    http_bed bed;
    const auto server = echo_server(bed);
    const auto peer = bed.connect();
    peer->send(post("Content-Length: 9000000\r\n", std::string(9'000'000, 'x')));
    bed.run();
    CHECK_THAT(peer->received(), StartsWith("HTTP/1.1 413 "));
    CHECK(peer->unsent() == 0);
    CHECK(peer->ended() == net::error::eof);
}

TEST_CASE("A service may set its own limit for bodies", "[http]") {
    struct limited {
        std::size_t limit;
        void handle(http::exchange& x) { echo(x); }
        std::size_t max_body_bytes() const noexcept { return limit; }
    };
    http_bed bed;
    auto server = bed.server();
    server.mount("/small", limited{3});
    server.mount("/large", limited{2 * 1024 * 1024});
    server.start();
    const std::string head = " HTTP/1.1\r\nHost: h\r\nContent-Length: ";
    CHECK_THAT(bed.ask("PUT /small" + head + "3\r\n\r\nabc"), EndsWith("abc"));
    CHECK_THAT(bed.ask("PUT /small" + head + "4\r\n\r\nabcd"), StartsWith("HTTP/1.1 413"));
    const std::string large(1'500'000, 'x');
    CHECK_THAT(bed.ask("PUT /large" + head + "1500000\r\n\r\n" + large),
               StartsWith("HTTP/1.1 200"));
    CHECK_THAT(bed.ask("PUT /none" + head + "1500000\r\n\r\n"), StartsWith("HTTP/1.1 404"));
}

TEST_CASE("Two lanes share the connections", "[http]") {
    http_bed bed;
    auto options = bed.options();
    options.lanes = 2;
    options.assume_single_thread = GENERATE(false, true);
    std::vector<detail::lane*> lanes;
    http::server server(bed.io(), options);
    server.mount("/", [&](http::exchange& x) {
        CHECK(x.lane()->running_here());
        lanes.push_back(x.lane().get());
        x.respond({});
    });
    server.start();
    for (int i = 0; i < 4; ++i) bed.ask(get);
    REQUIRE(lanes.size() == 4);
    CHECK(lanes[0] != lanes[1]);
    CHECK(lanes[0] == lanes[2]);
    CHECK(lanes[1] == lanes[3]);
}

TEST_CASE("A server counts what it answers", "[http]") {
    http_bed bed;
    const auto server = echo_server(bed);
    const auto peer = bed.connect();
    CHECK(bed.metrics->value("http_connections") == 1);
    peer->send(get + get + "GET /none HTTP/1.1\r\nHost: h\r\n\r\n");
    bed.run();
    CHECK(bed.metrics->value("http_requests status=2xx") == 2);
    CHECK(bed.metrics->value("http_requests status=4xx") == 1);
    peer->close();
    bed.run();
    CHECK(bed.metrics->value("http_connections") == 0);
}

TEST_CASE("A server that cannot listen says why and does nothing", "[http]") {
    http_bed bed;
    const auto first = bed.server();
    error_code ec;
    http::server second(bed.io(), bed.options(), ec);
    CHECK(ec == net::error::address_in_use);
    second.mount("/", echo);
    second.start();
    second.stop();
    std::optional<error_code> drained;
    second.async_drain([&](error_code e) { drained = e; });
    bed.run();
    CHECK(drained == error_code());
    CHECK(second.connections() == 0);
    CHECK_THROWS_AS(bed.server(), boost::system::system_error);
    CHECK(first.local_endpoint().port == http_bed::port);
}

TEST_CASE("a server that cannot listen names what it could not have", "[http][fault-19]") {
    const auto thrown = [](http::server_options o) {
        net::io_context io;
        try {
            http::server server(io, std::move(o));
        } catch (const boost::system::system_error& e) {
            return std::pair(e.code(), std::string(e.what()));
        }
        return std::pair(error_code(), std::string());
    };
    net::io_context io;
    const http::server first(io);
    const auto port = first.local_endpoint().port;
    const auto busy = thrown({.port = port});
    CHECK(busy.first == net::error::address_in_use);
    CHECK_THAT(busy.second, Contains("127.0.0.1:" + std::to_string(port)));

    const auto missing = thrown(
        {.tls = io::tls_server_options{"/nonexistent/chain.pem", "/nonexistent/key.pem", {}, {}}});
    CHECK(missing.first == boost::system::errc::no_such_file_or_directory);
    CHECK_THAT(missing.second, Contains("/nonexistent/chain.pem"));

    const auto path = thrown({.unix_path = "/nonexistent/socket"});
    CHECK(path.first == boost::system::errc::no_such_file_or_directory);
    CHECK_THAT(path.second, Contains("/nonexistent/socket"));

    std::string logged;
    error_code ec;
    const http::server silent(
        io, {.port = port, .log = [&](const log_record& r) { logged = r.message; }}, ec);
    CHECK(ec == net::error::address_in_use);
    CHECK_THAT(logged, Contains("127.0.0.1:" + std::to_string(port)));
}

TEST_CASE("a plain function on a loopback address is reached under this machine's names alone",
          "[http][fault-14]") {
    http_bed bed;
    auto options = bed.options();
    options.allowed_hosts = {"admin.example:8080"};
    http::server server(bed.io(), options);
    server.mount("/", [](http::exchange& x) { x.respond({.body = "in"}); });
    server.start();
    const auto ask = [&](const std::string& host) {
        return bed.ask("GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n");
    };
    for (const auto* ours :
         {"localhost", "LOCALHOST:1", "127.0.0.1:8080", "[::1]", "Admin.Example:8080"})
        CHECK_THAT(ask(ours), StartsWith("HTTP/1.1 200 "));
    for (const auto* foreign : {"rebound.example", "admin.example", ""})
        CHECK_THAT(ask(foreign), StartsWith("HTTP/1.1 421 ") && Contains("allowed_hosts"));
    bed.sim().set_link({.client_address = "192.0.2.7"});
    CHECK_THAT(ask("rebound.example"), StartsWith("HTTP/1.1 200 "));
}

namespace {

/// Admits now, or later, and says who or what makes the request good.
struct admitting_service {
    enum class finding { nothing, caller, signature } finds = finding::nothing;
    bool later = false;
    std::vector<http::exchange>* waiting = nullptr;
    void admit(http::exchange& x) {
        if (finds == finding::caller) x.caller({.name = "ann", .anonymous = false});
        if (finds == finding::signature) x.accept_any_host();
        x.answer_fields().set("X-Admitted", "yes");
        if (later) waiting->push_back(std::move(x));
    }
    void handle(http::exchange& x) { x.respond({.body = "in"}); }
};

}  // namespace

TEST_CASE("a service that admits without a caller is under the same rule for Host", "[http]") {
    using finding = admitting_service::finding;
    const auto finds = GENERATE(finding::nothing, finding::caller, finding::signature);
    const bool later = GENERATE(false, true);
    CAPTURE(static_cast<int>(finds), later);
    http_bed bed;
    auto options = bed.options();
    options.allowed_hosts = {"admin.example"};
    http::server server(bed.io(), options);
    std::vector<http::exchange> waiting;
    server.mount("/", admitting_service{finds, later, &waiting});
    server.start();
    const auto ask = [&](const std::string& host) {
        const auto peer = bed.connect();
        peer->send("POST / HTTP/1.1\r\nContent-Length: 1\r\nHost: " + host + "\r\n\r\nx");
        bed.run();
        for (auto& x : std::exchange(waiting, {})) x.proceed();
        bed.run();
        auto answer = peer->take();
        peer->close();
        bed.run();
        return answer;
    };
    for (const auto* ours : {"localhost", "admin.example"})
        CHECK_THAT(ask(ours), StartsWith("HTTP/1.1 200 "));
    const auto foreign = ask("rebound.example");
    if (finds == finding::nothing)
        CHECK_THAT(foreign, StartsWith("HTTP/1.1 421 ") && Contains("\r\nX-Admitted: yes\r\n") &&
                                Contains("\r\nConnection: close\r\n"));
    else
        CHECK_THAT(foreign, StartsWith("HTTP/1.1 200 "));
    bed.sim().set_link({.client_address = "192.0.2.7"});
    CHECK_THAT(ask("rebound.example"), StartsWith("HTTP/1.1 200 "));
}

TEST_CASE("another major version is answered 505, a minor one served", "[http][fault-8]") {
    http_bed bed;
    auto server = bed.server();
    server.mount("/", [](http::exchange& x) { x.respond({.body = "in"}); });
    server.start();
    CHECK_THAT(bed.ask("GET / HTTP/2.0\r\nHost: h\r\n\r\n"),
               StartsWith("HTTP/1.1 505 HTTP Version Not Supported\r\n"));
    CHECK_THAT(bed.ask("GET / HTTP/1.2\r\nHost: h\r\n\r\n"), StartsWith("HTTP/1.1 200 "));
}

TEST_CASE("an answer to HEAD says no length where it knows none", "[http][fault-10]") {
    http_bed bed;
    auto server = bed.server();
    server.mount("/", [](http::exchange& x) {
        x.respond({.body = x.request().method == "HEAD" ? "" : "of six"});
    });
    server.start();
    CHECK_THAT(bed.ask("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n"),
               StartsWith("HTTP/1.1 200 ") && !Contains("Content-Length") && EndsWith("\r\n\r\n"));
    CHECK_THAT(bed.ask("GET / HTTP/1.1\r\nHost: h\r\n\r\n"), Contains("\r\nContent-Length: 6\r\n"));
}

TEST_CASE("a server that was moved from does nothing and says so", "[http][fault-11]") {
    http_bed bed;
    auto server = bed.server();
    auto kept = std::move(server);
    kept.start();
    server.mount("/", [](http::exchange&) {});
    server.start();
    server.stop();
    CHECK(server.connections() == 0);
    CHECK_FALSE(server.draining());
    CHECK(server.local_endpoint() == io::socket_address());
    CHECK(server.drain_state() == nullptr);
    std::optional<error_code> drained;
    server.async_drain(
        net::bind_executor(bed.io().get_executor(), [&](error_code ec) { drained = ec; }));
    bed.run();
    CHECK(drained == errc::closed);
    CHECK_THAT(bed.ask("GET / HTTP/1.1\r\nHost: h\r\n\r\n"), StartsWith("HTTP/1.1 404 "));
}
