// SPDX-License-Identifier: BSL-1.0
// What a WebSocket client publishes while its authorizer takes its time.
#include "support/access_bed.hpp"

#include <tidings/event_json.hpp>

namespace tidings::test {

namespace {

/// Subscribes at once, publishes where the test says so.
struct publishing_bed : access_bed {
    explicit publishing_bed(std::size_t max_pending = 128, std::chrono::milliseconds timeout = 5s)
        : access_bed({.authenticator = by_name(),
                      .authorizer = asking_to_publish(),
                      .auth_timeout = timeout,
                      .max_pending_auth = max_pending}) {}
    authorizer asking_to_publish() {
        return [this](principal who, action what, std::string topic,
                      decision_handler<permission> done) {
            if (what == action::subscribe) return done({}, true);
            may->asked.push_back({who.name + ' ' + topic, std::move(done)});
        };
    }
    std::unique_ptr<http_peer> open(std::string_view name = "ann") {
        auto peer =
            send(upgrade_request("/ws?topic=none", "Authorization: " + std::string(name) + "\r\n"));
        REQUIRE(status_of(*peer) == 101);
        return peer;
    }
    void say(http_peer& peer, const std::string& bytes) {
        peer.send(bytes);
        run();
    }
    std::shared_ptr<permissions> may = std::make_shared<permissions>();
};

strings refusals(const http_peer& p) {
    strings all;
    for (const auto& text : payloads_of(frames(p)))
        if (text.find("tidings.refused") != std::string::npos)
            all.push_back(nlohmann::json::parse(text).at("data").at("error"));
    return all;
}

}  // namespace

TEST_CASE("a connection's publications keep their order behind one that waits", "[access]") {
    const bool apart = GENERATE(false, true);
    publishing_bed bed;
    const auto peer = bed.open();
    const auto other = bed.open("bob");
    const strings messages{event_message("a", "1"), event_message("b", "2"),
                           event_message("a", "3")};
    if (apart)
        for (const auto& m : messages) bed.say(*peer, m);
    else
        bed.say(*peer, messages[0] + messages[1] + messages[2]);
    CHECK(bed.may->list() == strings{"ann a"});
    CHECK(bed.published().empty());
    // Another's do not wait.
    bed.say(*other, event_message("a", "other"));
    REQUIRE(bed.may->list() == strings{"ann a", "bob a"});
    bed.may->asked[1].give(true);
    bed.run();
    CHECK(bed.published() == strings{"a=other"});

    bed.may->asked[0].give(true);
    bed.run();
    CHECK(bed.published() == strings{"a=other", "a=1"});
    REQUIRE(bed.may->list().back() == "ann b");
    bed.may->asked[2].give(false);
    bed.run();
    REQUIRE(bed.may->list().back() == "ann a");
    bed.may->asked[3].give(true);
    bed.run();
    CHECK(bed.published() == strings{"a=other", "a=1", "a=3"});
    CHECK(refusals(*peer) == strings{make_error_code(errc::forbidden).message()});
    CHECK(refusals(*other).empty());
    bed.may->asked.clear();
}

TEST_CASE("while a publication waits its connection is not read", "[access]") {
    publishing_bed bed;
    const auto peer = bed.open();
    std::string flood = event_message("a", "first");
    const std::string padding(50'000, '.');
    for (int i = 0; i < 40; ++i) flood += event_message("a", padding);
    bed.say(*peer, flood);
    CHECK(peer->unsent() > 1'000'000);
    bed.advance(1s);
    CHECK(peer->unsent() > 1'000'000);
    for (std::size_t i = 0; i < bed.may->asked.size(); ++i) {
        bed.may->asked[i].give(true);
        bed.run();
    }
    CHECK(bed.may->asked.size() == 41);
    CHECK(bed.published().size() == 41);
    CHECK(peer->unsent() == 0);
    bed.may->asked.clear();
}

TEST_CASE("a publication that is not decided is refused, and those behind it go on", "[access]") {
    publishing_bed bed;
    const auto peer = bed.open();
    bed.say(*peer, event_message("a", "1") + event_message("a", "2") + event_message("a", "3") +
                       event_message("a", "4"));
    const auto& asked = bed.may->asked;
    bed.advance(5100ms);  // the deadline
    REQUIRE(asked.size() == 2);
    bed.may->asked[1].done.reset();
    bed.run();
    REQUIRE(asked.size() == 3);
    bed.may->asked[2].fail(net::error::host_not_found);
    bed.run();
    REQUIRE(asked.size() == 4);
    bed.may->asked[3].give(true);
    bed.may->asked[0].give(true);  // too late
    bed.run();
    CHECK(bed.published() == strings{"a=4"});
    CHECK(refusals(*peer).size() == 3);
    CHECK(refusals(*peer)[0] == make_error_code(errc::undecided).message());
    bed.may->asked.clear();
}

TEST_CASE("what waits when its connection ends is not published", "[access]") {
    const int how = GENERATE(0, 1, 2, 3);
    CAPTURE(how);
    publishing_bed bed;
    auto peer = bed.open();
    bed.say(*peer, event_message("a", "1") + event_message("a", "2"));
    REQUIRE(bed.may->asked.size() == 1);
    bool cancelled = false;
    bed.may->asked[0].done->get_cancellation_slot().assign(
        [&](net::cancellation_type) { cancelled = true; });
    if (how == 0) bed.ws.drain();
    if (how == 1) bed.ws.close();
    if (how == 2) bed.web->stop(), bed.ws.close();
    if (how == 3) bed.sim().reset_all(), bed.publish("none", "fails to be written");
    bed.run();
    CHECK(cancelled);
    bed.may->asked[0].give(true);
    bed.run();
    CHECK(bed.published().size() == (how == 3 ? 1 : 0));
    CHECK(bed.may->asked.size() == 1);
    peer.reset();
    bed.advance(10s);
    CHECK(bed.ws.sessions() == 0);
    bed.may->asked.clear();
}

TEST_CASE("a function that has answered is not cancelled any more", "[access]") {
    publishing_bed bed;
    const auto peer = bed.open();
    bed.say(*peer, event_message("a", "1"));
    REQUIRE(bed.may->asked.size() == 1);
    bool cancelled = false;
    bed.may->asked[0].done->get_cancellation_slot().assign(
        [&](net::cancellation_type) { cancelled = true; });
    bed.may->asked[0].give(true);
    bed.ws.close();
    bed.run();
    CHECK_FALSE(cancelled);
    bed.may->asked.clear();
}

TEST_CASE("publications beyond max_pending_auth wait for their turn", "[access]") {
    publishing_bed bed(1);
    const auto ann = bed.open("ann");
    const auto bob = bed.open("bob");
    auto eve = bed.open("eve");
    const auto dan = bed.open("dan");
    for (auto* peer : {ann.get(), bob.get(), eve.get(), dan.get()})
        bed.say(*peer, event_message("a", "x"));
    CHECK(bed.may->list() == strings{"ann a"});
    eve.reset();
    bed.ws.async_recheck([](const principal&) { return false; }, [](error_code) {});
    bed.may->asked[0].give(true);
    bed.run();
    CHECK(bed.may->list() == strings{"ann a", "bob a"});
    bed.may->asked[1].give(false);
    bed.run();
    REQUIRE(bed.may->list() == strings{"ann a", "bob a", "eve a"});
    bed.may->asked[2].give(false);
    bed.run();
    REQUIRE(bed.may->list().back() == "dan a");
    bed.may->asked[3].give(true);
    bed.run();
    CHECK(bed.published() == strings{"a=x", "a=x"});
    CHECK(refusals(*bob).size() == 1);
    bed.may->asked.clear();
}

TEST_CASE("a ping is answered behind a publication that waits", "[access]") {
    publishing_bed bed;
    const auto peer = bed.open();
    bed.say(*peer, event_message("a", "1") + client_frame(websocket_opcode::ping, "hi") +
                       client_close(1000));
    CHECK(payloads_of(frames(*peer), websocket_opcode::pong).empty());
    bed.may->asked[0].give(true);
    bed.run();
    CHECK(payloads_of(frames(*peer), websocket_opcode::pong) == strings{"hi"});
    CHECK(close_code_of(frames(*peer)) == 1000);
    CHECK(bed.published() == strings{"a=1"});
    bed.may->asked.clear();
}

TEST_CASE("a client that is not read is not taken for silent", "[access]") {
    publishing_bed bed(128, 10min);
    const auto peer = bed.open();
    bed.say(*peer, event_message("a", "1"));
    REQUIRE(bed.may->asked.size() == 1);
    const auto pings = [&] { return payloads_of(frames(*peer), websocket_opcode::ping).size(); };
    const auto first = pings();  // with the position
    for (int i = 0; i < 12; ++i) bed.advance(10s);
    CHECK(bed.ws.sessions() == 1);
    CHECK(peer->open());
    CHECK(pings() == first);
    bed.may->asked[0].give(true);
    bed.run();
    CHECK(bed.published() == strings{"a=1"});
    // From now on it is.
    bed.advance(24'900ms);
    CHECK(pings() == first);
    bed.advance(200ms);
    CHECK(pings() == first + 1);
    CHECK(bed.ws.sessions() == 1);
    bed.advance(8'100ms);
    CHECK(bed.ws.sessions() == 0);
    bed.may->asked.clear();
}

}  // namespace tidings::test
