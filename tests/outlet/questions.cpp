// SPDX-License-Identifier: BSL-1.0
// Questions that have no answer yet: how many, whose, and for how long.
#include "support/access_bed.hpp"

#include <algorithm>

namespace tidings::test {

namespace {

/// Subscribes at once, publishes where the test says so.
struct asking_bed : access_bed {
    explicit asking_bed(std::size_t max_pending)
        : access_bed({.authenticator = by_name(),
                      .authorizer = asking_to_publish(),
                      .max_pending_auth = max_pending}) {}
    ~asking_bed() { may->asked.clear(); }
    authorizer asking_to_publish() {
        return [this](principal who, action what, std::string topic,
                      decision_handler<permission> done) {
            if (what == action::subscribe) return done({}, true);
            may->asked.push_back({who.name + ' ' + topic, std::move(done)});
        };
    }
    std::unique_ptr<http_peer> post(const std::string& name) {
        return send(post_request("a", "x", "Authorization: " + name + "\r\n"));
    }
    /// WebSocket clients of those names.
    void open(const strings& names) {
        for (const auto& name : names) {
            peers.push_back(
                send(upgrade_request("/ws?topic=none", "Authorization: " + name + "\r\n")));
            REQUIRE(status_of(*peers.back()) == 101);
        }
    }
    void publish(std::size_t peer, std::string_view text = "x") {
        peers[peer]->send(event_message("a", text));
        run();
    }
    void publish_all() {
        for (std::size_t i = 0; i < peers.size(); ++i) publish(i);
    }
    std::size_t refusals(std::size_t peer) {
        std::size_t n = 0;
        for (const auto& text : payloads_of(frames(*peers[peer])))
            if (text.find("tidings.refused") != std::string::npos) ++n;
        return n;
    }
    void answer(std::size_t at) {
        may->asked.at(at).give(true);
        run();
    }
    std::shared_ptr<permissions> may = std::make_shared<permissions>();
    std::vector<std::unique_ptr<http_peer>> peers;
};

}  // namespace

TEST_CASE("one address leaves room for the questions of another", "[access]") {
    const auto who = std::make_shared<identities>();
    access_bed bed({.authenticator = asking(who), .max_pending_auth = 4});
    const auto ask_from = [&](const char* address) {
        bed.sim().set_link({.client_address = address});
        return bed.send(bed.post_request("a", "x"));
    };
    const auto first = ask_from("192.0.2.7");
    const auto second = ask_from("192.0.2.7");
    const auto third = ask_from("192.0.2.7");
    CHECK(who->asked.size() == 2);
    CHECK(status_of(*third) == 503);
    CHECK(field_of(third->received(), "Retry-After") == "1");
    const auto other = ask_from("192.0.2.8");
    REQUIRE(who->asked.size() == 3);
    who->asked[2].give(named("bob"));
    bed.run();
    CHECK(status_of(*other) == 202);
    // What one of them has answered is free again.
    who->asked[0].give(named("ann"));
    bed.run();
    const auto fourth = ask_from("192.0.2.7");
    CHECK(who->asked.size() == 4);
    who->asked.clear();
}

TEST_CASE("one principal leaves room for the questions of another", "[access]") {
    asking_bed bed(4);
    std::vector<std::unique_ptr<http_peer>> peers;
    for (int i = 0; i < 3; ++i) peers.push_back(bed.post("ann"));
    CHECK(bed.may->list() == strings{"ann a", "ann a"});
    CHECK(status_of(*peers[2]) == 503);
    const auto other = bed.post("bob");
    REQUIRE(bed.may->list() == strings{"ann a", "ann a", "bob a"});
    bed.answer(2);
    CHECK(status_of(*other) == 202);
}

TEST_CASE("a principal's publications that wait do not hold up another's", "[access]") {
    asking_bed bed(4);
    bed.open({"ann", "ann", "ann", "ann", "ann", "bob"});
    bed.publish_all();
    REQUIRE(bed.may->list() == strings{"ann a", "ann a", "bob a"});
    bed.answer(2);
    CHECK(bed.published() == strings{"a=x"});
    for (const std::size_t i : {0U, 1U, 3U, 4U, 5U}) bed.answer(i);
    CHECK(bed.published().size() == 6);
}

TEST_CASE("those that wait take turns", "[access]") {
    asking_bed bed(1);
    bed.open({"ann", "ann", "ann", "bob", "bob"});
    bed.publish_all();
    for (std::size_t i = 0; i < 5; ++i) bed.answer(i);
    CHECK(bed.may->list() == strings{"ann a", "ann a", "bob a", "ann a", "bob a"});
}

TEST_CASE("a publication that waits for its turn has a deadline", "[access]") {
    asking_bed bed(1);
    bed.open({"ann", "bob", "eve", "dan"});
    bed.publish(0);
    bed.advance(2s);
    bed.publish(1);
    bed.publish(2);
    bed.advance(3100ms);
    CHECK(bed.refusals(0) == 1);
    CHECK(bed.may->list() == strings{"ann a", "bob a"});
    CHECK(bed.refusals(1) == 0);
    bed.advance(2s);
    CHECK(bed.refusals(1) == 1);
    CHECK(bed.refusals(2) == 1);
    CHECK(bed.may->list() == strings{"ann a", "bob a"});
    // And leaves nothing behind.
    bed.publish(3);
    CHECK(bed.may->list().back() == "dan a");
}

TEST_CASE("at most so many publications wait", "[access]") {
    asking_bed bed(1);
    strings names;
    for (int i = 0; i < 10; ++i) names.push_back("p" + std::to_string(i));
    bed.open(names);
    bed.publish_all();
    for (std::size_t i = 0; i < 9; ++i) CHECK(bed.refusals(i) == 0);
    CHECK(bed.refusals(9) == 1);
    // The connection goes on.
    bed.answer(0);
    bed.publish(9, "again");
    for (std::size_t i = 1; i < 10; ++i) bed.answer(i);
    CHECK(bed.published().size() == 10);
    CHECK(bed.published().back() == "a=again");
}

TEST_CASE("a recheck waits for its turn as long as others are answered", "[access]") {
    const auto may = std::make_shared<permissions>();
    bool later = false;
    access_bed bed(
        {.authenticator = by_name(),
         .authorizer =
             [&](principal p, action, std::string topic, decision_handler<permission> done) {
                 if (!later) return done({}, true);
                 may->asked.push_back({p.name + ' ' + topic, std::move(done)});
             },
         .max_pending_auth = 1});
    std::vector<std::unique_ptr<http_peer>> peers;
    for (int i = 0; i < 4; ++i)
        peers.push_back(bed.send(upgrade_request("/ws?topic=a", "Authorization: ann\r\n")));
    later = true;
    bool over = false;
    bed.ws.async_recheck([](const principal&) { return true; }, [&](error_code) { over = true; });
    bed.run();
    for (std::size_t i = 0; i < 3; ++i) {
        bed.advance(4s);
        REQUIRE(may->asked.size() == i + 1);
        may->asked[i].give(true);
        bed.run();
    }
    CHECK_FALSE(over);
    // The last has its whole time, too, and is not answered.
    bed.advance(4900ms);
    CHECK_FALSE(over);
    bed.advance(200ms);
    CHECK(over);
    CHECK(may->asked.size() == 4);
    CHECK(std::count_if(peers.begin(), peers.end(),
                        [](const auto& p) { return close_code_of(frames(*p)) == 1013; }) == 1);
    may->asked.clear();
}

}  // namespace tidings::test
