// SPDX-License-Identifier: BSL-1.0
// What every client that comes back has in common: each case runs over all three of them.
#include "support/client_bed.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <concepts>
#include <stdexcept>
#include <thread>

namespace tidings::test {

namespace {

using errors = std::vector<error_code>;
const std::string refusal = "HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n";

}  // namespace

TEST_CASE("a fragment in a client's URL is refused at construction", "[inlet][fault-27]") {
    with_each_client([](auto& bed) {
        auto o = bed.client_options();
        o.url += "#?topic=b";
        CHECK_THROWS_AS(bed.make(bed.sink, o), std::invalid_argument);
    });
}

template <class Kind>
void check_constructors() {
    using client = typename Kind::client;
    using options = typename Kind::options;
    CHECK(std::constructible_from<client, net::any_io_executor, options>);
    CHECK(std::constructible_from<client, net::any_io_executor, options, any_subscriber>);
    CHECK(std::constructible_from<client, net::io_context&, options>);
    CHECK(std::constructible_from<client, net::io_context&, options, any_subscriber>);
}

TEST_CASE("a client is made of a context as of an executor, with a sink and without", "[inlet]") {
    check_constructors<sse_kind>();
    check_constructors<websocket_kind>();
    check_constructors<rest_kind>();
}

TEST_CASE("after stop inside a handler nothing of the same read reaches the sink",
          "[inlet][fault-2]") {
    const bool destroyed = GENERATE(true, false);
    CAPTURE(destroyed);
    with_each_client([destroyed](auto& bed) {
        bed.sink->act = [&] {
            if (!bed.client) return;
            if (destroyed)
                bed.client.reset();
            else
                bed.client->stop();
        };
        bed.start();
        bed.open(4);
        bed.advance(1min);
        CHECK(bed.sink->seen == strings{"1"});
        CHECK(bed.server.peers.size() == 1);
        bed.cut();
    });
}

TEST_CASE("what a client's callbacks captured is released when it has ended", "[inlet][fault-22]") {
    const std::string end = GENERATE("stopped", "refused", "destroyed", "stopped from inside");
    CAPTURE(end);
    with_each_client([&end](auto& bed) {
        using kind = typename std::remove_reference_t<decltype(bed)>::kind;
        auto captured = std::make_shared<int>(7);
        const std::weak_ptr<int> watch = captured;
        bed.sink->act = [&bed, &end, captured] {
            if (end == "stopped from inside") bed.client->stop();
        };
        auto o = bed.client_options();
        kind::capture(o, captured);
        captured.reset();
        bed.start(std::move(bed.sink), std::move(o));
        if (end == "refused")
            bed.send(refusal);
        else
            bed.open(2);
        if (end == "stopped") bed.client->stop();
        if (end == "destroyed") bed.client.reset();
        bed.run();
        bed.cut();
        CHECK(watch.expired());
        CHECK(bed.server.peers.size() == 1);
    });
}

TEST_CASE("a client that was moved from answers closed and gives defaults", "[inlet][fault-11]") {
    with_each_client([](auto& bed) {
        using bed_type = std::remove_reference_t<decltype(bed)>;
        bed.make();
        auto& client = *bed.client;
        client.start();
        const auto other = std::move(client);
        client.stop();
        CHECK(bed.position().empty());
        CHECK(client.counters().received == 0);
        CHECK(client.id() == 0);
        if constexpr (requires { client.state(); })
            CHECK(client.state() == connection_state::stopped);
        if constexpr (bed_type::is_websocket) CHECK_FALSE(client.connection());
        if constexpr (requires { client.as_subscriber(); }) {
            error_code ec;
            const auto e = publication::make("b.x", event("t", "/s"), {}, ec);
            REQUIRE(client.as_subscriber());
            CHECK(client.as_subscriber()->deliver(e) == outcome::closed);
        }
        if constexpr (bed_type::is_rest) {
            CHECK_FALSE(client.last_position());
            errors published;
            const auto note = [&](error_code why, const receipt& r) {
                CHECK(r.error == why);
                published.push_back(why);
            };
            client.async_publish("a", event("t", "/s"), net::bind_executor(bed.io(), note));
            CHECK(published.empty());
            bed.run();
            CHECK(published == errors{errc::closed});
        }
    });
}

TEST_CASE("a client may be moved into one that was moved from", "[inlet][fault-11]") {
    with_each_client([](auto& bed) {
        bed.make();
        auto& one = *bed.client;
        one.start();
        auto two = std::move(one);
        one = std::move(two);
        two.stop();
        two = std::move(one);
        two = std::move(two);  // NOLINT
    });
}

TEST_CASE("the largest event that is accepted reaches every client", "[inlet][fault-1]") {
    const char filling = GENERATE('"', '\n', '\x01');
    CAPTURE(filling);
    http_bed bed;
    bed.sim().set_link({.buffer_bytes = 1U << 20});
    bus hub(bed.io(), {.history = {.max_events = 100}, .clock = &bed.clock});
    auto server = bed.server();
    server.mount("/topics", rest::service(hub));
    server.mount("/events", sse::service(hub));
    server.mount("/ws", websocket::service(hub));
    server.start();
    const auto seen = std::make_shared<recorder>();
    auto by_sse = common_options<sse::client_options>(bed, "http");
    by_sse.url = "http://127.0.0.1/events";
    sse::client one(bed.io(), std::move(by_sse), seen);
    one.start();
    auto by_websocket = common_options<websocket::client_options>(bed, "ws");
    by_websocket.url = "ws://127.0.0.1/ws";
    websocket::client two(bed.io(), std::move(by_websocket), seen);
    two.start();
    rest::client three(bed.io(), common_options<rest::client_options>(bed, "http"), seen);
    three.start();
    bed.run();
    const std::string data(rest::service_options().max_body_bytes, filling);
    http::client poster(bed.io(), {.environment = bed.environment()});
    unsigned status = 0;
    poster.async_request(
        "http://127.0.0.1/topics/a.x",
        {.method = "POST", .fields = {{"Content-Type", "text/plain"}}, .body = data},
        [&](error_code, const http::response& r) { status = r.status; });
    bed.run();
    CHECK(status == 202);
    CHECK(one.counters().accepted == 1);
    CHECK(two.counters().accepted == 1);
    CHECK(three.counters().accepted == 1);
    REQUIRE(seen->count() == 3);
    for (const auto& e : seen->events()) CHECK(e->text() == data);
    seen->clear();
}

TEST_CASE("a retry or an event at each stream's start does not reset the backoff",
          "[inlet][fault-3]") {
    const std::string hint = GENERATE("retry: 0\n\n", "retry: 1\n\n", "data: x\n\n");
    CAPTURE(hint);
    sse_client_bed bed;
    bed.start();
    std::size_t streams = 0;
    for (auto past = 0ms; past < 60s; past += 20ms, bed.advance(20ms)) {
        if (streams == bed.server.peers.size()) continue;
        streams = bed.server.peers.size();
        bed.open(hint);
        bed.cut();
    }
    CHECK(streams <= 10);
    bed.seen->clear();
}

TEST_CASE("a client runs once, and its run completes with why it ended", "[inlet]") {
    const std::string end = GENERATE("stopped", "refused", "destroyed", "cancelled", "before");
    CAPTURE(end);
    with_each_client([&end](auto& bed) {
        bed.make();
        bed.run();
        CHECK(bed.server.peers.empty());  // a constructor starts nothing
        if (end == "before") bed.client->stop();
        net::cancellation_signal signal;
        bed.client->async_run(net::bind_cancellation_slot(signal.slot(), note_in(bed, bed.ended)));
        CHECK(bed.ended.empty());
        bed.run();
        if (end == "before") {
            CHECK(bed.ended == errors{errc::closed});
            CHECK(bed.server.peers.empty());
            return;
        }
        errors second;
        bed.client->async_run(note_in(bed, second));
        bed.run();
        CHECK(second == errors{errc::already_running});
        if (end == "refused")
            bed.send(refusal);
        else
            bed.open(1);
        CHECK(bed.sink->seen.size() == (end == "refused" ? 0 : 1));
        CHECK(bed.ended.size() == (end == "refused" ? 1 : 0));
        if (end == "stopped") bed.client->stop();
        if (end == "destroyed") bed.client.reset();
        if (end == "cancelled") {
            signal.emit(net::cancellation_type::partial);
            bed.run();
            CHECK(bed.ended.empty());
            signal.emit(net::cancellation_type::terminal);
        }
        bed.run();
        bed.cut();
        REQUIRE(bed.ended.size() == 1);
        CHECK(bed.ended[0]);
        if (end == "destroyed") CHECK(bed.ended[0] == errc::closed);
        if (end == "cancelled") CHECK(bed.ended[0] == net::error::operation_aborted);
        CHECK(bed.server.peers.size() == 1);
    });
}

TEST_CASE("a client whose sink is closed ends, and keeps the place of what was refused",
          "[inlet]") {
    with_each_client([](auto& bed) {
        bed.sink->act = [s = bed.sink.get()] {
            if (s->seen.size() == 2) s->answer = outcome::closed;
        };
        bed.start();
        bed.open(3);
        const auto connections = bed.server.peers.size();
        bed.cut();
        CHECK(bed.sink->seen == strings{"1", "2"});
        CHECK(bed.position() == "e:1");
        CHECK(bed.ended == errors{errc::closed});
        CHECK(bed.server.peers.size() == connections);
    });
}

TEST_CASE("an event for which there was no memory comes again", "[inlet]") {
    with_each_client([](auto& bed) {
        auto o = bed.client_options();
        o.topic = topic_rule::function([n = 0](const event&) mutable -> std::string {
            if (++n == 2) throw std::bad_alloc();
            return "a.x";
        });
        bed.start(bed.sink, std::move(o));
        bed.open(3);
        CHECK(bed.sink->seen == strings{"1"});
        CHECK(bed.position() == "e:1");
        bed.cut();
        CHECK(bed.server.peers.size() == 2);
        const auto& asked = bed.peer().received();
        CHECK((asked.find("e:1") != asked.npos || asked.find("e%3A1") != asked.npos));
        bed.client->stop();
        bed.run();
    });
}

TEST_CASE("what a server sends is a control event if both its topic and its type say so",
          "[inlet]") {
    with_each_client([](auto& bed) {
        using kind = typename std::remove_reference_t<decltype(bed)>::kind;
        const auto seen = std::make_shared<recorder>();
        bed.start(seen);
        const auto event_of = [](int n, std::string_view topic, std::string_view type) {
            return R"({"specversion":"1.0","source":"/peer","id":")" + std::to_string(n) +
                   R"(","topic":")" + std::string(topic) + R"(","type":")" + std::string(type) +
                   R"(","position":"e:)" + std::to_string(n) + R"("})";
        };
        bed.send(kind::open_with(
            bed.peer().take(), {event_of(1, "a.x", "tidings.gap"), event_of(2, "tidings.gap", "t"),
                                event_of(3, "tidings.gap", "tidings.lagged"),
                                event_of(4, "tidings.x", "tidings.x"), event_of(5, "a.x", "t")}));
        REQUIRE(seen->count() == 2);
        CHECK(seen->events()[0]->topic() == "tidings.x");
        CHECK(is_control(seen->events()[0]));
        CHECK(seen->events()[1]->topic() == "a.x");
        const auto counted = bed.client->counters();
        CHECK(counted.received == 5);
        CHECK(counted.refused == 3);
        CHECK(counted.accepted == 2);
        CHECK(bed.position() == "e:5");
        seen->clear();
        bed.client->stop();
        bed.cut();
    });
}

TEST_CASE("a run's signal may outlive the context and the client", "[inlet]") {
    net::cancellation_signal signal;
    with_each_client([&signal](auto& bed) {
        bed.make();
        bed.client->async_run(
            net::bind_cancellation_slot(signal.slot(), [](error_code) { FAIL("completed"); }));
        bed.run();
        bed.destroy_everything();
        signal.emit(net::cancellation_type::terminal);
    });
    signal.emit(net::cancellation_type::terminal);
}

TEST_CASE("a stop in a client's last callback does not hide why it ended", "[inlet]") {
    const bool destroyed = GENERATE(false, true);
    with_each_client([destroyed](auto& bed) {
        auto o = bed.client_options();
        const auto leave = [&] { destroyed ? bed.client.reset() : bed.client->stop(); };
        if constexpr (requires { o.on_error; })
            o.on_error = [leave](error_code, bool, auto&&) { leave(); };
        else
            o.on_state = [leave](connection_state s, auto&&...) {
                if (s == connection_state::stopped) leave();
            };
        bed.start(bed.sink, std::move(o));
        bed.send(refusal);
        REQUIRE(bed.ended.size() == 1);
        CHECK(bed.ended[0] != errc::closed);
    });
}

TEST_CASE("a stop in the lane holds at once, also after one from another thread", "[inlet]") {
    with_each_client([](auto& bed) {
        bed.sink->act = [&] {
            std::thread([&] { bed.client->stop(); }).join();
            bed.client->stop();
        };
        bed.start();
        bed.open(3);
        CHECK(bed.sink->seen == strings{"1"});
        bed.cut();
    });
}

TEST_CASE("a restart leaves the connection and begins anew from where the client was", "[inlet]") {
    with_each_client([](auto& bed) {
        bed.start();
        bed.open(2);
        CHECK(bed.sink->seen == strings{"1", "2"});
        bed.client->restart();
        bed.run();
        REQUIRE(bed.server.peers.size() == 2);
        if (std::remove_reference_t<decltype(bed)>::is_rest)
            CHECK_FALSE(bed.server.peers[0]->open());
        bed.open(1);
        CHECK(bed.sink->seen == strings{"1", "2", "1"});
        CHECK(bed.ended.empty());
        bed.client->stop();
        bed.cut();
        CHECK(bed.ended.size() == 1);
        bed.client->restart();
        bed.client->start();
        bed.advance(1min);
        CHECK(bed.server.peers.size() == 2);
    });
}

TEST_CASE("a run that is under way when the context goes is released with what it holds",
          "[inlet]") {
    const auto held = std::make_shared<int>(7);
    with_each_client([&held](auto& bed) {
        bed.make();
        const auto client = std::make_shared<std::remove_reference_t<decltype(*bed.client)>>(
            std::move(*bed.client));
        client->async_run(
            net::bind_executor(bed.io(), [client, held](error_code) { FAIL("completed"); }));
        bed.run();
        bed.destroy_everything();
    });
    CHECK(held.use_count() == 1);
}

TEST_CASE("a function may be the sink", "[inlet]") {
    with_each_client([](auto& bed) {
        strings seen;
        bed.start([&](const event_ptr& e) { seen.emplace_back(e->text()); });
        bed.open(2);
        CHECK(seen == strings{"1", "2"});
    });
}

}  // namespace tidings::test
