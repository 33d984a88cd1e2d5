// SPDX-License-Identifier: BSL-1.0
// What is mounted on a server, and what services may do.
#include "support/echo_server.hpp"

TEST_CASE("a second mount of one path throws and names it", "[http][fault-20]") {
    http_bed bed;
    auto server = bed.server();
    const auto nothing = [](http::exchange&) {};
    server.mount("/a", nothing);
    server.mount("/", nothing);
    for (const auto* const again : {"/a", "/a/"})
        CHECK_THROWS_WITH(server.mount(again, nothing), Contains("\"/a\""));
    CHECK_THROWS_AS(server.mount("/", nothing), std::logic_error);
    CHECK_NOTHROW(server.mount("/a/b", nothing));
}

TEST_CASE("The longest mount point before the path answers", "[http]") {
    http_bed bed;
    auto server = bed.server();
    const auto named = [](std::string name) {
        return [name](http::exchange& x) { x.respond({.body = name + '[' + x.suffix() + ']'}); };
    };
    server.mount("/a", named("a"));
    server.mount("/a/b/", named("ab again"));
    SECTION("and nobody elsewhere") {
        server.start();
        const auto answer = bed.ask("GET /x HTTP/1.1\r\nHost: h\r\n\r\n");
        CHECK_THAT(answer, StartsWith("HTTP/1.1 404 Not Found\r\n") &&
                               Contains("\r\nContent-Type: application/problem+json\r\n") &&
                               EndsWith("{\"title\":\"Not Found\",\"status\":404}"));
        CHECK_THAT(bed.ask("GET /ab HTTP/1.1\r\nHost: h\r\n\r\n"), StartsWith("HTTP/1.1 404"));
        CHECK_THAT(bed.ask("GET / HTTP/1.1\r\nHost: h\r\n\r\n"), StartsWith("HTTP/1.1 404"));
        CHECK_THAT(bed.ask("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n"), StartsWith("HTTP/1.1 404"));
    }
    SECTION("or the root") {
        server.mount("/", named("root"));
        server.start();
        CHECK_THAT(bed.ask("GET /x HTTP/1.1\r\nHost: h\r\n\r\n"), EndsWith("root[/x]"));
        CHECK_THAT(bed.ask("GET / HTTP/1.1\r\nHost: h\r\n\r\n"), EndsWith("root[/]"));
    }
    CHECK_THAT(bed.ask("GET /a HTTP/1.1\r\nHost: h\r\n\r\n"), EndsWith("\na[]"));
    CHECK_THAT(bed.ask("GET /a?/b HTTP/1.1\r\nHost: h\r\n\r\n"), EndsWith("\na[]"));
    CHECK_THAT(bed.ask("GET /a/ HTTP/1.1\r\nHost: h\r\n\r\n"), EndsWith("\na[/]"));
    CHECK_THAT(bed.ask("GET /a/bc HTTP/1.1\r\nHost: h\r\n\r\n"), EndsWith("\na[/bc]"));
    CHECK_THAT(bed.ask("GET /a/b/c HTTP/1.1\r\nHost: h\r\n\r\n"), EndsWith("ab again[/c]"));
    CHECK_THAT(bed.ask("GET http://elsewhere/a/x HTTP/1.1\r\nHost: h\r\n\r\n"), EndsWith("a[/x]"));
}

TEST_CASE("What cannot be mounted says so", "[http]") {
    http_bed bed;
    auto server = bed.server();
    CHECK_THROWS_AS(server.mount("a", echo), std::invalid_argument);
    CHECK_THROWS_AS(server.mount("", echo), std::invalid_argument);
    server.start();
    CHECK_THROWS_AS(server.mount("/late", echo), std::logic_error);
}

TEST_CASE("A request that no service answers is answered 500", "[http]") {
    http_bed bed;
    std::optional<http::exchange> kept;
    auto server = bed.server();
    server.mount("/throw", [](http::exchange&) { throw std::runtime_error("out of cheese"); });
    server.mount("/odd", [](http::exchange&) { throw 3; });
    server.mount("/forget", [](http::exchange&) {});
    server.mount("/keep", [&](http::exchange& x) { kept.emplace(std::move(x)); });
    server.mount("/echo", echo);
    server.start();
    const auto peer = bed.connect();
    const auto path = GENERATE("/throw", "/odd", "/forget", "/keep");
    CAPTURE(path);
    peer->send(std::string("GET ") + path + " HTTP/1.1\r\nHost: h\r\n\r\n" + get);
    bed.run();
    if (kept) {
        CHECK(peer->received().empty());
        SECTION("destroyed later") {
            kept.reset();
        }
        SECTION("replaced later") {
            http::exchange other(std::move(*kept));
            other = http::exchange(http::request(), std::string(),
                                   std::shared_ptr<http::detail::exchange_owner>());
            CHECK_FALSE(other);
        }
        bed.run();
    }
    CHECK_THAT(peer->received(), StartsWith("HTTP/1.1 500 Internal Server Error\r\n"));
    CHECK_THAT(peer->received(), !Contains("cheese") && EndsWith("GET /a b "));
    if (std::string_view(path) == "/throw") CHECK(bed.logged.back() == "out of cheese");
    if (std::string_view(path) == "/odd") CHECK(bed.logged.back() == "a callback threw");
}

TEST_CASE("A service cannot break the header out of its lines", "[http]") {
    http_bed bed;
    auto server = bed.server();
    server.mount("/", [](http::exchange& x) {
        x.respond({.status = x.suffix() == "/odd" ? 42U : 200U,
                   .fields = {{"X", "a\r\nInjected: b"},
                              {"Bad name", "c"},
                              {"Content-Length", "999"},
                              {"transfer-encoding", "chunked"}},
                   .body = "body"});
    });
    server.start();
    const auto answer = bed.ask("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    CHECK_THAT(answer, Contains("\r\nX: a  Injected: b\r\n") && !Contains("\nInjected") &&
                           !Contains("Bad name") && !Contains("999") && !Contains("chunked") &&
                           EndsWith("\r\nContent-Length: 4\r\n\r\nbody"));
    CHECK_THAT(bed.ask("GET /odd HTTP/1.1\r\nHost: h\r\n\r\n"), StartsWith("HTTP/1.1 500 "));
}

TEST_CASE("A connection can be taken out of HTTP, with what came after the request", "[http]") {
    http_bed bed;
    std::optional<http::taken_stream> taken;
    auto server = bed.server();
    server.mount("/ws", [&](http::exchange& x) {
        taken = x.take();
        CHECK_FALSE(x);
    });
    server.start();
    const std::string request = "GET /ws HTTP/1.1\r\nHost: h\r\n\r\n";
    const std::string frames = "first frames\r\n\r\n";
    const auto all = request + frames;
    for (std::size_t at = 1; at < all.size(); ++at) {
        INFO("cut at byte " << at);
        const auto peer = bed.connect();
        peer->send(all.substr(0, at));
        bed.run();
        CHECK(taken.has_value() == (at >= request.size()));
        peer->send(all.substr(at));
        bed.run();
        REQUIRE(taken.has_value());
        CHECK(taken->lane->executor() == taken->stream->executor());
        http_peer session(std::move(taken->stream));
        bed.run();
        CHECK(taken->leftover + session.received() == frames);
        session.send("101");
        bed.advance(10min);
        CHECK(peer->received() == "101");
        CHECK(server.connections() == 1);
        taken.reset();
        CHECK(server.connections() == 0);
    }
}

TEST_CASE("A service that waits is notified when its peer leaves", "[http]") {
    int closed = 0;  // the bed runs what is left
    http_bed bed;
    std::optional<http::exchange> waiting;
    auto server = bed.server();
    server.mount("/wait", [&](http::exchange& x) {
        waiting.emplace(std::move(x));
        waiting->on_peer_closed([&] { ++closed; });
    });
    server.mount("/echo", echo);
    server.start();
    auto peer = bed.connect();
    peer->send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
    bed.run();
    REQUIRE(waiting.has_value());
    SECTION("it leaves") {
        peer->close();
        bed.run();
        CHECK(closed == 1);
        CHECK(server.connections() == 0);
        waiting->respond({});
    }
    SECTION("it ends its side") {
        peer->shutdown();
        bed.run();
        CHECK(closed == 1);
    }
    SECTION("it ends its side while it is answered") {
        const auto body = long_text(1'000'000);
        peer->stop_reading();
        waiting->respond({.body = body});
        bed.run();
        peer->shutdown();
        bed.run();
        peer->resume_reading();
        bed.run();
        CHECK(peer->received().ends_with(body));
        CHECK(closed == 0);
        CHECK(server.connections() == 0);
    }
    SECTION("it stays, and asks more meanwhile") {
        peer->send(get.substr(0, 5));
        bed.run();
        peer->send(get.substr(5));
        bed.run();
        CHECK(closed == 0);
        CHECK(peer->received().empty());
        waiting->respond({.body = "now"});
        bed.run();
        CHECK_THAT(peer->received(), Contains("\r\n\r\nnowHTTP/1.1") && EndsWith("GET /a b "));
        peer->close();
        bed.run();
        CHECK(closed == 0);
    }
    SECTION("it stays, and sends without end") {
        peer->send(std::string(1'000'000, 'x'));
        bed.run();
        CHECK(peer->unsent() > 800'000);
        waiting->respond({.body = "now"});
        bed.run();
        CHECK_THAT(peer->received(), Contains("\r\n\r\nnowHTTP/1.1 4"));
    }
    SECTION("the answer cannot be given from within") {
        waiting.reset();
        bed.run();
        CHECK_THAT(peer->received(), StartsWith("HTTP/1.1 500"));
        CHECK(closed == 0);
    }
    SECTION("the server is stopped") {
        server.stop();
        bed.run();
        CHECK(closed == 1);
    }
    SECTION("it cannot take the connection any more") {
        CHECK_THROWS_AS(waiting->take(), std::logic_error);
    }
    waiting.reset();
}

TEST_CASE("A request for the connection waits behind one that is watched", "[http]") {
    http_bed bed;
    std::optional<http::exchange> waiting;
    int closed = 0;
    std::optional<http::taken_stream> taken;
    auto server = bed.server();
    server.mount("/wait", [&](http::exchange& x) {
        waiting.emplace(std::move(x));
        waiting->on_peer_closed([&] { ++closed; });
    });
    server.mount("/take", [&](http::exchange& x) { taken = x.take(); });
    server.start();
    auto peer = bed.connect();
    const std::string first = "GET /wait HTTP/1.1\r\nHost: h\r\n\r\n";
    const std::string second = "GET /take HTTP/1.1\r\nHost: h\r\n\r\n";
    const bool at_once = GENERATE(true, false);
    if (at_once) {
        peer->send(first + second + "more");
    } else {
        for (const auto& part : {first, second.substr(0, 5), second.substr(5), std::string("more")})
            peer->send(part), bed.run();
    }
    bed.run();
    REQUIRE(waiting.has_value());
    CHECK_FALSE(taken.has_value());
    waiting->respond({.body = "now"});
    bed.run();
    CHECK_THAT(peer->received(), EndsWith("\r\n\r\nnow"));
    REQUIRE(taken.has_value());
    REQUIRE(taken->stream);
    http_peer session(std::move(taken->stream));
    bed.run();
    CHECK(taken->leftover + session.received() == "more");
    CHECK(closed == 0);
    taken.reset();
}
