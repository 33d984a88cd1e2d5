// SPDX-License-Identifier: BSL-1.0
// How clients end when their program does.
#include "support/client_bed.hpp"

#include <boost/asio/bind_executor.hpp>

namespace tidings::test {

namespace {

using errors = std::vector<error_code>;

event_ptr some_event(std::string_view text = "x") {
    error_code ec;
    return publication::make("b.x", event("t", "/s", text), {}, ec);
}

}  // namespace

TEST_CASE("a drain ends a client's run, and nothing that comes meanwhile is handed on",
          "[inlet][drain]") {
    with_each_client([](auto& bed) {
        using bed_type = std::remove_reference_t<decltype(bed)>;
        bed.start();
        bed.open(1);
        CHECK(bed.sink->seen == strings{"1"});
        errors drained;
        for (int i = 0; i < 2; ++i) bed.client->async_drain(note_in(bed, drained));
        CHECK(drained.empty());
        bed.run();
        if (bed_type::is_websocket) {
            CHECK(drained.empty());  // the peer has not closed
            bed.send(server_text(json_event(2)) + server_close(1000));
        }
        bed.cut();
        CHECK(drained == errors(2));
        CHECK(bed.ended.size() == 1);
        CHECK(bed.sink->seen == strings{"1"});
        CHECK(bed.server.peers.size() <= 2);  // the poll that followed the first answer
        bed.client->async_drain(note_in(bed, drained));
        bed.run();
        CHECK(drained == errors(3));
        const auto other = std::move(*bed.client);
        CHECK_FALSE(bed.client->drain_state());
        bed.client->async_drain(note_in(bed, drained));
        bed.run();
        CHECK(drained.back() == errc::closed);
    });
}

TEST_CASE("a drain of a client sends what its outlet has taken", "[inlet][drain]") {
    http_bed bed;
    bus hub(bed.io(), {.history = {.max_events = 100}, .clock = &bed.clock});
    const auto seen = std::make_shared<recorder>();
    const auto watch = hub.subscribe(">", seen);
    auto server = bed.server();
    server.mount("/topics", rest::service(hub));
    server.mount("/ws", websocket::service(hub, {.authorizer = allow_all()}));
    server.start();
    const auto drain = [&](auto& client) {
        const auto outlet = client.as_subscriber();
        for (int i = 0; i < 3; ++i)
            CHECK(outlet->deliver(some_event(std::to_string(i))) == outcome::queued);
        errors drained;
        client.async_drain(note_in(bed, drained));
        bed.run();
        CHECK(drained == errors(1));
        CHECK(seen->count() == 3);
        CHECK(outlet->deliver(some_event("late")) == outcome::closed);
    };
    SECTION("websocket") {
        auto o = common_options<websocket::client_options>(bed, "ws");
        o.url = "ws://127.0.0.1/ws";
        websocket::client client(bed.io(), std::move(o), std::make_shared<acting_sink>());
        client.start();
        bed.run();
        drain(client);
    }
    SECTION("rest") {
        rest::client client(bed.io(), common_options<rest::client_options>(bed, "http"));
        errors published;
        client.async_publish("a.x", event("t", "/s"),
                             net::bind_executor(bed.io(), [&](error_code why, const receipt&) {
                                 published.push_back(why);
                             }));
        bed.run();
        seen->clear();
        drain(client);
        CHECK(published == errors(1));
    }
}

TEST_CASE("a drain of a REST client ends after request_timeout, or by stop, and says so",
          "[inlet][drain]") {
    const bool stopped = GENERATE(true, false);
    http_bed bed;
    raw_listener server(bed);  // never answers
    rest::client client(bed.io(), common_options<rest::client_options>(bed, "http"));
    errors drained;
    CHECK(client.as_subscriber()->deliver(some_event()) == outcome::queued);
    bed.advance(5s);
    client.async_drain(note_in(bed, drained));
    bed.advance(29s);
    CHECK(drained.empty());
    CHECK(client.as_subscriber()->deliver(some_event()) == outcome::closed);
    if (stopped) {
        client.stop();
        bed.run();
    } else {
        bed.advance(2s);
    }
    CHECK(drained == errors{stopped ? errc::closed : errc::timed_out});
}

}  // namespace tidings::test
