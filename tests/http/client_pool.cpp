// SPDX-License-Identifier: BSL-1.0
// Which connections a client keeps, uses again and opens.
#include "support/http_client_bed.hpp"

#include <tidings/http/impl/client/request_terms.hpp>

TEST_CASE("A connection is used again while it is good", "[http]") {
    client_bed bed({.keep_alive = 30s});
    CHECK(bed.answered(ok)->answer.body == "ok");
    bed.advance(29s);
    const auto second = bed.start();
    CHECK(bed.peers().size() == 1);
    bed.peers().at(0)->send(ok);
    bed.run();
    CHECK(second->answer.body == "ok");
    SECTION("not longer than it may idle") {
        bed.advance(29s);
        CHECK(bed.peers().at(0)->open());
        bed.advance(1100ms);
        CHECK_FALSE(bed.peers().at(0)->open());
    }
    SECTION("not when the server says so") {
        bed.answered("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
        CHECK_FALSE(bed.peers().at(0)->open());
    }
    SECTION("not when the server is HTTP/1.0") {
        bed.answered("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n");
        CHECK_FALSE(bed.peers().at(0)->open());
    }
    SECTION("not when more came than was asked for") {
        CHECK(bed.answered(ok + "x")->answer.body == "ok");
        CHECK_FALSE(bed.peers().at(0)->open());
    }
    SECTION("not when the server speaks unasked") {
        bed.peers().at(0)->send("HTTP/1.1 408 Request Timeout\r\n\r\n");
        bed.run();
        CHECK_FALSE(bed.peers().at(0)->open());
    }
    SECTION("not for another origin") {
        bed.sim().add_name("other.example", {"127.0.0.1"});
        bed.start({}, "http://other.example/");
        CHECK(bed.peers().size() == 2);
    }
}

TEST_CASE("Requests that were prepared use the connections of their origin", "[http]") {
    client_bed bed({.keep_alive = 30s});
    CHECK(bed.answered(ok)->answer.body == "ok");
    bed.peers().at(0)->take();
    error_code ec;
    const auto alike = http::detail::prepared_request::make(
        "http://127.0.0.1/a?b", {.method = "POST", .fields = {{"X-Alike", "1"}}}, "agent", nullptr,
        ec);
    REQUIRE_FALSE(ec);
    const std::vector<http::fields::value_type> further{{"X-More", "3"}};
    for (const auto* const value : {"1", "2"}) {
        std::optional<error_code> ended;
        http::detail::start_request(
            *bed.client, "not read", {.method = "POST", .fields = {{"X-One", value}}},
            {.prepared = alike,
             .further = further,
             .body = std::make_shared<const std::string>("text")},
            {bed.io().get_executor(), [&](error_code e, const http::response&) { ended = e; }});
        bed.run();
        REQUIRE(bed.peers().size() == 1);
        const auto text = bed.peers().at(0)->take();
        CHECK(text.starts_with("POST "));
        CHECK(text.find("\r\nUser-Agent: agent\r\n") != std::string::npos);
        CHECK(text.ends_with("\r\nX-Alike: 1\r\nX-One: " + std::string(value) +
                             "\r\nX-More: 3\r\nContent-Length: 4\r\n\r\ntext"));
        bed.peers().at(0)->send(ok);
        bed.run();
        REQUIRE(ended.has_value());
        CHECK_FALSE(*ended);
    }
    http::detail::prepared_request::make("no url", {}, "", nullptr, ec);
    CHECK(ec == errc::bad_url);
    http::detail::prepared_request::make("http://127.0.0.1/a?b", {.method = "NOT ONE"}, "", nullptr,
                                         ec);
    CHECK(ec == errc::invalid_argument);
}

TEST_CASE("Few connections idle", "[http]") {
    client_bed bed({.max_idle_per_origin = 1});
    const auto first = bed.start();
    const auto second = bed.start();
    REQUIRE(bed.peers().size() == 2);
    for (const auto& peer : bed.peers()) peer->send(ok);
    bed.run();
    CHECK(first->answer.body + second->answer.body == "okok");
    CHECK(bed.peers().at(0)->open() != bed.peers().at(1)->open());
}

TEST_CASE("An idle connection ends where a new one would be too many", "[http]") {
    const std::size_t most = GENERATE(1U, 2U);
    client_bed bed({.max_connections = most});
    CHECK(bed.answered(ok)->answer.body == "ok");
    bed.sim().add_name("other.example", {"127.0.0.1"});
    bed.start({}, "http://other.example/");
    REQUIRE(bed.peers().size() == 2);
    CHECK(bed.peers().at(0)->open() == (most == 2));
    CHECK(bed.peers().at(1)->open());
}

TEST_CASE("A client that keeps no connections says so", "[http]") {
    client_bed bed({.keep_alive = 0ms});
    CHECK(bed.answered(ok)->answer.body == "ok");
    CHECK_THAT(bed.peers().at(0)->received(), Contains("\r\nConnection: close\r\n"));
    CHECK_FALSE(bed.peers().at(0)->open());
}

TEST_CASE("A request on a connection that was closed meanwhile is repeated once", "[http]") {
    client_bed bed;
    REQUIRE(bed.answered(ok)->error == error_code());
    const auto out = std::make_shared<result>();
    const auto close_first = [&](bool after_bytes) {
        auto r = with_body("POST", "body");
        r.idempotent = true;
        bed.client->async_request("http://127.0.0.1/again", std::move(r),
                                  [out](error_code ec, http::response a) {
                                      CHECK(out->pending());
                                      out->error = ec;
                                      out->answer = std::move(a);
                                  });
        // The end of the connection and the request pass each other.
        if (after_bytes) bed.peers().at(0)->send("HTTP/1.1 2");
        bed.run();
        bed.peers().at(0)->close();
        bed.run();
    };
    SECTION("when nothing of an answer had come") {
        close_first(false);
        REQUIRE(bed.peers().size() == 2);
        CHECK_THAT(bed.peers().at(1)->received(),
                   StartsWith("POST /again HTTP/1.1\r\n") && EndsWith("\r\n\r\nbody"));
        SECTION("and no more") {
            bed.peers().at(1)->close();
            bed.run();
            CHECK(out->error == errc::connection_failed);
            CHECK(bed.peers().size() == 2);
        }
        SECTION("and succeeds") {
            bed.peers().at(1)->send(ok);
            bed.run();
            CHECK(out->answer.body == "ok");
        }
    }
    SECTION("not when something had") {
        bed.start();
        bed.peers().at(0)->send("HTTP/1.1 2");
        bed.run();
        bed.peers().at(0)->close();
        bed.run();
        CHECK(bed.peers().size() == 1);
    }
}

TEST_CASE("Only what may be made twice is repeated", "[http]") {
    client_bed bed;
    REQUIRE(bed.answered(ok)->error == error_code());
    const auto [method, repeated] = GENERATE(table<std::string, bool>({{"GET", true},
                                                                       {"HEAD", true},
                                                                       {"OPTIONS", true},
                                                                       {"PUT", true},
                                                                       {"DELETE", true},
                                                                       {"TRACE", true},
                                                                       {"POST", false},
                                                                       {"PATCH", false},
                                                                       {"get", false}}));
    CAPTURE(method);
    const auto out = bed.start({.method = method});
    bed.peers().at(0)->close();
    bed.run();
    CHECK(bed.peers().size() == (repeated ? 2 : 1));
    CHECK(out->pending() == repeated);
    if (!repeated) CHECK(out->error == errc::connection_failed);
}

TEST_CASE("Connections to an origin are limited, and further requests wait in order", "[http]") {
    client_bed bed({.request_timeout = 30s, .max_connections_per_origin = 2});
    std::vector<std::shared_ptr<result>> out;
    for (int i = 0; i < 5; ++i)
        out.push_back(bed.start({}, "http://127.0.0.1/" + std::to_string(i)));
    REQUIRE(bed.peers().size() == 2);
    auto& first = *bed.peers()[0];
    CHECK_THAT(first.take(), StartsWith("GET /0"));
    first.send(ok);
    bed.run();
    CHECK_THAT(first.take(), StartsWith("GET /2"));
    bed.peers()[1]->close();
    bed.run();
    CHECK(out[1]->error == errc::connection_failed);
    REQUIRE(bed.peers().size() == 3);
    CHECK_THAT(bed.peers()[2]->received(), StartsWith("GET /3"));
    CHECK(out[4]->pending());
    bed.advance(31s);
    for (int i = 2; i < 5; ++i) CHECK(out[static_cast<std::size_t>(i)]->error == errc::timed_out);
    for (const auto& peer : bed.peers()) CHECK_FALSE(peer->open());
}

TEST_CASE("a busy connection ends between requests when it is old", "[http][fault-24]") {
    client_bed bed({.max_connection_age = 5min});
    const auto ask = [&] {
        const auto r = bed.start();
        bed.peers().back()->send(ok);
        bed.run();
        CHECK(r->error == error_code());
    };
    for (int i = 0; i < 4 * 6; ++i) {
        ask();
        bed.advance(10s);
    }
    CHECK(bed.peers().size() == 1);
    CHECK(bed.peers().back()->open());
    for (int i = 0; i < 7; ++i) {
        ask();
        bed.advance(10s);
    }
    CHECK_FALSE(bed.peers().front()->open());
    CHECK(bed.peers().size() == 2);
}

TEST_CASE("an idle connection ends when it is old", "[http][fault-24]") {
    client_bed bed({.keep_alive = 1h, .max_connection_age = 1min});
    bed.answered(ok);
    bed.advance(47s);
    CHECK(bed.peers().back()->open());
    bed.advance(14s);
    CHECK_FALSE(bed.peers().back()->open());
}

TEST_CASE("an old connection does not end in the middle of an answer", "[http][fault-24]") {
    client_bed bed({.request_timeout = 1h, .max_connection_age = 1min});
    const auto slow = bed.start();
    bed.advance(10min);
    CHECK(bed.peers().back()->open());
    bed.peers().back()->send(ok);
    bed.run();
    CHECK(slow->error == error_code());
    CHECK_FALSE(bed.peers().back()->open());
}
