// SPDX-License-Identifier: BSL-1.0
// What a client sends, and makes of answers.
#include "support/http_client_bed.hpp"

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
