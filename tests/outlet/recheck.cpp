// SPDX-License-Identifier: BSL-1.0
// What is open is asked again whether it may stay.
#include "support/access_bed.hpp"

#include <boost/asio/bind_executor.hpp>

#include <algorithm>
#include <map>
#include <set>
#include <stdexcept>

namespace tidings::test {

namespace {

/// Names and patterns that a test allows and revokes.
struct revoking_bed : access_bed {
    explicit revoking_bed(http::stream_policy p = {}) : access_bed(filled(std::move(p))) {}
    http::stream_policy filled(http::stream_policy p) {
        if (!p.authenticator)
            p.authenticator = [this](const credentials& c, error_code& ec) {
                if (gone.count(std::string(c.authorization)) != 0) ec = errc::unauthorized;
                return named(std::string(c.authorization));
            };
        if (!p.authorizer)
            p.authorizer = [this](const principal& who, action, std::string_view topic) {
                return gone.count(who.name + ' ' + std::string(topic)) == 0;
            };
        return p;
    }
    std::unique_ptr<http_peer> get(std::string_view target, const std::string& name = "ann") {
        return send(get_request(target, "Authorization: " + name + "\r\n"));
    }
    std::unique_ptr<http_peer> upgrade(std::string_view target, const std::string& name = "ann") {
        return send(upgrade_request(target, "Authorization: " + name + "\r\n"));
    }
    bool recheck_all(const std::string& name = {}) {
        const bool first = recheck(events, name);
        const bool second = recheck(ws, name);
        const bool third = recheck(topics, name);
        CHECK((first == second && second == third));
        return first && second && third;
    }
    std::set<std::string> gone;
};

}  // namespace

TEST_CASE("a recheck ends what its caller may not have any more", "[access]") {
    revoking_bed bed;
    const bool by_authenticator = GENERATE(false, true);
    const auto ws = bed.upgrade("/ws?topic=a.*&topic=b");
    const auto sse = bed.get("/events?topic=a.*&topic=b");
    const auto poll = bed.get("/topics/b?wait=60s");
    const auto other = bed.upgrade("/ws?topic=a.*&topic=b", "bob");
    const auto other_sse = bed.get("/events?topic=a.*&topic=b", "bob");
    CHECK(bed.recheck_all());
    bed.publish("a.1", "before");
    if (by_authenticator)
        bed.gone = {"ann"};
    else
        bed.gone = {"ann a.*", "ann b"};
    CHECK(bed.recheck_all("bob"));
    CHECK(close_code_of(frames(*ws)) == 0);
    CHECK(bed.recheck_all("ann"));
    CHECK(close_code_of(frames(*ws)) == (by_authenticator ? 3000 : 3003));
    CHECK(body_of(*sse).ends_with(" end"));
    CHECK(status_of(*poll) == (by_authenticator ? 401 : 403));
    bed.publish("b", "after");
    for (const auto* peer : {ws.get(), sse.get(), poll.get()})
        CHECK(peer->received().find("after") == std::string::npos);
    for (const auto* peer : {other.get(), other_sse.get()}) {
        CHECK(peer->received().find("before") != std::string::npos);
        CHECK(peer->received().find("after") != std::string::npos);
    }
}

TEST_CASE("a recheck narrows what loses some of its patterns", "[access]") {
    revoking_bed bed;
    const auto ws = bed.upgrade("/ws?topic=a.*&topic=b&topic=a.2");
    const auto sse = bed.get("/events?topic=a.*&topic=b&topic=a.2");
    bed.publish("a.1", "1");
    bed.gone = {"ann a.*"};
    CHECK(bed.recheck_all());
    for (const auto* topic : {"a.1", "a.2", "b"}) bed.publish(topic, "2");
    const strings expected{"a.1=1", "a.2=2", "b=2"};
    CHECK(show_events(frames(*ws)) == expected);
    CHECK(events_of(*sse) == expected);
    // It stays so, also once it is read from the history.
    bed.gone.clear();
    CHECK(bed.recheck_all());
    bed.publish("a.1", "3");
    CHECK(show_events(frames(*ws)) == expected);
}

TEST_CASE("once a recheck has completed nothing revoked leaves, from no queue", "[access]") {
    const int lost = GENERATE(0, 1, 2);
    const bool sse = GENERATE(false, true);
    const int size = GENERATE(100, 3000, 90'000);
    CAPTURE(lost, sse, size);
    revoking_bed bed;
    const auto peer = sse ? bed.get("/events?topic=a&topic=b") : bed.upgrade("/ws?topic=a&topic=b");
    peer->take();
    peer->stop_reading();
    const std::string padding(static_cast<std::size_t>(size), '.');
    for (int i = 0; i < 60; ++i) bed.publish(i % 2 == 0 ? "a" : "b", std::to_string(i) + padding);
    const strings lost_topics = lost == 0 ? strings{"a", "b"} : strings{lost == 1 ? "a" : "b"};
    for (const auto& topic : lost_topics) bed.gone.insert("ann " + topic);
    CHECK((sse ? bed.recheck(bed.events) : bed.recheck(bed.ws)));
    peer->resume_reading();
    bed.run();
    bed.publish("a", "last");
    bed.publish("b", "last");

    // What the network held then may arrive.
    constexpr std::size_t held_by_network = 64 * 1024 + 4096;
    const auto& all = peer->received();
    const auto events = [&](const std::string& bytes) {
        return sse ? show_stream(dechunked(bytes)) : show_events(frames_of(bytes));
    };
    const auto count = [](const strings& list, const strings& topics) {
        return std::count_if(list.begin(), list.end(), [&](const auto& e) {
            return std::any_of(topics.begin(), topics.end(),
                               [&](const auto& topic) { return e.starts_with(topic + '='); });
        });
    };
    const auto before = count(events(all.substr(0, held_by_network)), lost_topics);
    CHECK(count(events(all), lost_topics) == before);
    if (size > 1000) CHECK(before < 22);
    const bool open = (sse ? bed.events.sessions() : bed.ws.sessions()) == 1;
    // A frame of something lost that has begun ends the connection.
    if (lost == 1 && size == 90'000) CHECK_FALSE(open);
    if (lost == 2 && size == 90'000) CHECK(open);
    if (lost != 0 && size == 100) CHECK(open);
    if (lost != 0 && open) CHECK(count(events(all), {lost == 1 ? "b" : "a"}) == 31);
}

TEST_CASE("a recheck asks asynchronous functions, and completes when they have answered",
          "[access]") {
    const auto who = std::make_shared<identities>();
    const auto may = std::make_shared<permissions>();
    bool later = false;
    revoking_bed bed(
        {.authenticator =
             [&](owned_credentials c, decision_handler<principal> done) {
                 if (!later) return done({}, named(c.authorization));
                 who->asked.push_back({c.authorization, std::move(done)});
             },
         .authorizer =
             [&](principal p, action, std::string topic, decision_handler<permission> done) {
                 if (!later) return done({}, true);
                 may->asked.push_back({p.name + ' ' + topic, std::move(done)});
             },
         .max_pending_auth = 2});
    const auto ws = bed.upgrade("/ws?topic=a&topic=b");
    const auto sse = bed.upgrade("/ws?topic=a", "bob");
    const auto third = bed.upgrade("/ws?topic=a", "eve");
    later = true;
    auto over = std::make_shared<bool>(false);
    bed.ws.async_recheck([](const principal&) { return true; },
                         [over](error_code) { *over = true; });
    bed.run();
    CHECK(who->asked.size() == 2);  // the third waits for room
    for (std::size_t i = 0; i < who->asked.size(); ++i) {
        who->asked[i].give(named(who->asked[i].about));
        bed.run();
        CHECK_FALSE(*over);
    }
    CHECK(who->asked.size() == 3);
    for (std::size_t i = 0; i < may->asked.size(); ++i) {
        CHECK_FALSE(*over);
        may->asked[i].give(may->asked[i].about != "ann a" && may->asked[i].about != "bob a");
        bed.run();
    }
    CHECK(*over);
    CHECK(may->asked.size() == 4);
    bed.publish("a", "1");
    bed.publish("b", "2");
    CHECK(show_events(frames(*ws)) == strings{"b=2"});
    CHECK(close_code_of(frames(*sse)) == 3003);
    CHECK(show_events(frames(*third)) == strings{"a=1"});

    // No answer ends it, too.
    *over = false;
    bed.ws.async_recheck([](const principal& p) { return p.name == "eve"; },
                         [over](error_code) { *over = true; });
    bed.advance(4900ms);
    CHECK_FALSE(*over);
    bed.advance(200ms);
    CHECK(*over);
    CHECK(close_code_of(frames(*third)) == 1013);
    who->asked.clear();
    may->asked.clear();
}

TEST_CASE("a recheck asks what was asked before it began, and opens later", "[access]") {
    const int kind = GENERATE(0, 1, 2);
    CAPTURE(kind);
    const auto may = std::make_shared<permissions>();
    revoking_bed bed({.authorizer = asking(may)});
    const auto peer = kind == 0   ? bed.upgrade("/ws?topic=a&after=")
                      : kind == 1 ? bed.get("/events?topic=a&after=")
                                  : bed.get("/topics/a?after=&wait=10s");
    bed.publish("a", "secret");
    REQUIRE(may->asked.size() == 1);
    bool over = false;
    const auto all = [](const principal&) { return true; };
    const auto done = [&](error_code) { over = true; };
    if (kind == 0) bed.ws.async_recheck(all, done);
    if (kind == 1) bed.events.async_recheck(all, done);
    if (kind == 2) bed.topics.async_recheck(all, done);
    bed.run();
    CHECK(over);
    may->asked[0].give(true);
    bed.run();
    REQUIRE(may->asked.size() == 2);
    CHECK(peer->received().find("secret") == std::string::npos);
    const bool stays = GENERATE(false, true);
    may->asked[1].give(stays);
    bed.run();
    CHECK((peer->received().find("secret") != std::string::npos) == stays);
    if (!stays && kind == 0) CHECK(close_code_of(frames(*peer)) == 3003);
    if (!stays && kind == 1) CHECK(body_of(*peer).ends_with(" end"));
    if (!stays && kind == 2) CHECK(status_of(*peer) == 403);
    may->asked.clear();
}

TEST_CASE("a second recheck asks again what the first one has asked", "[access]") {
    const auto may = std::make_shared<permissions>();
    revoking_bed bed({.authorizer = asking(may)});
    const auto peer = bed.upgrade("/ws?topic=a");
    may->asked[0].give(true);
    bed.run();
    int over = 0;
    for (int i = 0; i < 3; ++i) {
        bed.ws.async_recheck([](const principal&) { return true; }, [&](error_code) { ++over; });
        bed.run();
    }
    REQUIRE(may->asked.size() == 2);
    may->asked[1].give(true);
    bed.run();
    CHECK(over == 0);
    REQUIRE(may->asked.size() == 3);
    may->asked[2].give(false);
    bed.run();
    CHECK(over == 3);
    CHECK(close_code_of(frames(*peer)) == 3003);
    may->asked.clear();
}

TEST_CASE("a recheck completes when what it asks about ends", "[access]") {
    const int how = GENERATE(0, 1, 2);
    const auto may = std::make_shared<permissions>();
    revoking_bed bed({.authorizer = asking(may)});
    auto peer = bed.get("/events?topic=a");
    may->asked[0].give(true);
    bed.run();
    bool over = false;
    bed.events.async_recheck([](const principal&) { return true; },
                             [&](error_code) { over = true; });
    bed.run();
    CHECK_FALSE(over);
    if (how == 0) peer.reset();
    if (how == 1) bed.events.close();
    if (how == 2) bed.events.drain();
    bed.run();
    if (how == 2) may->asked[1].give(true), bed.run();
    CHECK(over);
    may->asked.clear();
}

TEST_CASE("what a client publishes is decided for the principal that a recheck found", "[access]") {
    bool may_publish = true;
    access_bed bed({.authenticator =
                        [&](const credentials&, error_code&) {
                            auto p = named("ann");
                            if (may_publish) p.grants = {"publish"};
                            return p;
                        },
                    .authorizer = subscribe_only()});
    const auto peer = bed.send(upgrade_request("/ws?topic=none"));
    peer->send(event_message("a", "1"));
    bed.run();
    may_publish = false;
    CHECK(bed.recheck(bed.ws));
    peer->send(event_message("a", "2"));
    bed.run();
    CHECK(bed.published() == strings{"a=1"});
}

TEST_CASE("a recheck without sessions, and of a service that was moved from, completes",
          "[access]") {
    revoking_bed bed;
    CHECK(bed.recheck_all());
    auto kept = std::move(bed.events);
    error_code seen;
    bed.events.async_recheck([](const principal&) { return true; },
                             net::bind_executor(bed.io(), [&](error_code ec) { seen = ec; }));
    bed.run();
    CHECK(seen == errc::closed);
    bed.events = kept;
}

TEST_CASE("a function that throws at a recheck has no answer, and ends what it is asked about",
          "[access]") {
    const bool identifies = GENERATE(true, false);
    bool throws = false;
    const auto fail = [&] {
        if (throws) throw std::runtime_error("the database is away");
    };
    access_bed bed({.authenticator =
                        [&](const credentials&, error_code&) {
                            if (identifies) fail();
                            return named("ann");
                        },
                    .authorizer =
                        [&](const principal&, action, std::string_view) {
                            if (!identifies) fail();
                            return true;
                        }});
    const auto ws = bed.send(upgrade_request("/ws?topic=a"));
    const auto sse = bed.send(access_bed::get_request("/events?topic=a"));
    const auto poll = bed.send(access_bed::get_request("/topics/a?wait=60s"));
    throws = true;
    CHECK(bed.recheck(bed.ws));
    CHECK(bed.recheck(bed.events));
    CHECK(bed.recheck(bed.topics));
    CHECK(close_code_of(frames(*ws)) == 1013);
    CHECK(body_of(*sse).ends_with(" end"));
    CHECK(status_of(*poll) == 503);
}

TEST_CASE("a caller who is revoked while the body comes publishes nothing", "[access]") {
    revoking_bed bed;
    const auto whole = access_bed::post_request("a", "late", "Authorization: ann\r\n");
    const auto peer = bed.send(whole.substr(0, whole.size() - 2));
    bed.gone = {"ann"};
    CHECK(bed.recheck_all());
    peer->send(whole.substr(whole.size() - 2));
    bed.run();
    CHECK(status_of(*peer) == 401);
    CHECK(bed.published().empty());
}

}  // namespace tidings::test
