// SPDX-License-Identifier: BSL-1.0
// What a proxy is asked, and what becomes of its answers.
#include "support/proxy_bed.hpp"

#include <stdexcept>

TEST_CASE("a proxy is asked for the address that was judged, and for no name", "[http]") {
    proxy_bed bed;
    bed.start();
    REQUIRE(bed.asked().size() == 1);
    CHECK(bed.asked()[0]->take() == connect_head("8.8.4.4:80"));
    CHECK(bed.judged == std::vector<std::string>{"8.8.4.4"});
    CHECK_FALSE(bed.ended);
    bed.answer(opened);
    REQUIRE(bed.stream);
    CHECK(bed.stream->remote_address() == "8.8.4.4:80");
    CHECK_FALSE(bed.stream->remote_is_loopback());
    CHECK(bed.phases == std::vector{io::connect_phase::resolve, io::connect_phase::connect});

    auto through = std::make_unique<http_peer>(std::move(bed.stream));
    through->send("to the target");
    bed.run();
    CHECK(bed.asked()[0]->take() == "to the target");
    bed.answer("from the target");
    CHECK(through->take() == "from the target");
    bed.asked()[0]->close();
    bed.run();
    CHECK(through->ended() == net::error::eof);
}

TEST_CASE("addresses that the filter refuses are never asked for", "[http]") {
    proxy_bed bed;
    bed.sim().add_name("target.example", {"127.0.0.1", "::1"});
    bed.start();
    CHECK(bed.ended == error_code(errc::address_refused));
    CHECK(bed.asked().empty());
    CHECK(bed.sim().connections() == 0);

    bed.sim().add_name("target.example", {"127.0.0.1", "2001:4860:4860::8888"});
    bed.start();
    REQUIRE(bed.asked().size() == 1);
    CHECK(bed.asked()[0]->take() == connect_head("[2001:4860:4860::8888]:80"));
    bed.answer(opened);
    REQUIRE(bed.stream);
    CHECK(bed.stream->remote_address() == "[2001:4860:4860::8888]:80");

    bed.start({.host = "nowhere.example", .port = 80});
    CHECK(bed.ended == error_code(errc::name_not_resolved));
    // What only this machine could make sense of.
    bed.start(
        {.host = "fe80::1%1", .port = 80, .address_filter = [](const auto&) { return true; }});
    CHECK(bed.ended == error_code(errc::address_refused));
    CHECK(bed.asked().size() == 1);
}

TEST_CASE("addresses that are known are not resolved again on the way to a proxy", "[http]") {
    proxy_bed bed;
    bed.start(
        {.host = "never.example", .port = 8080, .addresses = {net::ip::make_address("9.9.9.9")}});
    REQUIRE(bed.asked().size() == 1);
    CHECK(bed.asked()[0]->take() == connect_head("9.9.9.9:8080"));
    CHECK(bed.judged == std::vector<std::string>{"9.9.9.9"});
    CHECK(bed.phases == std::vector{io::connect_phase::connect});
}

TEST_CASE("a proxy that reaches no address is asked for the next one", "[http]") {
    proxy_bed bed;
    bed.start();
    bed.answer("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 4\r\n\r\nnope");
    CHECK(bed.asked()[0]->ended() == net::error::eof);
    REQUIRE(bed.asked().size() == 2);
    CHECK(bed.asked()[1]->take() == connect_head("[2001:4860:4860::8888]:80"));
    bed.advance(4s);
    CHECK(bed.asked().size() == 2);
    bed.advance(1s);  // the proxy says nothing
    REQUIRE(bed.asked().size() == 3);
    CHECK(bed.asked()[2]->take() == connect_head("8.8.8.8:80"));
    CHECK_FALSE(bed.ended);
    SECTION("until there is none") {
        bed.answer("HTTP/1.1 403 Forbidden\r\n\r\n");
        CHECK(bed.ended == error_code(errc::proxy_refused));
        CHECK(bed.logged ==
              std::vector<std::string>{
                  "the proxy answered 502 to CONNECT: the proxy refused the connection to the "
                  "target",
                  "the proxy answered 403 to CONNECT: the proxy refused the connection to the "
                  "target"});
    }
    SECTION("or the last one takes too long") {
        bed.advance(5s);
        CHECK(bed.ended == error_code(errc::timed_out));
    }
    SECTION("or it opens one") {
        bed.answer("HTTP/1.0 200 OK\r\n\r\n");
        REQUIRE(bed.stream);
        CHECK(bed.stream->remote_address() == "8.8.8.8:80");
        bed.advance(1h);
        CHECK(bed.asked()[2]->open());
    }
}

TEST_CASE("a proxy that wants credentials is not asked again, and given those that there are",
          "[http]") {
    proxy_bed bed({.host = "127.0.0.1", .user = "aladdin", .password = "open sesame"});
    bed.start();
    REQUIRE(bed.asked().size() == 1);
    CHECK(
        bed.asked()[0]->take() ==
        connect_head("8.8.4.4:80", "Proxy-Authorization: Basic YWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n"));
    bed.answer(
        "HTTP/1.1 407 Proxy Authentication Required\r\n"
        "Proxy-Authenticate: Basic realm=\"x\"\r\n\r\n");
    CHECK(bed.ended == error_code(errc::proxy_unauthorized));
    CHECK(bed.asked().size() == 1);
    CHECK(bed.logged ==
          std::vector<std::string>{"the proxy answered 407 to CONNECT: the proxy wants other "
                                   "credentials"});

    proxy_bed bearer({.authorization = "Bearer abc"});
    bearer.start();
    REQUIRE(bearer.asked().size() == 1);
    CHECK_THAT(bearer.asked()[0]->take(), Contains("\r\nProxy-Authorization: Bearer abc\r\n"));
}

TEST_CASE("what is no answer to CONNECT ends the connection to the proxy", "[http]") {
    proxy_bed bed;
    bed.start();
    SECTION("garbage") {
        bed.answer("SSH-2.0-OpenSSH_9.2\r\n\r\n");
    }
    SECTION("a head without end") {
        bed.answer("HTTP/1.1 200 OK\r\n");
        for (int i = 0; i < 200 && !bed.ended; ++i)
            bed.answer("X-Filler: " + std::string(90, 'x') + "\r\n");
        CHECK(bed.asked()[0]->unsent() == 0);
    }
    SECTION("interim answers without end") {
        for (int i = 0; i < 17 && !bed.ended; ++i) bed.answer("HTTP/1.1 100 Continue\r\n\r\n");
    }
    SECTION("another protocol") {
        bed.answer("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n");
    }
    SECTION("the end") {
        bed.answer("HTTP/1.1 200 OK\r\n");
        bed.asked()[0]->close();
        bed.run();
    }
    CHECK(bed.ended == error_code(errc::proxy_failed));
    CHECK(bed.asked().size() == 1);
    CHECK_FALSE(bed.asked()[0]->open());
    CHECK(bed.logged.size() == 1);
}

TEST_CASE("a proxy that answers before it has read the request is refused", "[http]") {
    proxy_bed bed;
    bed.proxy.reset();
    bed.sim().set_link({.buffer_bytes = 16});  // of which it reads nothing
    error_code ec;
    io::stream_ptr silent;
    const auto acceptor = bed.sim().listen(bed.io().get_executor(), {.port = proxy_port}, ec);
    acceptor->start_accept(bed.io().get_executor(),
                           [&](error_code, io::stream_ptr s) { silent = std::move(s); });
    bed.start();
    REQUIRE(silent);
    for (std::string_view rest = opened; !rest.empty() && !bed.ended; bed.run())
        rest.remove_prefix(silent->try_write(bytes_of(rest), ec));
    CHECK(bed.ended == error_code(errc::proxy_failed));
}

TEST_CASE("a proxy that is not there is another error than a target that is not", "[http]") {
    proxy_bed bed;
    bed.proxy.reset();
    bed.start();
    CHECK(bed.ended == error_code(errc::proxy_failed));
    REQUIRE(bed.logged.size() == 1);
    CHECK_THAT(bed.logged[0], Contains("the proxy cannot be reached: Connection refused"));
    bed.proxy.emplace(bed, proxy_port);
}

TEST_CASE("a proxy to which no connection is made in time has failed", "[http]") {
    proxy_bed bed;
    bed.sim().set_link({.connect = sim_link::on_connect::hang});
    bed.start();
    bed.advance(5s);
    CHECK(bed.ended == error_code(errc::proxy_failed));
    CHECK(bed.judged.size() == 1);
}

TEST_CASE("a proxy that answers for itself has failed, where no other address is left", "[http]") {
    proxy_bed bed;
    const auto status = GENERATE(405, 429, 501, 505, 599);
    const auto own = "HTTP/1.1 " + std::to_string(status) + " x\r\n\r\n";
    SECTION("there is none") {
        bed.sim().add_name("target.example", {"8.8.4.4"});
        bed.start();
        bed.answer(own);
        CHECK(bed.ended == error_code(errc::proxy_failed));
        CHECK(bed.asked().size() == 1);
        CHECK(bed.logged ==
              std::vector<std::string>{"the proxy answered " + std::to_string(status) +
                                       " to CONNECT: the proxy failed"});
    }
    SECTION("it takes another") {
        bed.start();
        bed.answer(own);
        REQUIRE(bed.asked().size() == 2);
        bed.answer(opened);
        CHECK(bed.stream);
    }
    SECTION("the last one is a target's fault") {
        bed.start();
        for (const auto& text : {own, own, std::string("HTTP/1.1 500 x\r\n\r\n")}) bed.answer(text);
        CHECK(bed.asked().size() == 3);
        CHECK(bed.ended == error_code(errc::proxy_refused));
    }
}

TEST_CASE("a proxy that answers nobody has failed, and is no target's fault", "[http]") {
    proxy_bed bed;
    bed.sim().add_name("target.example", {"8.8.4.4"});
    bed.sim().add_name("same.example", {"8.8.4.4"});
    bed.sim().add_name("other.example", {"9.9.9.9"});
    const auto wait_in_vain = [&](const std::string& host, std::vector<std::string> known = {}) {
        io::connect_options to{.host = host, .port = 80};
        for (const auto& k : known) to.addresses.push_back(net::ip::make_address(k));
        bed.start(std::move(to));
        bed.advance(5s);
        REQUIRE(bed.ended);
        return *bed.ended;
    };
    const auto is_target = [](error_code ec) { return ec == errc::timed_out; };
    CHECK(is_target(wait_in_vain("target.example")));
    CHECK(is_target(wait_in_vain("target.example")));
    CHECK(is_target(wait_in_vain("same.example")));                 // another name of it
    CHECK(is_target(wait_in_vain("target.example", {"8.8.8.8"})));  // another address of it
    CHECK(wait_in_vain("other.example") == errc::proxy_failed);
    CHECK(bed.logged.back() ==
          "the proxy answers nobody: " + make_error_code(errc::timed_out).message());
    CHECK(wait_in_vain("target.example") == errc::proxy_failed);
    SECTION("until it answers somebody, whatever that is") {
        bed.start();
        bed.answer("HTTP/1.1 502 Bad Gateway\r\n\r\n");
        CHECK(is_target(wait_in_vain("other.example")));
        CHECK(wait_in_vain("target.example") == errc::proxy_failed);
    }
    SECTION("which an interim answer is not") {
        bed.start();
        bed.answer("HTTP/1.1 100 Continue\r\n\r\n");
        bed.advance(5s);
        CHECK(bed.ended == error_code(errc::proxy_failed));
    }
}

TEST_CASE("an answer that trickles has the time of one address", "[http]") {
    proxy_bed bed({.connect_timeout = 2s});
    bed.sim().add_name("target.example", {"8.8.4.4"});
    bed.start();
    SECTION("and no more") {
        for (const char c : std::string_view("HTTP/1.1 200 OK\r\nX: ")) {
            bed.answer(std::string(1, c));
            bed.advance(100ms);
        }
        CHECK(bed.ended == error_code(errc::timed_out));
        CHECK(bed.asked()[0]->ended() == net::error::eof);
    }
    SECTION("in which it may come byte by byte, behind interim answers") {
        for (const char c : "HTTP/1.1 100 Continue\r\n\r\n" + opened) bed.answer(std::string(1, c));
        CHECK(bed.stream);
    }
}

TEST_CASE("what comes behind the head of a proxy's answer is the target's", "[http]") {
    proxy_bed bed;
    bed.start();
    // The fields of a body mean nothing here (RFC 9110 9.3.6).
    const std::string field =
        GENERATE("", "Content-Length: 3\r\n", "Transfer-Encoding: chunked\r\n");
    bed.answer("HTTP/1.1 200 OK\r\n" + field + "\r\nearly ");
    REQUIRE(bed.stream);
    SECTION("however it is read") {
        std::array<std::byte, 4> few{};
        error_code ec;
        CHECK(bed.stream->try_read(few, ec) == 4);
        CHECK_FALSE(ec);
        CHECK(text_of(few) == "earl");
        bool ready = false;
        bed.stream->start_wait(io::wait_for::readable, [&](error_code e) { ready = !e; });
        CHECK_FALSE(ready);
        bed.run();
        CHECK(ready);
        std::optional<std::size_t> read;
        bed.stream->start_read(few, [&](error_code, std::size_t n) { read = n; });
        CHECK_FALSE(read);
        bed.run();
        CHECK(read == 2U);
        CHECK(text_of(few) == "y rl");
        CHECK(bed.stream->try_read(few, ec) == 0);
        CHECK(ec == net::error::would_block);
    }
    SECTION("before what comes later") {
        http_peer through(std::move(bed.stream));
        bed.answer("late");
        CHECK(through.take() == "early late");
    }
    SECTION("unless it is closed") {
        std::array<std::byte, 4> few{};
        error_code ec;
        bed.stream->start_read(few, [&](error_code e, std::size_t) { ec = e; });
        bed.stream->close();
        bed.run();
        CHECK(ec == net::error::operation_aborted);
        bed.stream->start_read(few, [&](error_code, std::size_t) { FAIL("it is gone"); });
        bed.stream.reset();
        bed.run();
    }
}

TEST_CASE("hosts may be connected to without the proxy", "[http]") {
    proxy_bed bed({.direct = {"inner.example", ".svc.example", "127.0.0.1"}});
    raw_listener target(bed, 80);
    const auto anything = [](const net::ip::address&) { return true; };
    for (const auto* const name :
         {"inner.example", "INNER.example.", "a.svc.example", "127.0.0.1"}) {
        CAPTURE(name);
        bed.sim().add_name(name, {"127.0.0.1"});
        bed.start({.host = name, .port = 80, .address_filter = anything});
        CHECK(bed.stream);
        bed.stream.reset();
        bed.start({.host = name, .port = 80});  // judged all the same
        CHECK(bed.ended == error_code(errc::address_refused));
    }
    CHECK(target.peers.size() == 4);
    CHECK(bed.asked().empty());
    std::size_t asked = 0;
    for (const auto* const name : {"xinner.example", "a.inner.example", "svc.example", "example"}) {
        CAPTURE(name);
        bed.sim().add_name(name, {"127.0.0.1"});
        bed.start({.host = name, .port = 80, .address_filter = anything});
        CHECK(bed.asked().size() == ++asked);
        std::exchange(bed.cancel, nullptr)();
    }
    error_code ec;
    CHECK(bed.network->listen(bed.io().get_executor(), {.port = 81}, ec));
    CHECK_FALSE(ec);
    target.peers.clear();
}

TEST_CASE("a proxy without a place, or with credentials that cannot be sent, is refused",
          "[http]") {
    sim_network sim;
    const auto made = [&](http::proxy_options o) {
        return http::make_proxy_network(sim, std::move(o));
    };
    using wrong = std::invalid_argument;
    CHECK_THROWS_AS(made({}), wrong);
    CHECK_THROWS_AS(made({.host = "a", .port = 0}), wrong);
    CHECK_THROWS_AS(made({.host = "a", .user = "b:c"}), wrong);
    CHECK_THROWS_AS(made({.host = "a", .user = "b\r\n"}), wrong);
    CHECK_THROWS_AS(made({.host = "a", .password = "b\n"}), wrong);
    CHECK_THROWS_AS(made({.host = "a", .authorization = "Bearer b\r\nX: y"}), wrong);
    CHECK_THROWS_AS(made({.host = "a", .user = "b", .authorization = "Bearer c"}), wrong);
    CHECK(made({.unix_path = "/run/proxy"}));
    CHECK_THROWS_WITH(made({.host = "https://proxy.example"}), Contains("no URL"));
}
