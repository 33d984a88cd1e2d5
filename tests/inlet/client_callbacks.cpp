// SPDX-License-Identifier: BSL-1.0
// What the user gives a client may throw: it is logged, and holds up nothing.
#include "support/client_bed.hpp"

#include <new>
#include <stdexcept>

namespace tidings::test {

namespace {

[[noreturn]] void boom() {
    throw std::runtime_error("boom");
}

template <class Options>
void log_in(Options& o, strings& logged) {
    o.log = [&logged](const log_record& r) { logged.emplace_back(r.message); };
}

std::ptrdiff_t booms(const strings& logged) {
    return std::count(logged.begin(), logged.end(), "boom");
}

/// Throws at the event "2", and keeps its handler if it is to.
class throwing_sink final : public subscriber {
 public:
    explicit throwing_sink(bool keeps) : keeps_(keeps) {}
    outcome deliver(const event_ptr&) noexcept override { return outcome::dropped; }
    strings asked;

 private:
    void start_deliver(event_ptr e, deliver_handler handler) override {
        asked.emplace_back(e->text());
        if (e->text() == "2") {
            if (keeps_) kept_ = std::move(handler);
            boom();
        }
        std::move(handler)(error_code(), outcome::delivered);
    }
    const bool keeps_;
    deliver_handler kept_;
};

/// Makes a C++ value of each event, which calls `at_end` when it ends.
class value_codec final : public websocket::codec {
 public:
    explicit value_codec(std::function<void()> at_end) : at_end_(std::move(at_end)) {}
    std::string_view subprotocol() const noexcept override { return {}; }
    bool binary() const noexcept override { return false; }
    std::string encode(const publication&, error_code&) const override { return {}; }
    wire_event decode(std::string_view text, bool, error_code& ec) const override {
        auto e = parse_cloudevents_json(text, ec);
        e.event =
            event::of("t", "/s", std::shared_ptr<void>(nullptr, [f = at_end_](void*) { f(); }));
        return e;
    }

 private:
    const std::function<void()> at_end_;
};

/// Throws when it reads the event "2", or writes one.
class throwing_codec final : public websocket::codec {
 public:
    explicit throwing_codec(bool no_memory = false) : no_memory_(no_memory) {}
    std::string_view subprotocol() const noexcept override { return {}; }
    bool binary() const noexcept override { return false; }
    std::string encode(const publication&, error_code&) const override { boom(); }
    wire_event decode(std::string_view text, bool, error_code& ec) const override {
        auto e = parse_cloudevents_json(text, ec);
        if (e.event.text() != "2" || thrown_++ != 0) return e;
        if (no_memory_) throw std::bad_alloc();
        boom();
    }

 private:
    const bool no_memory_;
    mutable int thrown_ = 0;
};

}  // namespace

TEST_CASE("a hook that throws at an event has not dealt with it, and nothing is held up",
          "[inlet]") {
    with_each_client([](auto& bed) {
        using bed_type = std::remove_reference_t<decltype(bed)>;
        strings logged;
        auto o = bed.client_options();
        log_in(o, logged);
        const auto hook = [n = 0](auto&&...) mutable -> bool {
            if (++n == 2) boom();
            return false;
        };
        if constexpr (bed_type::is_websocket)
            o.hooks.on_message = hook;
        else if constexpr (!bed_type::is_rest)
            o.on_message = hook;
        bed.start(bed.sink, std::move(o));
        bed.open(3);
        bed.advance(10s);
        CHECK(bed.sink->seen == strings{"1", "2", "3"});
        CHECK(bed.position() == "e:3");
        CHECK(booms(logged) == (bed_type::is_rest ? 0 : 1));
        CHECK(bed.peer().open());
        CHECK(bed.server.peers.size() == 1);
    });
}

TEST_CASE("a hook of a WebSocket client that throws ends no connection", "[inlet][websocket]") {
    client_bed<websocket_kind> bed;
    strings logged;
    auto o = bed.client_options();
    log_in(o, logged);
    o.hooks.on_open = [](const auto&) { boom(); };
    o.hooks.on_ping = [](const auto&, auto) { boom(); };
    o.hooks.on_pong = [](const auto&, auto) { boom(); };
    o.hooks.on_close = [](const auto&, const auto&) { boom(); };
    bed.start(bed.sink, std::move(o));
    bed.open(1);
    bed.send(server_frame(websocket_opcode::ping, "tidings-position:e:7") +
             server_frame(websocket_opcode::pong) + websocket_kind::more(8, 8));
    CHECK(bed.sink->seen == strings{"1", "8"});
    CHECK(bed.position() == "e:8");
    CHECK(bed.server.peers.size() == 1);
    CHECK(booms(logged) == 3);
    bed.client->stop();
    bed.cut();
    CHECK(booms(logged) == 4);
}

TEST_CASE("what a codec throws at is refused for good, and the next message is taken",
          "[inlet][websocket]") {
    client_bed<websocket_kind> bed;
    strings logged;
    auto o = bed.client_options();
    log_in(o, logged);
    o.codec = std::make_shared<throwing_codec>();
    bed.start(bed.sink, std::move(o));
    bed.open(3);
    bed.advance(10s);
    CHECK(bed.sink->seen == strings{"1", "3"});
    CHECK(bed.position() == "e:3");
    CHECK(bed.client->counters().received == 3);
    CHECK(bed.client->counters().refused == 1);
    CHECK(booms(logged) == 1);
    CHECK(bed.server.peers.size() == 1);
    error_code ec;
    const auto e = publication::make("b", event("t", "/s"), {}, ec);
    bed.client->as_subscriber()->deliver(e);
    bed.run();
    CHECK(booms(logged) == 2);
    CHECK(bed.peer().open());
}

TEST_CASE("a message that a codec had no memory for comes again", "[inlet][websocket]") {
    client_bed<websocket_kind> bed;
    auto o = bed.client_options();
    o.codec = std::make_shared<throwing_codec>(true);
    bed.start(bed.sink, std::move(o));
    bed.open(3);
    CHECK(bed.sink->seen == strings{"1"});
    bed.cut();
    REQUIRE(bed.server.peers.size() == 2);
    CHECK(bed.peer().received().find("after=e%3A1") != std::string::npos);
    bed.open(2, 3);
    CHECK(bed.sink->seen == strings{"1", "2", "3"});
    CHECK(bed.client->counters().refused == 0);
}

TEST_CASE("a C++ value may ask the client when it ends, whatever ends it", "[inlet][websocket]") {
    const bool stopped = GENERATE(false, true);
    CAPTURE(stopped);
    client_bed<websocket_kind> bed;
    int ended = 0;
    auto o = bed.client_options();
    o.codec = std::make_shared<value_codec>([&] {
        ++ended;
        CHECK(bed.client->last_position().text().starts_with(stopped ? "" : "e:"));
        bed.client->stop();
    });
    o.window.max_events = 2;
    const auto sink = std::make_shared<asking_sink>();
    bed.start(sink, std::move(o));
    bed.open(2);
    REQUIRE(sink->waiting.size() == 2);
    if (stopped) {
        sink->answer_all(errc::store_failed);  // both are to come again
        bed.run();
        bed.client->stop();
    } else {
        sink->answer_all();
    }
    bed.run();
    bed.cut();
    CHECK(ended == 2);
}

TEST_CASE("a C++ value in a REST client's queue may use the client when it ends", "[inlet][rest]") {
    const auto policy = GENERATE(overflow::drop_oldest, overflow::conflate, overflow::drop_newest);
    client_bed<rest_kind> bed;
    auto o = bed.client_options();
    o.limits.max_events = 2;
    o.overflow = policy;
    bed.start(bed.sink, std::move(o));
    const auto outlet = bed.client->as_subscriber();
    error_code ec;
    const auto plain = publication::make("b", event("t", "/s"), {}, ec);
    int ended = 0;
    const auto value = [&] {
        const auto at_end = [&](void*) {
            ++ended;
            bed.client->counters();
            outlet->deliver(plain);
        };
        return publication::make("b", event::of("t", "/s", std::shared_ptr<void>(nullptr, at_end)),
                                 {}, ec);
    };
    for (int i = 0; i < 5; ++i) outlet->deliver(value());
    bed.client->stop();
    bed.run();
    CHECK(ended == 5);
    bed.cut();
}

TEST_CASE("a client may end in its topic rule, and hands over nothing more", "[inlet]") {
    const bool destroyed = GENERATE(false, true);
    CAPTURE(destroyed);
    with_each_client([destroyed](auto& bed) {
        auto o = bed.client_options();
        o.topic = topic_rule::function([&, n = 0](const event&) mutable -> std::string {
            if (++n == 2) destroyed ? bed.client.reset() : bed.client->stop();
            return "a";
        });
        bed.start(bed.sink, std::move(o));
        bed.open(3);
        bed.advance(10s);
        CHECK(bed.sink->seen == strings{"1"});
        CHECK(bed.ended.size() == 1);
        CHECK(bed.server.peers.size() == 1);
        bed.cut();
    });
}

TEST_CASE("an event at which a sink throws is refused for good, once", "[inlet]") {
    const bool keeps = GENERATE(false, true);
    CAPTURE(keeps);
    with_each_client([keeps](auto& bed) {
        strings logged;
        auto o = bed.client_options();
        log_in(o, logged);
        const auto sink = std::make_shared<throwing_sink>(keeps);
        bed.start(sink, std::move(o));
        bed.open(3);
        bed.advance(10min);
        CHECK(sink->asked == strings{"1", "2", "3"});
        CHECK(bed.position() == "e:3");
        CHECK(bed.client->counters().accepted == 2);
        CHECK(bed.client->counters().refused == 1);
        CHECK(bed.client->counters().retried == 0);
        CHECK(booms(logged) == 1);
        CHECK(bed.ended.empty());
        bed.client->stop();
        bed.cut();
    });
}

}  // namespace tidings::test
