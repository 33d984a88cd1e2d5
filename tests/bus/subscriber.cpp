// SPDX-License-Identifier: BSL-1.0
#include "support/bus_fixture.hpp"

#include <boost/asio/bind_executor.hpp>

// Any subscriber on a bus, and a bus as a subscriber.

namespace tidings::test {

namespace {

/// Knows whether it is called one at a time, and by which thread.
class careful_subscriber final : public recording_subscriber {
 public:
    outcome deliver(const event_ptr& e) noexcept override {
        CHECK_FALSE(std::exchange(inside_, true));
        if (during) during();
        inside_ = false;
        return recording_subscriber::deliver(e);
    }
    std::function<void()> during;

 private:
    bool inside_ = false;
};

class subscriber_with_origin final : public recording_subscriber {
 public:
    origin_id origin() const noexcept override { return id; }
    const origin_id id = make_origin();
};

TEST_CASE("a subscriber gets events on the bus's executor, one at a time", "[bus][subscriber]") {
    bus_fixture f;
    auto s = std::make_shared<careful_subscriber>();
    const auto held = f.hub->subscribe("a.>", s);
    s->during = [&] {
        s->during = nullptr;
        f.publish("a.3");
    };
    f.publish("a.1");
    f.publish("b");
    f.publish("a.2");
    CHECK(s->seen.empty());
    f.run();
    CHECK(s->seen == texts{"a.1=", "a.2=", "a.3="});
    CHECK(held.counters().matched == 3);
    CHECK(held.counters().delivered == 3);
}

/// Does with the handler what the test says.
class odd_subscriber final : public recording_subscriber {
 public:
    enum class way { throws, keeps_and_throws, drops } how = way::throws;
    std::optional<deliver_handler> kept;

 private:
    void start_deliver(event_ptr e, deliver_handler h) override {
        if (e->text() == "good") return std::move(h)(error_code(), deliver(e));
        if (how == way::keeps_and_throws) kept.emplace(std::move(h));
        if (how != way::drops) throw std::runtime_error("odd");
    }
};

TEST_CASE("a subscriber that throws, or drops its handler, has dropped the event",
          "[bus][subscriber]") {
    const auto how = GENERATE(odd_subscriber::way::throws, odd_subscriber::way::keeps_and_throws,
                              odd_subscriber::way::drops);
    bus_fixture f;
    const auto s = std::make_shared<odd_subscriber>();
    s->how = how;
    const auto held = f.hub->subscribe("a", s);
    std::optional<error_code> ended;
    std::optional<receipt> r;
    const auto publish = [&](std::string_view text) {
        f.hub->async_publish("a", made(text), [&](error_code ec, receipt got) {
            ended = ec;
            r = std::move(got);
        });
        f.run();
    };
    publish("bad");
    if (how == odd_subscriber::way::keeps_and_throws) {
        CHECK_FALSE(ended.has_value());
        s->kept.reset();
        f.run();
    }
    const bool threw = how != odd_subscriber::way::drops;
    CHECK(ended == make_error_code(threw ? errc::callback_threw : errc::shutting_down));
    CHECK((r && r->dropped == 1));
    CHECK(held.counters().dropped == 1);
    CHECK(held.counters().failed == 1);
    publish("good");
    CHECK(ended == error_code());
    CHECK(s->seen.size() == 1);
}

TEST_CASE("nobody is no subscriber", "[bus][subscriber]") {
    bus_fixture f;
    const auto resumed = GENERATE(false, true);
    subscribe_options o;
    if (resumed) o.after = f.hub->head();
    auto held = f.hub->subscribe("a", std::shared_ptr<subscriber>(), std::move(o));
    CHECK_FALSE(held.active());
    CHECK(held.error() == errc::invalid_argument);
    CHECK(f.publish("a").matched == 0);
    held.reset();
    f.run();
    CHECK(f.hub->subscriptions() == 0);
}

TEST_CASE("what a subscriber answers is counted, and one that is closed is let go",
          "[bus][subscriber]") {
    bus_fixture f;
    auto s = std::make_shared<recording_subscriber>();
    const auto held = f.hub->subscribe("a", s);
    s->answer = outcome::queued;
    f.publish("a");
    f.run();
    s->answer = outcome::dropped;
    f.publish("a");
    f.run();
    CHECK(held.counters().delivered == 1);
    CHECK(held.counters().dropped == 1);
    s->answer = outcome::closed;
    f.publish("a");
    f.publish("a");
    f.run();
    CHECK(s->seen.size() == 3);
    CHECK(held.error() == errc::closed);
    CHECK(s->ended == std::vector<error_code>{errc::closed});
    CHECK(f.hub->subscriptions() == 0);
}

TEST_CASE("a subscriber is notified once that its subscription ended", "[bus][subscriber]") {
    bus_fixture f;
    auto first = std::make_shared<recording_subscriber>();
    auto second = std::make_shared<recording_subscriber>();
    auto s = f.hub->subscribe("a", first);
    const auto t = f.hub->subscribe("a", second);
    f.publish("a");
    s.reset();
    s.reset();
    CHECK(first->ended.empty());
    f.run();
    CHECK(first->seen.empty());
    CHECK(first->ended == std::vector<error_code>{errc::closed});
    f.hub.reset();
    f.run();
    CHECK(second->ended == std::vector<error_code>{errc::closed});
    CHECK(first->ended.size() == 1);
}

TEST_CASE("async_reset of a subscriber completes after its last call", "[bus][subscriber]") {
    bus_fixture f;
    auto s = std::make_shared<careful_subscriber>();
    auto held = f.hub->subscribe("a", s);
    texts order;
    s->during = [&] {
        held.async_reset([&](error_code) { order.push_back("reset"); });
        order.push_back("call");
    };
    f.publish("a");
    f.publish("a");
    f.run();
    CHECK(order == texts{"call", "reset"});
    CHECK(s->seen.size() == 1);
}

TEST_CASE("a temporary subscriber is kept by its subscription, until that ends",
          "[bus][subscriber]") {
    bus_fixture f;
    const bool by_reset = GENERATE(false, true);
    {
        struct temporary final : subscriber {
            explicit temporary(int& n) : gone(&n) {}
            temporary(temporary&& o) noexcept : gone(std::exchange(o.gone, nullptr)) {}
            ~temporary() override {
                if (gone != nullptr) ++*gone;
            }
            outcome deliver(const event_ptr&) noexcept override { return outcome::delivered; }
            int* gone;
        };
        int gone = 0;
        auto held = f.hub->subscribe("a", temporary(gone));
        CHECK(f.publish("a").queued == 1);
        f.run();
        CHECK(gone == 0);
        if (by_reset)
            held.reset();
        else
            held = {};
        f.run();
        CHECK(gone == 1);
    }
}

TEST_CASE("a publication is not handed back to where it came from", "[bus][subscriber]") {
    bus_fixture f;
    auto inlet = std::make_shared<subscriber_with_origin>();
    auto other = std::make_shared<subscriber_with_origin>();
    const auto s = f.hub->subscribe(">", inlet);
    const auto t = f.hub->subscribe(">", other);
    const auto bus_end = f.hub->as_subscriber();
    error_code ec;
    publication_info info;
    info.origin = inlet->id;
    info.hops = 1;
    auto e = publication::make("a", made("x"), info, ec);
    REQUIRE_FALSE(ec);
    CHECK(bus_end->deliver(e) == outcome::delivered);
    int completed = 0;
    bus_end->async_deliver(e, net::bind_executor(f.io(), [&](error_code err, outcome o) {
                               CHECK_FALSE(err);
                               CHECK(o == outcome::delivered);
                               ++completed;
                           }));
    f.run();
    CHECK(completed == 1);
    CHECK(inlet->seen.empty());
    CHECK(other->seen == texts{"a=x", "a=x"});
    CHECK(s.counters().matched == 0);

    // What a program publishes has no origin.
    f.publish("b");
    f.run();
    CHECK(inlet->seen == texts{"b="});
}

TEST_CASE("a bus refuses what is wrong with a delivery, and reports it", "[bus][subscriber]") {
    bus_fixture f;
    const auto end = f.hub->as_subscriber();
    error_code ec;
    publication_info many;
    many.hops = max_hops;
    CHECK(end->deliver(publication::make("a", made("x"), many, ec)) == outcome::delivered);
    many.hops = max_hops + 1;
    CHECK(end->deliver(publication::make("a", made("x"), many, ec)) == outcome::dropped);
    CHECK(f.metrics->value("events_refused") == 1);
    CHECK(end->deliver(publication::make("tidings.refused", event("tidings.refused", "/s"), {},
                                         ec)) == outcome::dropped);
    CHECK(f.metrics->value("events_refused") == 2);
    CHECK(f.logged == texts{"a", "tidings.refused"});
    std::vector<error_code> errors;
    end->async_deliver(publication::make("a", made("x"), many, ec), [&](error_code err, outcome o) {
        errors.push_back(err);
        CHECK(o == outcome::dropped);
    });
    f.run();
    CHECK(errors == std::vector<error_code>{errc::hop_limit});
    f.hub.reset();
    CHECK(end->deliver(publication::make("a", made("x"), {}, ec)) == outcome::closed);
    CHECK(end->deliver(make_gap_event({})) == outcome::closed);
}

TEST_CASE("what a remote bus tells of lost events reaches every subscriber but its inlet",
          "[bus][subscriber]") {
    bus_fixture f({.max_events = 10});
    auto inlet = std::make_shared<subscriber_with_origin>();
    auto other = std::make_shared<recording_subscriber>();
    texts posted, inside;
    const auto s = f.hub->subscribe(">", inlet);
    const auto t = f.hub->subscribe("orders.>", other);
    const auto u = f.hub->subscribe("x", other);
    const auto v = f.hub->subscribe("a", f.into(posted));
    const auto w = f.hub->subscribe("b", immediate, f.into(inside));
    auto r = f.hub->receive("c");
    const auto head = f.hub->head();
    error_code ec;
    publication_info info;
    info.origin = inlet->id;
    info.hops = 1;
    const auto signal = [&](const event_ptr& e) {
        return publication::make(e->topic(), e, info, ec);
    };
    const auto end = f.hub->as_subscriber();
    CHECK(end->deliver(signal(make_gap_event(head))) == outcome::delivered);
    CHECK(end->deliver(signal(make_lagged_event(7))) == outcome::delivered);
    f.run();
    CHECK(inlet->seen.empty());
    // Two subscriptions of the same one: each is notified.
    CHECK(other->seen == texts{"gap", "gap", "lagged(7)", "lagged(7)"});
    CHECK(posted == texts{"gap", "lagged(7)"});
    CHECK(inside == posted);
    const auto first = r.try_receive().value();
    CHECK(show(first) == "gap");
    CHECK_FALSE(first->position());
    CHECK(t.counters().delivered == 2);
    // It is of that moment: no history keeps it.
    CHECK(f.hub->head() == head);
    texts replayed;
    const auto late = f.hub->subscribe(">", f.into(replayed), {.after = position()});
    f.run();
    CHECK(replayed.empty());
    CHECK(f.publish("tidings.gap").error == errc::reserved_topic);
    CHECK(f.hub->publish("tidings.gap", make_gap_event({})).error == errc::reserved_topic);
}

TEST_CASE("no event passes for a control event by its type", "[bus]") {
    bus_fixture f;
    texts got;
    const auto s = f.hub->subscribe(">", immediate, f.into(got));
    const event forged("tidings.gap", "/s", "x");
    CHECK(f.hub->publish("a", forged).error == errc::event_reserved_type);
    CHECK(f.hub->publish("a", make_gap_event({})).error == errc::event_reserved_type);
    const auto a = f.hub->topic("a");
    CHECK(a.publish(forged).error == errc::event_reserved_type);
    error_code ec;
    CHECK_FALSE(a.prepare(forged, ec));
    CHECK(ec == errc::event_reserved_type);
    std::vector<error_code> errors;
    f.hub->async_publish("a", forged, [&](error_code why, const receipt& r) {
        CHECK(r.error == why);
        errors.push_back(why);
    });
    f.run();
    CHECK(errors == std::vector<error_code>{errc::event_reserved_type});
    CHECK(got.empty());
}

}  // namespace

}  // namespace tidings::test
