// SPDX-License-Identifier: BSL-1.0
#include <tidings/http/client.hpp>
#include <tidings/http/impl/client/client_streams.hpp>

#include "support/catch2.hpp"
#include "support/http_bed.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/error.hpp>

using namespace tidings;
using namespace tidings::test;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;
using Catch::Matchers::EndsWith;
using Catch::Matchers::StartsWith;

namespace {

const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

struct result {
    std::optional<error_code> error{};
    http::response answer{};
    bool pending() const { return !error.has_value(); }
};

struct client_bed : http_bed {
    std::optional<raw_listener> listener;
    std::optional<http::client> client;

    explicit client_bed(http::client_options o = {}) {
        listener.emplace(*this);
        o.environment = environment();
        client.emplace(io(), std::move(o));
    }
    ~client_bed() {
        client.reset();
        if (listener) listener->peers.clear();
        listener.reset();
    }
    std::deque<std::unique_ptr<http_peer>>& peers() { return listener->peers; }
    std::shared_ptr<result> start(http::request r = {}, std::string url = "http://127.0.0.1/a?b") {
        auto out = std::make_shared<result>();
        client->async_request(std::move(url), std::move(r), [out](error_code ec, http::response a) {
            CHECK(out->pending());
            out->error = ec;
            out->answer = std::move(a);
        });
        run();
        return out;
    }
    /// What the only request on a new connection completes with when it is answered so, cut there.
    std::shared_ptr<result> answered(const std::string& text, std::size_t cut = 0, bool eof = false,
                                     http::request r = {}) {
        const auto out = start(std::move(r));
        REQUIRE_FALSE(peers().empty());
        auto& peer = *peers().back();
        if (cut > 0) {
            peer.send(text.substr(0, cut));
            run();
        }
        peer.send(text.substr(cut));
        run();
        if (eof) peer.shutdown();
        run();
        return out;
    }
};

http::request with_body(std::string method, std::string body) {
    return {.method = std::move(method), .body = std::move(body)};
}

}  // namespace

TEST_CASE("A request that cannot be made completes with an error, never inside", "[http]") {
    client_bed bed;
    const auto expect = [&](const std::string& url, http::request r, error_code expected) {
        CAPTURE(url);
        std::optional<error_code> error;
        bed.client->async_request(url, std::move(r),
                                  [&](error_code ec, http::response) { error = ec; });
        CHECK_FALSE(error.has_value());
        bed.run();
        CHECK(error == expected);
    };
    expect("127.0.0.1/a", {}, errc::bad_url);
    expect("ftp://127.0.0.1/", {}, errc::bad_url);
    expect("http://127.0.0.1/a b", {}, errc::bad_url);
    expect("http://127.0.0.1/", {.method = "GET /x HTTP/1.1\r\n"}, errc::invalid_argument);
    expect("http://127.0.0.1/", {.method = ""}, errc::invalid_argument);
    expect("http://127.0.0.1/", {.fields = {{"X", "a\r\nInjected: b"}}}, errc::invalid_argument);
    expect("http://127.0.0.1/", {.fields = {{"X Y", "a"}}}, errc::invalid_argument);
    expect("http://nowhere.example/", {}, errc::name_not_resolved);
    expect("http://127.0.0.1:81/", {}, net::error::connection_refused);
    expect("https://127.0.0.1:80/", {}, errc::tls_failed);
    CHECK(bed.peers().size() <= 1);
}

TEST_CASE("A filter may refuse every address of a host", "[http]") {
    client_bed bed({.address_filter = [](const net::ip::address& a) { return !a.is_loopback(); }});
    CHECK(bed.start()->error == errc::address_refused);
    CHECK(bed.peers().empty());
}

TEST_CASE("A request carries what it must", "[http]") {
    client_bed bed;
    bed.start({.method = "PUT",
               .target = "/not-read",
               .fields = {{"X", "y"},
                          {"host", "other"},
                          {"Content-Length", "99"},
                          {"Transfer-Encoding", "chunked"},
                          {"Connection", "close"}},
               .body = "body"},
              "http://127.0.0.1:80/p?q#f");
    CHECK(bed.peers().at(0)->received() ==
          "PUT /p?q HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: tidings/0.1\r\n"
          "Accept-Encoding: identity\r\nX: y\r\n"
          "Content-Length: 4\r\n\r\nbody");
}

TEST_CASE("A request without a body says so only where one is expected", "[http]") {
    client_bed bed;
    const auto sent = [&](http::request r, std::string url = "http://127.0.0.1") {
        bed.start(std::move(r), std::move(url));
        return bed.peers().back()->received();
    };
    CHECK_THAT(sent({}), StartsWith("GET / HTTP/1.1\r\n") && !Contains("Content-Length"));
    CHECK_THAT(sent({.method = "DELETE"}), !Contains("Content-Length"));
    CHECK_THAT(sent({.method = "POST"}), Contains("\r\nContent-Length: 0\r\n"));
    CHECK_THAT(sent({.fields = {{"User-Agent", "mine"}}}),
               Contains("\r\nUser-Agent: mine\r\n") && !Contains("tidings"));
    CHECK_THAT(sent({}, "http://us%65r:p%40ss@127.0.0.1/"),
               Contains("\r\nAuthorization: Basic dXNlcjpwQHNz\r\n"));
}

TEST_CASE("An answer is read whole, however it is cut", "[http]") {
    client_bed bed({.max_idle_per_origin = 0});
    const auto [text, eof, body] = GENERATE(table<std::string, bool, std::string>(
        {{ok, false, "ok"},
         {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1;x\r\nk\r\n0\r\n\r\n",
          false, "ok"},
         {"HTTP/1.1 200 OK\r\n\r\nok", true, "ok"},
         {"HTTP/1.0 200 OK\r\n\r\n", true, ""},
         {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nX: z\r\n\r\n"
          "HTTP/1.1 200 OK\r\nX: y\r\nContent-Length: 2\r\n\r\nok",
          false, "ok"}}));
    CAPTURE(text);
    for (std::size_t cut = 0; cut < text.size(); ++cut) {
        INFO("cut at byte " << cut);
        const auto out = bed.answered(text, cut, eof);
        REQUIRE(out->error == error_code());
        CHECK(out->answer.status == 200);
        CHECK(out->answer.body == body);
        CHECK(out->answer.fields.joined("X") == (text.find("103") != text.npos ? "y" : ""));
    }
}

TEST_CASE("An answer that ends too early is an error", "[http]") {
    client_bed bed;
    for (std::size_t at = 0; at < ok.size(); ++at) {
        INFO("ended after byte " << at);
        const auto out = bed.answered(ok.substr(0, at), 0, true);
        CHECK(out->error == errc::connection_failed);
        CHECK(bed.sim().connections() == at + 1);  // nothing is repeated
    }
}

TEST_CASE("An answer that is not HTTP, or too much, is an error", "[http]") {
    client_bed bed({.max_response_bytes = 10, .max_header_bytes = 200});
    const std::string head = "HTTP/1.1 200 OK\r\n";
    const auto [text, expected] = GENERATE_COPY(table<std::string, errc>(
        {{"SSH-2.0-OpenSSH_9.2\r\n\r\n", errc::bad_request},
         {"\r\n" + head + "\r\n", errc::bad_request},
         {head + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", errc::ambiguous_framing},
         {head + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
          errc::ambiguous_framing},
         {head + "Transfer-Encoding: chunked\r\n\r\nx\r\n", errc::bad_request},
         {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", errc::bad_request},
         {head + "X: " + std::string(200, 'x'), errc::header_too_large},
         {head + "Content-Length: 11\r\n\r\n", errc::too_large},
         {head + "Transfer-Encoding: chunked\r\n\r\nb\r\n", errc::too_large},
         {head + "\r\n12345678901", errc::too_large}}));
    CAPTURE(text);
    CHECK(bed.answered(text)->error == expected);
    bed.run();
    CHECK_FALSE(bed.peers().at(0)->open());

    std::string early;
    for (int i = 0; i < 17; ++i) early += "HTTP/1.1 103 Early Hints\r\n\r\n";
    CHECK(bed.answered(early)->error == errc::bad_request);
}

TEST_CASE("An answer to HEAD has no body", "[http]") {
    client_bed bed;
    const auto out =
        bed.answered("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n",
                     0, false, {.method = "HEAD"});
    CHECK(out->error == error_code());
    CHECK(out->answer.fields.get("Content-Length") == "99");
    const auto second = bed.start();
    bed.peers().at(0)->send(ok);
    bed.run();
    CHECK(second->answer.body == "ok");
}

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

TEST_CASE("Connecting and the whole exchange have their time", "[http]") {
    client_bed bed({.connect_timeout = 10s, .request_timeout = 30s});
    SECTION("connecting") {
        bed.sim().set_link({.connect = sim_link::on_connect::hang});
        const auto out = bed.start();
        bed.advance(9900ms);
        CHECK(out->pending());
        bed.advance(200ms);
        CHECK(out->error == errc::timed_out);
    }
    SECTION("a name") {
        bed.sim().add_name("slow.example", {});
        const auto out = bed.start({}, "http://slow.example/");
        bed.advance(11s);
        CHECK(out->error == errc::timed_out);
    }
    SECTION("the answer, wherever it hangs") {
        for (std::size_t at = 0; at < ok.size(); ++at) {
            INFO("hung after byte " << at);
            const auto out = bed.answered(ok.substr(0, at));
            bed.advance(29s);
            CHECK(out->pending());
            bed.advance(1100ms);
            CHECK(out->error == errc::timed_out);
            CHECK_FALSE(bed.peers().back()->open());
        }
    }
    SECTION("sending") {
        bed.sim().set_link({.buffer_bytes = 100});
        const auto out = bed.start(with_body("POST", std::string(100'000, 'x')));
        bed.peers().at(0)->stop_reading();
        bed.run();
        bed.advance(31s);
        CHECK(out->error == errc::timed_out);
    }
}

TEST_CASE("An answer may come before the request is sent", "[http]") {
    client_bed bed;
    bed.sim().set_link({.buffer_bytes = 1000});
    const auto listener_peer_stops = [&] { bed.peers().at(0)->stop_reading(); };
    std::optional<error_code> error;
    http::response answer;
    bed.client->async_request("http://127.0.0.1/", with_body("POST", std::string(100'000, 'x')),
                              [&](error_code ec, http::response a) {
                                  error = ec;
                                  answer = std::move(a);
                              });
    while (bed.peers().empty() && bed.io().poll_one() > 0) continue;
    REQUIRE(bed.peers().size() == 1);
    listener_peer_stops();
    bed.run();
    REQUIRE_FALSE(error.has_value());
    bed.peers().at(0)->send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n");
    bed.run();
    CHECK(error == error_code());
    CHECK(answer.status == 413);
    CHECK(bed.start()->pending());
    CHECK(bed.peers().size() == 2);  // the first is of no use any more
}

TEST_CASE("A request can be cancelled at any step", "[http]") {
    bool ended = false;
    for (int steps = 0; !ended; ++steps) {
        INFO("after " << steps << " steps");
        client_bed bed;
        net::cancellation_signal signal;
        std::vector<error_code> errors;
        bed.client->async_request(
            "http://127.0.0.1/", {},
            net::bind_cancellation_slot(
                signal.slot(), [&](error_code ec, http::response) { errors.push_back(ec); }));
        for (int i = 0; i < steps; ++i) {
            ended = bed.io().poll_one() == 0;
            if (!bed.peers().empty() && i == 8) bed.peers().at(0)->send("HTTP/1.1 20");
        }
        signal.emit(net::cancellation_type::terminal);
        bed.run();
        CHECK(errors == std::vector<error_code>{net::error::operation_aborted});
        for (const auto& peer : bed.peers()) CHECK_FALSE(peer->open());
        signal.emit(net::cancellation_type::terminal);
        bed.run();
    }
}

TEST_CASE("A cancellation that comes late does nothing", "[http]") {
    client_bed bed;
    net::cancellation_signal signal;
    int completions = 0;
    const auto request = [&] {
        bed.client->async_request(
            "http://127.0.0.1/", {},
            net::bind_cancellation_slot(signal.slot(),
                                        [&](error_code, http::response) { ++completions; }));
        bed.run();
    };
    request();
    // Weaker kinds promise what a request that was begun cannot.
    signal.emit(net::cancellation_type::total);
    signal.emit(net::cancellation_type::partial);
    bed.run();
    CHECK(completions == 0);
    bed.peers().at(0)->send(ok);
    bed.run();
    CHECK(completions == 1);
    signal.emit(net::cancellation_type::terminal);
    bed.run();
    CHECK(completions == 1);
    CHECK(bed.peers().at(0)->open());
}

TEST_CASE("A client may end at any step, with anything under way", "[http]") {
    enum class how { destroy, replace, destroy_context, context_first };
    const auto way = GENERATE(how::destroy, how::replace, how::destroy_context, how::context_first);
    bool ended = false;
    for (int steps = 0; !ended; ++steps) {
        INFO("after " << steps << " steps");
        client_bed bed({.max_connections_per_origin = 1});
        std::vector<error_code> errors;
        for (int i = 0; i < 3; ++i)
            bed.client->async_request("http://127.0.0.1/", {},
                                      [&](error_code ec, http::response) { errors.push_back(ec); });
        bool answered = false;
        for (int i = 0; i < steps; ++i) {
            ended = bed.io().poll_one() == 0;
            if (!bed.peers().empty() && !std::exchange(answered, true)) bed.peers()[0]->send(ok);
        }
        switch (way) {
            case how::destroy:
                bed.client.reset();
                break;
            case how::replace:
                *bed.client = http::client(bed.io(), {.environment = bed.environment()});
                break;
            case how::destroy_context:
            case how::context_first:
                if (way == how::destroy_context) bed.client.reset();
                bed.listener.reset();
                bed.destroy_context();
                bed.client.reset();
                continue;
        }
        bed.run();
        REQUIRE(errors.size() == 3);
        CHECK(errors.back() == errc::closed);
        for (const auto& peer : bed.peers()) CHECK_FALSE(peer->open());
    }
}

TEST_CASE("A request of a client that is gone completes with closed", "[http]") {
    client_bed bed;
    auto first = bed.client->async_request("http://127.0.0.1/", http::request());
    http::client moved(std::move(*bed.client));
    auto second = bed.client->async_request("http://127.0.0.1/", http::request());
    { const http::client ended(std::move(moved)); }
    std::vector<error_code> errors;
    const auto note = [&] {
        return net::bind_executor(
            bed.io(), [&](error_code ec, const http::response&) { errors.push_back(ec); });
    };
    std::move(first)(note());
    std::move(second)(note());
    bed.run();
    CHECK(errors == std::vector<error_code>(2, errc::closed));
}

TEST_CASE("an answer in a coding that was not asked for is a clear error with its status",
          "[http][fault-26]") {
    client_bed bed({.max_idle_per_origin = 0});
    const std::string zipped =
        "HTTP/1.1 201 Created\r\nContent-Encoding: gzip\r\nX: y\r\nContent-Length: 3\r\n\r\nabc";
    const auto refused = bed.answered(zipped);
    CHECK_THAT(bed.peers().back()->received(), Contains("\r\nAccept-Encoding: identity\r\n"));
    CHECK(refused->error == errc::unsupported_encoding);
    CHECK(refused->answer.status == 201);
    CHECK(refused->answer.fields.get("X") == "y");
    CHECK(refused->answer.body.empty());

    const auto wanted = bed.answered(zipped, 0, false, {.fields = {{"accept-encoding", "gzip"}}});
    CHECK_THAT(bed.peers().back()->received(), !Contains("identity"));
    CHECK(wanted->error == error_code());
    CHECK(wanted->answer.body == "abc");

    CHECK(bed.answered("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 0\r\n\r\n")
              ->error == error_code());
    CHECK(bed.answered("HTTP/1.1 204 No Content\r\nContent-Encoding: br\r\n\r\n")->error ==
          error_code());
    CHECK(
        bed.answered("HTTP/1.1 200 OK\r\nContent-Encoding: Identity\r\nContent-Length: 1\r\n\r\na")
            ->answer.body == "a");
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

TEST_CASE("a client that was moved from answers closed", "[http][fault-11]") {
    client_bed bed;
    auto gone = std::move(*bed.client);
    bed.client.reset();
    bed.client.emplace(std::move(gone));
    int closed = 0;
    const auto executor = bed.io().get_executor();
    gone.async_request("http://127.0.0.1/", {},
                       net::bind_executor(executor, [&](error_code ec, http::response) {
                           CHECK(ec == errc::closed);
                           ++closed;
                       }));
    http::detail::client_streams::open(gone, executor, "http://127.0.0.1/", {},
                                       [&](error_code ec, auto stream) {
                                           CHECK(ec == errc::closed);
                                           CHECK_FALSE(stream);
                                           ++closed;
                                       });
    http::detail::client_streams::upgrade(gone, executor, "http://127.0.0.1/", {},
                                          [&](error_code ec, http::detail::upgraded_response u) {
                                              CHECK(ec == errc::closed);
                                              CHECK_FALSE(u.stream);
                                              ++closed;
                                          });
    CHECK(closed == 0);
    bed.run();
    CHECK(closed == 3);
}

TEST_CASE("what the system reports is kept, and a line of text names host and port",
          "[http][fault-19]") {
    client_bed bed;
    const auto [url, expected, text] = GENERATE(table<std::string, error_code, std::string>(
        {{"http://127.0.0.1:9/a?secret", net::error::connection_refused,
          "127.0.0.1:9: Connection refused"},
         {"http://[::1]:9/", net::error::connection_refused, "[::1]:9: Connection refused"},
         {"http://user:pass@nowhere.example/", errc::name_not_resolved,
          "nowhere.example:80: the host name has no address"},
         {"http://127.0.0.1/", net::error::connection_reset,
          "127.0.0.1:80: Connection reset by peer"},
         {"nonsense", errc::bad_url, ""}}));
    CAPTURE(url);
    diagnostics detail("of before");
    std::optional<error_code> error;
    bed.client->async_request(url, {}, detail, [&](error_code ec, http::response) { error = ec; });
    bed.run();
    bed.sim().reset_all();
    bed.run();
    CHECK(error == expected);
    CHECK((*error == condition::retryable) == (expected != errc::bad_url));
    CHECK(detail.message() == text);
}

TEST_CASE("a request that succeeds has no text of an error", "[http]") {
    client_bed bed;
    diagnostics detail("of before");
    std::optional<error_code> error;
    bed.client->async_request("http://127.0.0.1/", {}, detail,
                              [&](error_code ec, http::response) { error = ec; });
    bed.run();
    bed.peers().at(0)->send(ok);
    bed.run();
    CHECK(error == error_code());
    CHECK(detail.empty());
}
