// SPDX-License-Identifier: BSL-1.0
// Immediate callbacks: what publishers walk over without a lock.
#include "support/bus_fixture.hpp"

#include <algorithm>
#include <atomic>
#include <functional>
#include <stdexcept>
#include <thread>

namespace tidings::test {

namespace {

/// A bus without metrics; without a history nothing makes a publication take its lock.
struct plain_bus : context_fixture {
    explicit plain_bus(history_options history = {}) {
        bus_options o;
        o.history = std::move(history);
        o.log = [this](const log_record& r) { logged.push_back(std::string(r.message)); };
        hub.emplace(io(), std::move(o));
    }
    ~plain_bus() { hub.reset(); }
    auto into(texts& seen) {
        return [&seen](const event_ptr& e) { seen.push_back(show(e)); };
    }
    texts logged;
    std::optional<bus> hub;
};

subscription_counters counted(std::uint64_t matched, std::uint64_t failed = 0) {
    return {.matched = matched, .delivered = matched - failed, .failed = failed};
}

bool same(const subscription_counters& a, const subscription_counters& b) {
    return a.matched == b.matched && a.delivered == b.delivered && a.dropped == b.dropped &&
           a.discarded == b.discarded && a.failed == b.failed;
}

TEST_CASE("a prepared event is dispatched itself, as often as it is published",
          "[bus][immediate]") {
    plain_bus f;
    std::vector<const publication*> seen;
    const auto s =
        f.hub->subscribe("a.*", immediate, [&](const event_ptr& e) { seen.push_back(e.get()); });
    const auto topic = f.hub->topic("a.b");
    const auto e = topic.prepare(made("x"));
    REQUIRE(e);
    CHECK(e->topic() == "a.b");
    for (int i = 0; i < 3; ++i) {
        const auto r = topic.publish(e);
        CHECK_FALSE(r.error);
        CHECK(r.delivered == 1);
    }
    CHECK(seen == std::vector<const publication*>(3, e.get()));

    SECTION("by another handle or by name its content is published anew") {
        seen.clear();
        f.hub->topic("a.b").publish(e);
        f.hub->topic("a.c").publish(e);
        f.hub->publish("a.b", e);
        REQUIRE(seen.size() == 3);
        for (const auto* p : seen) CHECK(p != e.get());
    }
    SECTION("queues, streams and receivers get it as any other") {
        auto receiver = f.hub->receive("a.b");
        texts posted;
        const auto p =
            f.hub->subscribe(">", [&](const event_ptr& got) { posted.push_back(show(got)); });
        const auto outlet = std::make_shared<recording_subscriber>();
        const auto o = f.hub->subscribe("a.b", outlet);
        CHECK(topic.publish(e).queued == 3);
        CHECK(topic.publish(e).queued == 3);
        f.run();
        CHECK(posted == texts{"a.b=x", "a.b=x"});
        CHECK(outlet->seen == posted);
        CHECK(show(*receiver.try_receive()) == "a.b=x");
        CHECK(show(*receiver.try_receive()) == "a.b=x");
        CHECK_FALSE(receiver.try_receive());
    }
}

TEST_CASE("a queue that joins or leaves a pattern with callbacks is seen by handles that know it",
          "[bus][immediate]") {
    plain_bus f;
    texts called;
    texts posted;
    const auto a = f.hub->subscribe("a.b", immediate, f.into(called));
    std::vector<subscription> more;
    SECTION("alone") {}
    SECTION("with another pattern") {
        more.push_back(f.hub->subscribe("a.*", immediate, [](const event_ptr&) {}));
    }
    const auto topic = f.hub->topic("a.b");
    const auto e = topic.prepare(made("x"));
    topic.publish(e);
    auto queue = f.hub->subscribe("a.b", f.into(posted));
    CHECK(topic.publish(e).queued == 1);
    CHECK(topic.publish(made("y")).queued == 1);
    f.run();
    CHECK(posted == texts{"a.b=x", "a.b=y"});
    queue.reset();
    CHECK(topic.publish(e).queued == 0);
    CHECK(called == texts{"a.b=x", "a.b=x", "a.b=y", "a.b=x"});
}

TEST_CASE("preparing refuses what publishing refuses", "[bus][immediate]") {
    plain_bus f;
    auto topic = f.hub->topic("a");
    error_code ec;
    CHECK_FALSE(topic.prepare(event("", "/s", "x"), ec));
    CHECK(ec == errc::event_without_type);
    CHECK_THROWS_AS(topic.prepare(event("", "/s", "x")), std::invalid_argument);
    const topic_handle empty;
    CHECK_FALSE(empty.prepare(made("x"), ec));
    CHECK(ec == errc::closed);
    const auto e = topic.prepare(made("x"));
    f.hub.reset();
    CHECK(topic.publish(e).error == errc::closed);
}

TEST_CASE("where the history covers the topic a prepared event gets a position each time",
          "[bus][immediate]") {
    bus_fixture f({.max_events = 10});
    std::vector<std::uint64_t> seen;
    const auto s = f.hub->subscribe("a", immediate,
                                    [&](const event_ptr& e) { seen.push_back(e->sequence()); });
    const auto topic = f.hub->topic("a");
    const auto e = topic.prepare(made("x"));
    CHECK(topic.publish(e).position);
    CHECK(topic.publish(e).position);
    CHECK(seen == std::vector<std::uint64_t>{1, 2});
    CHECK_FALSE(e->position());
}

TEST_CASE("a bus with metrics counts what was prepared as any other publication",
          "[bus][immediate]") {
    bus_fixture f;
    texts seen;
    const auto s = f.hub->subscribe("a", immediate, f.into(seen));
    const auto topic = f.hub->topic("a");
    const auto e = topic.prepare(made("x"));
    const auto before = f.metrics->value("events_published");
    CHECK(topic.publish(e).delivered == 1);
    CHECK(topic.publish(e).delivered == 1);
    CHECK(seen == texts{"a=x", "a=x"});
    CHECK(f.metrics->value("events_published") == before + 2);
}

TEST_CASE("callbacks are called in the order of their subscribing, whatever comes and goes",
          "[bus][immediate]") {
    plain_bus f;
    std::vector<int> called;
    std::vector<std::pair<int, subscription>> held;
    const auto topic = f.hub->topic("a");
    int next = 0;
    std::uint32_t random = 1;
    for (int step = 0; step < 2000; ++step) {
        random = random * 1664525 + 1013904223;
        if (held.empty() || random >> 31 != 0) {
            held.emplace_back(next, f.hub->subscribe("a", immediate, [&, n = next](auto&) {
                called.push_back(n);
            }));
            ++next;
        } else {
            held.erase(held.begin() + static_cast<std::ptrdiff_t>((random >> 8) % held.size()));
        }
        called.clear();
        CHECK(topic.publish(made("x")).delivered == held.size());
        std::vector<int> expected;
        for (const auto& [n, s] : held) expected.push_back(n);
        REQUIRE(called == expected);
    }
}

TEST_CASE("a callback that joins, leaves and throws is counted exactly", "[bus][immediate]") {
    plain_bus f;
    std::vector<subscription> held(4);
    texts called;
    const auto topic = f.hub->topic("a");
    std::function<void(int)> inside = [](int) {};
    for (int i = 0; i < 4; ++i)
        held[static_cast<std::size_t>(i)] =
            f.hub->subscribe("a", immediate, [&, i](const event_ptr&) {
                called.push_back(std::to_string(i));
                inside(i);
            });

    SECTION("one that is removed by an earlier one was not called") {
        inside = [&](int i) {
            if (i == 1) held[2].reset();
        };
        const auto r = topic.publish(made("x"));
        CHECK(called == texts{"0", "1", "3"});
        CHECK(r.matched == 3);
        CHECK(r.delivered == 3);
        CHECK(same(held[2].counters(), counted(0)));
        CHECK(same(held[3].counters(), counted(1)));
    }
    SECTION("one that is removed by a later one was called") {
        inside = [&](int i) {
            if (i == 2) held[0].reset();
        };
        CHECK(topic.publish(made("x")).delivered == 4);
        CHECK(same(held[0].counters(), counted(1)));
        CHECK(topic.publish(made("x")).delivered == 3);
        CHECK(same(held[0].counters(), counted(1)));
    }
    SECTION("one that removes itself and throws has failed") {
        inside = [&](int i) {
            if (i != 1) return;
            held[1].reset();
            throw std::runtime_error("boom");
        };
        topic.publish(made("x"));
        CHECK(called == texts{"0", "1", "2", "3"});
        CHECK(same(held[1].counters(), counted(1, 1)));
        CHECK(f.logged == texts{"boom"});
    }
    SECTION("the list is replaced while it is walked, and one ahead is removed") {
        std::vector<subscription> more;
        inside = [&](int i) {
            if (i != 0) return;
            for (int n = 0; n < 20; ++n)
                more.push_back(f.hub->subscribe(
                    "a", immediate, [&](const event_ptr&) { called.push_back("new"); }));
            held[3].reset();
        };
        CHECK(topic.publish(made("x")).delivered == 3);
        CHECK(called == texts{"0", "1", "2"});
        CHECK(same(held[3].counters(), counted(0)));
        CHECK(same(more[0].counters(), counted(0)));
        inside = [](int) {};
        CHECK(topic.publish(made("x")).delivered == 23);
        CHECK(same(more[19].counters(), counted(1)));
    }
    SECTION("a nested publication calls all that the outer one has still to call") {
        bool once = false;
        inside = [&](int i) {
            if (i == 1 && !std::exchange(once, true)) topic.publish(made("inner"));
            if (i == 3) held[2].reset();
        };
        topic.publish(made("outer"));
        CHECK(called == texts{"0", "1", "0", "1", "2", "3", "3"});
        CHECK(same(held[2].counters(), counted(1)));
        CHECK(same(held[3].counters(), counted(2)));
    }
    SECTION("one that ends inside several publications was not called by the outer ones") {
        int depth = 0;
        inside = [&](int i) {
            if (i == 0 && ++depth < 4) topic.publish(made("inner"));
            if (i == 2 && called.size() == 6) held[2].reset();
        };
        CHECK(topic.publish(made("outermost")).delivered == 3);
        CHECK(std::count(called.begin(), called.end(), "2") == 1);
        CHECK(same(held[2].counters(), counted(1)));
        CHECK(same(held[3].counters(), counted(4)));
    }
    SECTION("all go, and others come") {
        inside = [&](int i) {
            if (i != 0) return;
            for (auto& s : held) s.reset();
            held[0] = f.hub->subscribe("a", immediate,
                                       [&](const event_ptr&) { called.push_back("new"); });
        };
        CHECK(topic.publish(made("x")).delivered == 1);
        CHECK(called == texts{"0"});
        CHECK(topic.publish(made("x")).delivered == 1);
        CHECK(called == texts{"0", "new"});
    }
}

TEST_CASE("callbacks of a pattern that a publication has still to come to join and leave",
          "[bus][immediate]") {
    // Literal patterns come first.
    plain_bus f({.max_events = GENERATE(0U, 10U)});
    auto& hub = f.hub;
    texts called;
    std::function<void()> inside;
    const auto into = [&](const char* name) {
        return [&called, name](const event_ptr&) { called.push_back(name); };
    };
    const auto first = hub->subscribe("a", immediate, [&](const event_ptr&) { inside(); });
    const auto stays = hub->subscribe("*", immediate, into("stays"));
    auto leaves = hub->subscribe("*", immediate, into("leaves"));
    std::vector<subscription> more;
    const auto join = [&](int count) {
        for (int i = 0; i < count; ++i)
            more.push_back(hub->subscribe("*", immediate, into("more")));
    };
    const auto topic = hub->topic("a");
    const auto publish = [&] { return topic.publish(made("x")).delivered; };

    SECTION("what has joined is called from the next event on, and counted so") {
        inside = [&] { join(1); };
        CHECK(publish() == 3);
        CHECK(called == texts{"stays", "leaves"});
        CHECK(same(more[0].counters(), counted(0)));
        CHECK(publish() == 4);
        CHECK(same(more[0].counters(), counted(1)));
        more[0].reset();
        CHECK(same(more[0].counters(), counted(1)));
    }
    SECTION("what has joined and left is counted for nothing") {
        inside = [&] {
            join(1);
            more.back().reset();
        };
        CHECK(publish() == 3);
        CHECK(same(more[0].counters(), counted(0)));
    }
    SECTION("what has left is not called") {
        inside = [&] { leaves.reset(); };
        CHECK(publish() == 2);
        CHECK(called == texts{"stays"});
        CHECK(same(leaves.counters(), counted(0)));
        CHECK(same(stays.counters(), counted(1)));
    }
    SECTION("what has left is not called, though its list has grown before") {
        inside = [&] {
            join(20);
            leaves.reset();
        };
        CHECK(publish() == 2);
        CHECK(called == texts{"stays"});
        CHECK(same(leaves.counters(), counted(0)));
        CHECK(same(more[19].counters(), counted(0)));
    }
    SECTION("nor is it in a publication around that one") {
        bool once = false;
        inside = [&] {
            if (!std::exchange(once, true)) {
                CHECK(publish() == 2);
                return;
            }
            join(20);
            leaves.reset();
        };
        CHECK(publish() == 2);
        CHECK(called == texts{"stays", "stays"});
        CHECK(same(leaves.counters(), counted(0)));
        CHECK(same(more[0].counters(), counted(0)));
        CHECK(same(stays.counters(), counted(2)));
    }
}

TEST_CASE("callbacks of many patterns that one topic matches leave while it is published",
          "[bus][immediate]") {
    plain_bus f({.max_events = GENERATE(0U, 10U)});
    std::vector<subscription> held;
    std::vector<int> called;
    for (int bits = 0; bits < 16; ++bits) {
        std::string pattern;
        for (int i = 0; i < 4; ++i) pattern += (bits >> i & 1) != 0 ? "*." : "a.";
        held.push_back(f.hub->subscribe(pattern + 'a', immediate, [&, bits](const event_ptr&) {
            called.push_back(bits);
            // All but this one and one more.
            if (called.size() == 1)
                for (int n = 0; n < 16; ++n)
                    if (n != bits && n != 15 - bits) held[static_cast<std::size_t>(n)].reset();
        }));
    }
    const auto topic = f.hub->topic("a.a.a.a.a");
    CHECK(topic.publish(made("x")).delivered == 2);
    REQUIRE(called.size() == 2);
    CHECK(called[0] + called[1] == 15);
    std::size_t counts = 0;
    for (const auto& s : held) counts += s.counters().matched;
    CHECK(counts == 2);
}

TEST_CASE("what an immediate callback captured goes when the callback is over",
          "[bus][immediate]") {
    plain_bus f;
    auto captured = std::make_shared<int>(0);
    const std::weak_ptr<int> alive = captured;
    subscription s;
    bool during = false;
    std::function<void()> inside = [] {};
    s = f.hub->subscribe("a", immediate, [&, held = std::move(captured)](const event_ptr&) {
        inside();
        during = !alive.expired();
    });
    SECTION("outside of any call at once") {
        f.hub->publish("a", made("x"));
        s.reset();
        CHECK(alive.expired());
    }
    SECTION("inside its own call when that returns") {
        inside = [&] { s.reset(); };
        f.hub->publish("a", made("x"));
        CHECK(during);
        CHECK(alive.expired());
    }
    SECTION("when the bus is closed inside its own call") {
        inside = [&] { f.hub.reset(); };
        f.hub->publish("a", made("x"));
        CHECK(during);
        CHECK(alive.expired());
    }
    SECTION("by the next turn of the lane where another thread has published") {
        f.hub->publish("a", made("x"));
        std::thread([&] { f.hub->publish("a", made("y")); }).join();
        s.reset();
        f.run();
        CHECK(alive.expired());
    }
    SECTION("with the context where another thread has published") {
        f.hub->publish("a", made("x"));
        std::thread([&] { f.hub->publish("a", made("y")); }).join();
        f.destroy_context();
        CHECK(alive.expired());
    }
    SECTION("when it was refused") {
        auto other = std::make_shared<int>(0);
        const std::weak_ptr<int> gone = other;
        const auto refused =
            f.hub->subscribe("a..b", immediate, [held = std::move(other)](const event_ptr&) {});
        CHECK(gone.expired());
    }
}

TEST_CASE("a callback destroys the bus, the handle and every subscription", "[bus][immediate]") {
    plain_bus f;
    std::optional<topic_handle> topic = f.hub->topic("a");
    std::vector<subscription> held;
    int calls = 0;
    for (int i = 0; i < 3; ++i)
        held.push_back(f.hub->subscribe("a", immediate, [&](const event_ptr&) {
            ++calls;
            topic.reset();
            held.clear();
            f.hub.reset();
        }));
    SECTION("a new event") {
        CHECK(topic->publish(made("x")).delivered == 1);
    }
    SECTION("a prepared one") {
        const auto e = topic->prepare(made("x"));
        topic->publish(e);
        CHECK(calls == 1);
    }
}

TEST_CASE("async_reset of an immediate callback completes when no call is under way",
          "[bus][immediate]") {
    plain_bus f;
    bool inside = false;
    bool ended = false;
    subscription s;
    s = f.hub->subscribe("a", immediate, [&](const event_ptr&) {
        inside = true;
        s.async_reset([&](error_code ec) {
            CHECK_FALSE(ec);
            CHECK_FALSE(inside);
            ended = true;
        });
        f.run();
        CHECK_FALSE(ended);
        inside = false;
    });
    f.hub->publish("a", made("x"));
    CHECK_FALSE(ended);
    f.run();
    CHECK(ended);
}

TEST_CASE(
    "with threads publishing, callbacks come and go, and each is destroyed after its last call",
    "[bus][immediate][threads]") {
    plain_bus f;
    struct target {
        std::atomic<bool> destroyed{false};
        std::atomic<std::uint64_t> calls{0};
    };
    const auto topic = f.hub->topic("a");
    const auto e = topic.prepare(made("x"));
    std::atomic<bool> late{false};
    const auto make = [&](const std::shared_ptr<target>& t) {
        struct capture {
            std::shared_ptr<target> t;
            explicit capture(std::shared_ptr<target> x) : t(std::move(x)) {}
            capture(capture&&) = default;
            ~capture() {
                if (t) t->destroyed = true;
            }
        };
        return f.hub->subscribe("a", immediate, [&late, c = capture(t)](const event_ptr&) {
            if (c.t->destroyed) late = true;
            ++c.t->calls;
        });
    };
    std::atomic<bool> go{false};
    std::vector<std::thread> publishers;
    for (int i = 0; i < 2; ++i)
        publishers.emplace_back([&] {
            while (!go) std::this_thread::yield();
            for (int n = 0; n < 3000; ++n) topic.publish(e);
        });
    const auto stays = std::make_shared<target>();
    const auto standing = make(stays);
    std::vector<std::shared_ptr<target>> all;
    go = true;
    for (int n = 0; n < 2000; ++n) {
        all.push_back(std::make_shared<target>());
        const auto s = make(all.back());
        if (n % 64 == 0) std::this_thread::yield();
    }
    for (auto& p : publishers) p.join();
    f.run();
    CHECK_FALSE(late);
    CHECK(stays->calls == 6000);
    CHECK(same(standing.counters(), counted(6000)));
    for (const auto& t : all) CHECK(t->destroyed);
}

}  // namespace

}  // namespace tidings::test
