// SPDX-License-Identifier: BSL-1.0
// What subscriptions cost while nothing happens.
#include "support/rest_hook_bed.hpp"

#include <tidings/rest_hook/impl/hook_record.hpp>
#include <tidings/store/memory_table.hpp>
#include <tidings/webhook/make_secret.hpp>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;

/// A manual clock, and when each of its waits ended. Declared before the world, whose timers are
/// its.
class counting_clock final : public io::clock {
 public:
    manual_clock& hands() noexcept { return of_; }
    const std::vector<io::steady_time>& fired() const noexcept { return fired_; }
    io::steady_time now() const noexcept override { return of_.now(); }
    io::system_time wall_now() const noexcept override { return of_.wall_now(); }
    std::unique_ptr<io::timer> make_timer(net::any_io_executor executor) override {
        return std::make_unique<timer>(*this, of_.make_timer(std::move(executor)));
    }

 private:
    class timer final : public io::timer {
     public:
        timer(counting_clock& counts, std::unique_ptr<io::timer> of)
            : counts_(counts),
              of_(std::move(of)) {}
        void start_wait(io::steady_time until, tidings::unique_function<void()> done) override {
            of_->start_wait(until, [this, d = std::move(done)]() mutable {
                counts_.fired_.push_back(counts_.now());
                d();  // which may end this timer
            });
        }
        void cancel() noexcept override { of_->cancel(); }

     private:
        counting_clock& counts_;
        const std::unique_ptr<io::timer> of_;
    };

    manual_clock of_;
    std::vector<io::steady_time> fired_{};
};

constexpr int count = 10'000;

std::string topic_of(int i) {
    return "shop" + std::to_string(i) + ".order";
}

void put(world& w, store::table& t, const rest_hook::detail::hook_record& h) {
    t.start_put(h.id, rest_hook::detail::to_row_value(h), 0,
                {w.io().get_executor(), [](error_code, std::uint64_t) {}});
    w.run_ready();
}

/// Rows as the manager writes them, each with a topic of its own, and a lease for every other.
void fill(world& w, store::table& t, const std::string& url, io::system_time lease_until) {
    for (int i = 0; i < count; ++i) {
        rest_hook::detail::hook_record h;
        h.id = "hook_" + std::to_string(i);
        h.topics = {topic_of(i)};
        h.target_url = url;
        h.secret = webhook::make_secret();
        h.owner = std::to_string(i / 10);
        if (i % 2 == 0) h.lease_until = lease_until;
        put(w, t, h);
    }
}

/// How many waits ended within a minute of the one before.
std::size_t early(const std::vector<io::steady_time>& fired) {
    std::size_t count_early = 0;
    for (std::size_t i = 1; i < fired.size(); ++i)
        if (fired[i] - fired[i - 1] < 1min) ++count_early;
    return count_early;
}

/// Lets so much time pass, and whatever that makes due happen.
void pass(world& w, manual_clock& clock, std::chrono::hours time) {
    const auto end = clock.now() + time;
    for (;;) {
        const auto next = clock.next_deadline();
        if (!next || *next > end) break;
        clock.advance_to_next();
        w.run_ready();
    }
    clock.advance(end - clock.now());
    w.run_ready();
}

}  // namespace

TEST_CASE(
    "in a day without events 10,000 subscriptions send nothing and wake nothing twice a minute",
    "[rest_hook]") {
    counting_clock clock;
    world w;
    const io::environment environment{w.environment().network, &clock, w.environment().random};
    world_sink target(w);
    const auto table = store::make_memory_table();
    fill(w, *table, target.url("/hook"), clock.wall_now() + 24h * 30);
    bus hub(w.io(), {.clock = &clock});
    auto sending = hook_sender_options(w);
    sending.environment = environment;
    webhook::sender sender(w.io(), std::move(sending));
    const rest_hook::manager manager(hub, sender, {.table = table, .environment = environment});
    w.run_ready();
    REQUIRE(hub.subscriptions() == count);

    pass(w, clock.hands(), 24h);
    CHECK(target.requests.empty());
    const auto fired = clock.fired();
    CHECK(early(fired) == 0);

    hub.publish(topic_of(0), event("test", "/test", "x"));
    w.run_ready();
    CHECK(target.requests.size() == 1);
    pass(w, clock.hands(), 1h);
    CHECK(clock.fired().size() > fired.size());  // the connection is closed by one
    CHECK(hub.subscriptions() == count);
}

TEST_CASE("ends that follow each other are announced together, and no timer fires twice a minute",
          "[rest_hook]") {
    counting_clock clock;
    world w;
    const io::environment environment{w.environment().network, &clock, w.environment().random};
    world_sink target(w);
    const auto table = store::make_memory_table();
    for (int i = 0; i < 100; ++i) {
        rest_hook::detail::hook_record h;
        h.id = "hook_" + std::to_string(i);
        h.topics = {topic_of(i)};
        h.target_url = target.url("/hook");
        h.secret = webhook::make_secret();
        h.lease_until = clock.wall_now() + 72h + 7s * i;
        put(w, *table, h);
    }
    bus hub(w.io(), {.clock = &clock});
    auto sending = hook_sender_options(w);
    sending.environment = environment;
    webhook::sender sender(w.io(), std::move(sending));
    const rest_hook::manager manager(hub, sender, {.table = table, .environment = environment});
    w.run_ready();
    int told = 0;
    const auto watch = hub.subscribe("tidings.rest_hook.>", [&](const event_ptr&) { ++told; });
    pass(w, clock.hands(), 50h);
    CHECK(told == 100);
    CHECK(early(clock.fired()) == 0);
    CHECK(hub.subscriptions() == 101);
}

}  // namespace tidings::test
