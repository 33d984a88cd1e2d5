// SPDX-License-Identifier: BSL-1.0
// A subscriber's client whose hub moves.
#include "support/subscriber_bed.hpp"

#include <tidings/http/impl/message/percent.hpp>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using state = subscriber_bed::state;

/// A topic whose hub may move.
struct moving_hub {
    explicit moving_hub(world& w) : topic(w), first(w), second(w) {
        topic.answer = [this](http::exchange& x) {
            x.respond({200, {{"Link", '<' + (moved ? second : first).url() + ">; rel=hub"}}, {}});
        };
        first.answer = [this](http::exchange& x) { x.respond({.status = status}); };
        second.answer = [](http::exchange& x) { x.respond({.status = 202}); };
    }
    world_sink topic;
    world_sink first;
    world_sink second;
    bool moved = false;
    unsigned status = 202;
};

/// The hub verifies what it was asked for.
void verify(world& w, subscriber_bed& here, const std::string& topic) {
    CHECK(w.request("GET",
                    here.url(here.path() + "?hub.mode=subscribe&hub.challenge=c" +
                             "&hub.lease_seconds=3600&hub.topic=" + http::percent_encode(topic)))
              .status == 200);
    w.run_ready();
    REQUIRE(here.now() == state::active);
}

}  // namespace

TEST_CASE("a hub that has the topic no more is looked for again",
          "[rest_hook][subscriber][websub]") {
    world w;
    subscriber_bed here(w);
    moving_hub there(w);
    auto o = here.options();
    o.topic_url = there.topic.url();
    const unsigned status = GENERATE(404U, 410U, 403U);
    CAPTURE(status);
    here.begin(o);
    verify(w, here, o.topic_url);
    there.status = status;
    there.topic.requests.clear();
    SECTION("and there is another") {
        there.moved = true;
        w.advance(46min);
        CHECK(there.topic.requests.size() == 1);
        CHECK(there.second.requests.size() == 1);
        verify(w, here, o.topic_url);
        CHECK(json::parse(here.row()).at("hub") == there.second.url());
    }
    SECTION("and there is none") {
        w.advance(46min);
        CHECK(there.topic.requests.size() == 1);
        CHECK(there.first.requests.size() == 3);
        CHECK(here.now() == state::active);
        for (int i = 0; i < 60; ++i) w.advance(1min);
        CHECK(here.now() == state::failed);
        CHECK(there.second.requests.empty());
    }
    SECTION("unless the user has said it") {
        here.end();
        o.hub_url = there.first.url();
        here.begin(o);
        w.advance(46min);
        CHECK(there.first.requests.size() == 2);
        CHECK(here.now() == state::active);
        CHECK(there.topic.requests.empty());
    }
}

TEST_CASE("a hub that fails is looked for again once the lease is over",
          "[rest_hook][subscriber][websub]") {
    world w;
    subscriber_bed here(w);
    moving_hub there(w);
    auto o = here.options();
    o.topic_url = there.topic.url();
    there.status = 202;
    here.begin(o);
    verify(w, here, o.topic_url);
    there.status = 503;
    there.moved = true;
    there.topic.requests.clear();
    for (int i = 0; i < 58; ++i) w.advance(1min);
    CHECK(there.topic.requests.empty());
    CHECK(here.now() == state::active);
    for (int i = 0; i < 5; ++i) w.advance(1min);
    CHECK(there.topic.requests.size() == 1);
    REQUIRE(there.second.requests.size() == 1);
    verify(w, here, o.topic_url);
}

TEST_CASE("a redirect of a hub counts for one request", "[rest_hook][subscriber][websub]") {
    world w;
    subscriber_bed here(w);
    moving_hub there(w);
    there.first.answer = [&](http::exchange& x) {
        x.respond({.status = 307, .fields = {{"Location", there.second.url()}}});
    };
    auto o = here.options();
    o.topic_url = there.topic.url();
    here.begin(o);
    verify(w, here, o.topic_url);
    CHECK(json::parse(here.row()).at("hub") == there.first.url());
    w.advance(46min);
    CHECK(there.first.requests.size() == 2);
    CHECK(there.second.requests.size() == 2);
    // Also of one that was cut off by a stop.
    there.first.answer = [](http::exchange& x) { x.respond({.status = 404}); };
    CHECK(here.stop() == error_code());
    CHECK(there.second.requests.size() == 2);
}

}  // namespace tidings::test
