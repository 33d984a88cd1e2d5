// SPDX-License-Identifier: BSL-1.0
#include "support/bus_fixture.hpp"

#include <tidings/bus/impl/bus_state.hpp>
#include <tidings/bus/impl/publish_waiter.hpp>

#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

namespace tidings::test {

namespace {

using detail::publish_waiter;

/// What became of one that waits.
struct fate {
    std::optional<receipt> got{};
    std::string id{};
    bool in_lane = false;
    int ended = 0;
};

class noting_waiter final : public publish_waiter {
 public:
    noting_waiter(std::shared_ptr<detail::lane> home, fate& f)
        : publish_waiter(home),
          home_(std::move(home)),
          fate_(f) {}
    ~noting_waiter() override { ++fate_.ended; }

 private:
    void on_receipt(const receipt& r) override {
        fate_.got = r;
        fate_.in_lane = home_->running_here();
        if (event()) fate_.id = event()->id();
    }
    const std::shared_ptr<detail::lane> home_;
    fate& fate_;
};

/// Takes events, and answers when the test likes.
class late_subscriber final : public subscriber {
 public:
    outcome deliver(const event_ptr&) noexcept override { return outcome::queued; }
    std::optional<deliver_handler> answer{};

 private:
    void start_deliver(event_ptr, deliver_handler handler) override {
        answer.emplace(std::move(handler));
    }
};

struct waiter_bed : context_fixture {
    explicit waiter_bed(bus_options o = {}) {
        o.clock = &clock();
        hub.emplace(io(), std::move(o));
        home = detail::lane::make(io().get_executor(), clock());
    }
    ~waiter_bed() {
        hub.reset();
        home.reset();
    }
    event_ptr from_inlet(std::string_view text, std::string_view topic = "a.b") {
        error_code ec;
        return publication::make(topic, made(text).id("7"), {.origin = 9, .hops = 1}, ec);
    }
    publish_waiter::owner start(event_ptr e) {
        return hub->state()->start_publish(std::move(e),
                                           publish_waiter::owner(new noting_waiter(home, what)));
    }
    std::optional<bus> hub;
    std::shared_ptr<detail::lane> home;
    fate what;
};

}  // namespace

TEST_CASE("a waiter is given back with its receipt where nothing is left to wait for",
          "[bus][publish_waiter]") {
    waiter_bed f({.history = {.max_events = 4}});
    std::vector<std::string> seen;
    const auto s =
        f.hub->subscribe("a.>", immediate, [&](const event_ptr& e) { seen.push_back(show(e)); });
    auto back = f.start(f.from_inlet("x"));
    REQUIRE(back);
    CHECK_FALSE(f.what.got);
    CHECK(seen == texts{"a.b=x"});
    back->complete_here();
    REQUIRE(f.what.got);
    CHECK(f.what.got->position.has_value());
    CHECK(f.what.got->delivered == 1);
    CHECK(f.what.id == "7");
    back.reset();
    f.run();
    CHECK(f.what.ended == 1);
}

TEST_CASE("a waiter is given back with the error of what is not published",
          "[bus][publish_waiter]") {
    waiter_bed f;
    auto back = f.start(f.from_inlet("x", "_mine"));
    REQUIRE(back);
    back->complete_here();
    CHECK(f.what.got->error == errc::reserved_topic);
    CHECK(f.what.id.empty());
    back.reset();
    f.run();
    CHECK(f.what.ended == 1);
}

TEST_CASE("a waiter completes in its lane once the last outlet has answered",
          "[bus][publish_waiter]") {
    waiter_bed f;
    const auto outlet = std::make_shared<late_subscriber>();
    const auto s = f.hub->subscribe("a.b", outlet);
    f.run();
    CHECK_FALSE(f.start(f.from_inlet("x")));
    f.run();
    REQUIRE(outlet->answer);
    CHECK_FALSE(f.what.got);
    std::move (*outlet->answer)(error_code(), outcome::delivered);
    CHECK_FALSE(f.what.got);
    f.run();
    REQUIRE(f.what.got);
    CHECK(f.what.got->delivered == 1);
    CHECK(f.what.in_lane);
    CHECK(f.what.ended == 1);
}

TEST_CASE("a waiter that nobody completes ends in its lane, or with the context",
          "[bus][publish_waiter]") {
    waiter_bed f;
    const auto outlet = std::make_shared<late_subscriber>();
    auto s = f.hub->subscribe("a.b", outlet);
    f.run();
    CHECK_FALSE(f.start(f.from_inlet("x")));
    f.run();
    SECTION("released elsewhere") {
        auto lone = publish_waiter::owner(new noting_waiter(f.home, f.what));
        std::thread([w = std::move(lone)]() mutable { w.reset(); }).join();
        CHECK(f.what.ended == 0);
        f.run();
        CHECK(f.what.ended == 1);
        outlet->answer.reset();
        f.run();
        CHECK(f.what.ended == 2);
    }
    SECTION("with the context") {
        f.hub.reset();
        f.destroy_context();
        outlet->answer.reset();
        CHECK(f.what.ended == 1);
    }
}

TEST_CASE("what an inlet made and nobody else refers to is the bus's publication itself",
          "[bus][publish_waiter]") {
    waiter_bed other;
    waiter_bed f;
    std::vector<event_ptr> seen;
    const auto s =
        f.hub->subscribe("a.>", immediate, [&](const event_ptr& e) { seen.push_back(e); });
    auto alone = f.from_inlet("x");
    const auto* const block = alone.get();
    REQUIRE(f.start(std::move(alone)));
    const auto shared = f.from_inlet("y");
    REQUIRE(f.start(shared));
    f.run();
    REQUIRE(seen.size() == 2);
    CHECK(seen[0].get() == block);
    CHECK(seen[0]->info().origin == 9);
    CHECK(seen[0]->info().bus == seen[1]->info().bus);
    CHECK(seen[0]->info().bus != 0);
    CHECK(seen[0]->time() == seen[1]->time());
    CHECK_FALSE(seen[0]->time().empty());
    CHECK(seen[1].get() != shared.get());
    CHECK(shared->info().bus == 0);
    // Another bus makes a block of its own, of which this one is the origin.
    std::vector<event_ptr> there;
    const auto t =
        other.hub->subscribe("a.>", immediate, [&](const event_ptr& e) { there.push_back(e); });
    seen.pop_back();
    REQUIRE(other.start(std::exchange(seen[0], nullptr)));
    REQUIRE(there.size() == 1);
    CHECK(there[0].get() != block);
    CHECK(there[0]->info().hops == 2);
    other.run();
    there.clear();
    seen.clear();
}

}  // namespace tidings::test
