// SPDX-License-Identifier: BSL-1.0
// Authenticators and authorizers that answer later.
#include "support/access_bed.hpp"

#include <algorithm>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

namespace tidings::test {

namespace {

std::string request_of(int kind, std::string_view fields = "Authorization: ann\r\n") {
    switch (kind) {
        case 0:
            return access_bed::post_request("a", "x", fields);
        case 1:
            return access_bed::get_request("/topics/a?after=", fields);
        case 2:
            return access_bed::get_request("/events?topic=a", fields);
        default:
            return upgrade_request("/ws?topic=a", fields);
    }
}

constexpr unsigned success[] = {202, 200, 200, 101};

}  // namespace

TEST_CASE("a request waits for its authenticator", "[access]") {
    const int kind = GENERATE(0, 1, 2, 3);
    CAPTURE(kind);
    const auto who = std::make_shared<identities>();
    access_bed bed({.authenticator = asking(who)});
    const auto peer = bed.send(request_of(kind));
    REQUIRE(who->list() == strings{"ann"});
    CHECK(peer->received().empty());
    CHECK(bed.published().empty());
    who->asked[0].give(named("ann"));
    CHECK(peer->received().empty());  // never inside
    bed.run();
    CHECK(status_of(*peer) == success[kind]);
    CHECK(bed.published().size() == (kind == 0 ? 1 : 0));
    who->asked.clear();
}

TEST_CASE("what an authenticator does not answer with a principal is refused", "[access]") {
    const int kind = GENERATE(0, 1, 2, 3);
    CAPTURE(kind);
    const auto who = std::make_shared<identities>();
    access_bed bed({.authenticator = asking(who)});
    const auto ask = [&](const std::function<void()>& answer) {
        const auto peer = bed.send(request_of(kind));
        REQUIRE(who->asked.size() == 1);
        answer();
        bed.run();
        who->asked.clear();
        bed.run();
        if (status_of(*peer) == 503) CHECK(field_of(peer->received(), "Retry-After") == "1");
        return status_of(*peer);
    };
    auto& asked = who->asked;
    CHECK(ask([&] { asked[0].fail(errc::unauthorized); }) == 401);
    CHECK(ask([&] { asked[0].fail(errc::not_found); }) == 401);
    CHECK(ask([&] { asked[0].fail(errc::connection_failed); }) == 503);
    CHECK(ask([&] { asked[0].fail(net::error::host_not_found); }) == 503);
    CHECK(ask([&] { asked[0].done.reset(); }) == 503);
    CHECK(ask([&] { bed.advance(5s); }) == 503);
    auto expired = named("ann");
    expired.expires = bed.clock.wall_now();
    CHECK(ask([&] { asked[0].give(expired); }) == 401);
    CHECK(bed.published().empty());
}

TEST_CASE("a service whose header nobody has looked at waits as well", "[access]") {
    const int kind = GENERATE(0, 1, 2, 3);
    CAPTURE(kind);
    const auto who = std::make_shared<identities>();
    access_bed bed({.authenticator = asking(who)});
    auto direct = bed.server_at(81);
    direct.mount("/topics", [&](http::exchange& x) { bed.topics.handle(x); });
    direct.mount("/events", [&](http::exchange& x) { bed.events.handle(x); });
    direct.mount("/ws", [&](http::exchange& x) { bed.ws.handle(x); });
    direct.start();
    const bool granted = GENERATE(false, true);
    const auto peer = bed.connect(81);
    peer->send(request_of(kind));
    bed.run();
    CHECK(peer->received().empty());
    REQUIRE(who->asked.size() == 1);
    if (granted)
        who->asked[0].give(named("ann"));
    else
        who->asked[0].fail(errc::unauthorized);
    bed.run();
    CHECK(status_of(*peer) == (granted ? success[kind] : 401));
    who->asked.clear();
}

TEST_CASE("a decision counts once, and not when it is late", "[access]") {
    const auto who = std::make_shared<identities>();
    access_bed bed({.authenticator = asking(who)});
    const auto first = bed.send(request_of(0));
    who->asked[0].give(named("ann"));
    who->asked[0].fail(errc::unauthorized);
    bed.run();
    CHECK(status_of(*first) == 202);
    who->asked.clear();

    const auto second = bed.send(request_of(0));
    bool cancelled = false;
    who->asked[0].done->get_cancellation_slot().assign(
        [&](net::cancellation_type) { cancelled = true; });
    bed.advance(4900ms);
    CHECK_FALSE(cancelled);
    bed.advance(200ms);
    CHECK(cancelled);
    CHECK(status_of(*second) == 503);
    who->asked[0].give(named("ann"));
    bed.run();
    CHECK(bed.published().size() == 1);
    who->asked.clear();
}

TEST_CASE("a handler may outlive the service, its server and their context", "[access]") {
    const auto who = std::make_shared<identities>();
    const auto may = std::make_shared<permissions>();
    std::optional<access_bed> bed(std::in_place, http::stream_policy{.authenticator = asking(who)});
    auto peer = bed->send(request_of(2));
    peer.reset();
    bed->web.reset();
    bed->run();
    who->asked[0].give(named("ann"));
    bed->run();
    peer.reset();
    bed.reset();
    who->asked.clear();
}

TEST_CASE("a context may end while questions wait", "[access]") {
    const auto who = std::make_shared<identities>();
    const auto may = std::make_shared<permissions>();
    bool later = true;
    bool later_may = true;
    std::optional<access_bed> bed(
        std::in_place,
        http::stream_policy{
            .authenticator =
                [&](owned_credentials c, decision_handler<principal> done) {
                    if (!later) return done({}, named(c.authorization));
                    who->asked.push_back({c.authorization, std::move(done)});
                },
            .authorizer =
                [&](principal p, action, std::string topic, decision_handler<permission> done) {
                    if (!later_may) return done({}, true);
                    may->asked.push_back({p.name + topic, std::move(done)});
                },
            .max_pending_auth = 16});
    std::vector<std::unique_ptr<http_peer>> peers;
    for (int kind = 0; kind < 4; ++kind) peers.push_back(bed->send(request_of(kind)));
    later = false;
    for (int kind = 0; kind < 4; ++kind) peers.push_back(bed->send(request_of(kind)));
    later_may = false;
    for (int kind = 2; kind < 4; ++kind) peers.push_back(bed->send(request_of(kind)));
    peers.push_back(bed->send(bed->get_request("/topics/a?wait=50s")));
    later_may = true;
    peers[9]->send(event_message("a", "1") + event_message("a", "2"));
    bed->run();
    later = GENERATE(false, true);
    // What opens now is rechecked first.
    const auto all = [](const principal&) { return true; };
    for (int i = 0; i < 2; ++i) {
        bed->ws.async_recheck(all, [](error_code) {});
        bed->events.async_recheck(all, [](error_code) {});
        bed->topics.async_recheck(all, [](error_code) {});
    }
    bed->run();
    for (std::size_t i = 0; i < 4; ++i) may->asked[i].give(true);
    bed->run();
    peers.clear();
    if (GENERATE(false, true)) bed->web.reset();
    bed->hub->publish("a", event("test", "/test", "x"));
    bed->watch = {};
    bed->destroy_context();
    who->asked.clear();
    may->asked.clear();
    bed.reset();
}

TEST_CASE("at most so many questions have no answer", "[access]") {
    const auto who = std::make_shared<identities>();
    access_bed bed({.authenticator = asking(who), .max_pending_auth = 2});
    const auto first = bed.send(request_of(0));
    const auto second = bed.send(request_of(1));
    const auto third = bed.send(request_of(0));
    CHECK(status_of(*third) == 503);
    CHECK(field_of(third->received(), "Retry-After") == "1");
    CHECK(who->asked.size() == 2);
    who->asked[0].give(named("ann"));
    bed.run();
    const auto fourth = bed.send(request_of(0));
    CHECK(who->asked.size() == 3);
    // A deadline makes room, too.
    bed.advance(5100ms);
    CHECK(status_of(*second) == 503);
    CHECK(status_of(*fourth) == 503);
    const auto fifth = bed.send(request_of(0));
    REQUIRE(who->asked.size() == 4);
    who->asked[3].give(named("ann"));
    bed.run();
    CHECK(status_of(*fifth) == 202);
    who->asked.clear();
}

TEST_CASE("no body is read before its authenticator has answered", "[access]") {
    const auto who = std::make_shared<identities>();
    access_bed bed({.authenticator = asking(who)});
    const std::string head =
        "POST /topics/a HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\n"
        "Expect: 100-continue\r\n\r\n";
    const auto peer = bed.send(head);
    CHECK(peer->received().empty());
    who->asked[0].give(named("ann"));
    bed.run();
    CHECK(peer->take() == "HTTP/1.1 100 Continue\r\n\r\n");
    peer->send("hello" + head);
    bed.run();
    CHECK(status_of(*peer) == 202);
    CHECK(bed.published() == strings{"a=hello"});
    // The next request on the connection is asked about by itself.
    REQUIRE(who->asked.size() == 2);
    peer->take();
    who->asked[1].fail(errc::unauthorized);
    bed.run();
    CHECK(status_of(*peer) == 401);
    CHECK(field_of(peer->received(), "Connection") == "close");
    who->asked.clear();
}

TEST_CASE("a drain refuses what has no answer", "[access]") {
    const int kind = GENERATE(0, 1, 2, 3);
    const bool server_drains = GENERATE(false, true);
    CAPTURE(kind, server_drains);
    const auto who = std::make_shared<identities>();
    const auto may = std::make_shared<permissions>();
    const bool authorizing = GENERATE(false, true);
    access_bed bed({.authenticator = authorizing ? by_name() : asking(who),
                    .authorizer = authorizing ? asking(may) : authorizer()});
    const auto peer = bed.send(request_of(kind));
    if (server_drains)
        bed.web->async_drain([](error_code) {});
    else
        bed.topics.drain(), bed.events.drain(), bed.ws.drain();
    bed.run();
    CHECK(status_of(*peer) == 503);
    if (!authorizing) who->asked[0].give(named("ann"));
    if (authorizing) may->asked[0].give(true);
    bed.run();
    CHECK(bed.published().empty());
    who->asked.clear();
    may->asked.clear();
}

TEST_CASE("a client that has ended its side is answered", "[access]") {
    const int kind = GENERATE(0, 1);
    const bool authorizing = GENERATE(false, true);
    CAPTURE(kind, authorizing);
    const auto who = std::make_shared<identities>();
    const auto may = std::make_shared<permissions>();
    access_bed bed({.authenticator = authorizing ? by_name() : asking(who),
                    .authorizer = authorizing ? asking(may) : authorizer()});
    const auto peer = bed.send(request_of(kind));
    peer->shutdown();
    bed.run();
    if (authorizing)
        may->asked.at(0).give(true);
    else
        who->asked.at(0).give(named("ann"));
    bed.run();
    CHECK(status_of(*peer) == success[kind]);
    CHECK(bed.published().size() == (kind == 0 ? 1 : 0));
    CHECK(bed.web->connections() == 0);
    who->asked.clear();
    may->asked.clear();
}

TEST_CASE("a stream may be asked for behind a long poll", "[access]") {
    const int kind = GENERATE(2, 3);
    CAPTURE(kind);
    access_bed bed;
    const auto peer = bed.send(bed.get_request("/topics/a?wait=10s") + request_of(kind, ""));
    CHECK(peer->received().empty());
    bed.publish("a", "1");
    const auto answers = peer->take();
    CHECK(answers.starts_with("HTTP/1.1 200 OK\r\n"));
    CHECK(answers.find("\r\n\r\n[{") != std::string::npos);
    CHECK(answers.find("]HTTP/1.1 " + std::to_string(success[kind])) != std::string::npos);
    bed.publish("a", "2");
    CHECK(peer->received().find("\"2\"") != std::string::npos);
}

TEST_CASE("what a peer that has left wanted to publish is published, once that is granted",
          "[access]") {
    const auto may = std::make_shared<permissions>();
    access_bed bed({.authenticator = by_name(), .authorizer = asking(may)});
    auto peer = bed.send(request_of(0));
    REQUIRE(may->list() == strings{"ann publish a"});
    peer.reset();
    bed.run();
    CHECK(bed.published().empty());
    may->asked[0].give(true);
    bed.run();
    CHECK(bed.published() == strings{"a=x"});
    CHECK(bed.web->connections() == 0);
    may->asked.clear();
}

TEST_CASE("an authorizer is asked for each pattern, and for nothing that it matches", "[access]") {
    const int kind = GENERATE(1, 2, 3);
    CAPTURE(kind);
    const auto may = std::make_shared<permissions>();
    access_bed bed({.authenticator = by_name(), .authorizer = asking(may)});
    for (const auto* topic : {"a.1", "a.2", "b"}) bed.publish(topic, "x");
    const std::string query =
        kind == 1 ? "/topics/a.*?topic=b&after=" : "?topic=a.*&topic=b&after=";
    const auto request = [&] {
        const std::string ann = "Authorization: ann\r\n";
        if (kind == 1) return access_bed::get_request(query, ann);
        if (kind == 2) return access_bed::get_request("/events" + query, ann);
        return upgrade_request("/ws" + query, ann);
    };
    const auto peer = bed.send(request());
    CHECK(may->list() == strings{"ann subscribe a.*"});
    may->asked[0].give(true);
    bed.run();
    CHECK(may->list() == strings{"ann subscribe a.*", "ann subscribe b"});
    CHECK(peer->received().empty());
    may->asked[1].give(true);
    bed.run();
    CHECK(may->asked.size() == 2);
    const auto& text = peer->received();
    for (const auto* topic : {"\"a.1\"", "\"a.2\"", "\"b\""})
        CHECK(text.find(topic) != std::string::npos);

    may->asked.clear();
    const auto denied = bed.send(request());
    may->asked[0].give(false);
    bed.run();
    CHECK(may->asked.size() == 1);
    CHECK(status_of(*denied) == 403);
    CHECK(denied->received().find("subscribe a.*") != std::string::npos);
    may->asked.clear();

    const auto unknown = bed.send(request());
    may->asked[0].give(true);
    bed.run();
    may->asked[1].fail(errc::connection_failed);
    bed.run();
    CHECK(status_of(*unknown) == 503);
    may->asked.clear();
}

TEST_CASE("a granted pattern brings the same from the history as live", "[access]") {
    const int kind = GENERATE(1, 2, 3);
    CAPTURE(kind);
    access_bed bed({.authorizer = [](const principal&, action, std::string_view topic) {
        return topic == "a.*";
    }});
    bed.publish("a.secret", "old");
    const auto peer = bed.send(kind == 1   ? bed.get_request("/topics/a.*?after=")
                               : kind == 2 ? bed.get_request("/events?topic=a.*&after=")
                                           : upgrade_request("/ws?topic=a.*&after="));
    CHECK(peer->received().find("old") != std::string::npos);
    if (kind == 1) return;
    bed.publish("a.secret", "new");
    CHECK(peer->received().find("new") != std::string::npos);
}

TEST_CASE("coroutines may decide", "[access]") {
    const int kind = GENERATE(0, 1, 2, 3);
    CAPTURE(kind);
    auto gate = std::make_shared<std::function<void()>>();
    const auto pause = [gate] {
        return net::async_initiate<const net::use_awaitable_t<>, void()>(
            [gate](auto handler) {
                auto held = std::make_shared<decltype(handler)>(std::move(handler));
                *gate = [held] { std::move (*held)(); };
            },
            net::use_awaitable);
    };
    bool throws = false;
    access_bed bed(
        {.authenticator = [&, pause](owned_credentials c) -> net::awaitable<principal> {
             co_await pause();
             if (throws) throw boost::system::system_error(errc::unauthorized);
             co_return named(c.authorization);
         },
         .authorizer = [](principal p, action, std::string topic) -> net::awaitable<bool> {
             co_return p.name == "ann" && topic == "a";
         }});
    const auto ask = [&](std::string_view fields) {
        const auto peer = bed.send(request_of(kind, fields));
        CHECK(peer->received().empty());
        std::exchange(*gate, nullptr)();
        bed.run();
        return status_of(*peer);
    };
    CHECK(ask("Authorization: ann\r\n") == success[kind]);
    CHECK(ask("Authorization: bob\r\n") == 403);
    throws = true;
    CHECK(ask("Authorization: ann\r\n") == 401);
}

TEST_CASE("a function that throws has decided nothing", "[access]") {
    const int kind = GENERATE(0, 1, 2, 3);
    const bool authorizing = GENERATE(false, true);
    access_bed bed(
        {.authenticator =
             [=](owned_credentials c, decision_handler<principal> done) {
                 if (!authorizing) throw std::runtime_error("no");
                 done({}, named(c.authorization));
             },
         .authorizer = [](principal, action, std::string,
                          decision_handler<permission>) { throw std::runtime_error("no"); }});
    CHECK(status_of(*bed.send(request_of(kind))) == 503);
    CHECK(bed.published().empty());
    CHECK(std::count(bed.logged.begin(), bed.logged.end(), "no") == 1);
}

TEST_CASE("a plain function is asked at once, and a copy of it can be asked by others",
          "[access]") {
    const authenticator plain = by_name();
    CHECK_FALSE(plain.is_asynchronous());
    error_code ec;
    CHECK(plain({.authorization = "ann"}, ec).name == "ann");
    std::optional<std::string> found;
    plain.ask(owned_credentials({.authorization = "bob"}),
              {net::any_io_executor(), {}, [&](error_code, principal p) { found = p.name; }});
    CHECK(found == "bob");
    const auto may = std::make_shared<permissions>();
    const authorizer later = asking(may);
    CHECK(later.is_asynchronous());
    CHECK_FALSE(later(named("ann"), action::subscribe, "a"));
    CHECK(may->asked.empty());
    const authenticator never = asking(std::make_shared<identities>());
    never({}, ec);
    CHECK(ec == errc::undecided);
    CHECK_FALSE(authenticator());
    CHECK_FALSE(authorizer());
}

}  // namespace tidings::test
