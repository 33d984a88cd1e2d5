// SPDX-License-Identifier: BSL-1.0
// Several threads publish by handles on one bus, where no history orders them.
#include "support/bus_fixture.hpp"
#include "support/two_threads.hpp"

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>

#include <array>
#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace tidings::test {

namespace {

/// Holds one thread that comes through, until a test lets it go.
struct gate {
    void pass() {
        if (!closed.exchange(false)) return;
        reached.set_value();
        let_go.get_future().wait();
    }
    std::atomic<bool> closed{false};
    std::promise<void> reached, let_go;
};

/// An executor of a context behind a gate.
struct gated_executor {
    net::execution_context& query(net::execution::context_t) const noexcept { return *io; }
    gated_executor require(net::execution::blocking_t::never_t) const noexcept { return *this; }
    gated_executor require(net::execution::blocking_t::possibly_t) const noexcept { return *this; }
    template <class F>
    void execute(F&& f) const {
        way->pass();
        net::post(*io, std::forward<F>(f));
    }
    friend bool operator==(const gated_executor&, const gated_executor&) noexcept = default;

    net::io_context* io;
    gate* way;
};

/// What one subscriber sees of publishers that number their events, each on a topic of its own.
class in_turn {
 public:
    static constexpr std::size_t publishers = 2;
    static constexpr int each = 2'000;

    void operator()(const event_ptr& e) {
        const auto of = static_cast<std::size_t>(e->topic().back() - '0');
        if (++seen_[of] != std::stoi(std::string(e->text()))) wrong = true;
        if (seen_[of] == each && ++ended_ == publishers) all.set_value();
    }
    bool wrong = false;
    std::promise<void> all;

 private:
    std::array<int, publishers> seen_{};
    std::size_t ended_ = 0;
};

class in_turn_subscriber final : public subscriber {
 public:
    explicit in_turn_subscriber(in_turn& t) : to_(t) {}
    outcome deliver(const event_ptr& e) noexcept override {
        to_(e);
        return outcome::delivered;
    }

 private:
    in_turn& to_;
};

std::string topic_of(std::size_t publisher) {
    return "t." + std::to_string(publisher);
}

/// Publishes what `in_turn` expects, each publisher on a thread of its own.
template <class Publish>
std::vector<std::thread> start_publishers(bus& hub, Publish publish) {
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < in_turn::publishers; ++i)
        threads.emplace_back([&hub, i, publish] {
            const auto to = hub.topic(topic_of(i));
            for (int n = 1; n <= in_turn::each; ++n) publish(to, made(std::to_string(n)));
        });
    return threads;
}

void join_all(std::vector<std::thread>& threads) {
    for (auto& t : threads) t.join();
}

}  // namespace

TEST_CASE("publishers of different topics do not wait for each other", "[bus][threads]") {
    context_fixture f;
    bus hub(f.io());
    gate way;
    texts seen;
    const auto note = [&](const event_ptr& e) { seen.push_back(show(e)); };
    const auto held = hub.subscribe(
        "a", net::bind_executor(gated_executor{&f.io(), &way}, [](const event_ptr&) {}));
    const auto callback = hub.subscribe("b", note);
    const auto reads = hub.receive("b");
    const auto target = std::make_shared<recording_subscriber>();
    const auto outlet = hub.subscribe("b", target);
    const auto stuck = hub.topic("a"), free = hub.topic("b");
    CHECK(stuck.publish(made("1")).queued == 1);
    CHECK(free.publish(made("1")).queued == 3);
    f.run();
    way.closed = true;
    std::thread other([&] { stuck.publish(made("2")); });
    way.reached.get_future().wait();
    CHECK(free.publish(made("2")).queued == 3);
    int ends = 0;
    free.async_publish(made("3"), [&](error_code ec, receipt r) {
        CHECK_FALSE(ec);
        CHECK(r.queued + r.delivered == 3);
        ++ends;
    });
    // A subscription that comes and goes does not wait either.
    hub.receive("c").reset();
    f.run();
    CHECK(ends == 1);
    CHECK(seen == texts{"b=1", "b=2", "b=3"});
    CHECK(target->seen == seen);
    way.let_go.set_value();
    other.join();
    f.run();
}

TEST_CASE("with handles everyone sees each publisher's events in order, once", "[bus][threads]") {
    const bool awaited = GENERATE(false, true);
    CAPTURE(awaited);
    const queue_limits ample{.max_bytes = 1'000'000'000, .max_events = 1'000'000};
    two_threads context;
    bus hub(context.io, {.inbox = ample});
    std::array<in_turn, 3> found;
    std::vector<subscription> all;
    all.push_back(
        hub.subscribe("t.*", [&](const event_ptr& e) { found[0](e); }, {.limits = ample}));
    all.push_back(hub.subscribe(">", std::make_shared<in_turn_subscriber>(found[1])));
    const auto twice = std::make_shared<in_turn_subscriber>(found[2]);
    all.push_back(hub.subscribe("t.0", twice));
    all.push_back(hub.subscribe("t.1", twice));

    std::atomic<bool> stopped{false};
    std::thread churning([&] {
        const auto target = std::make_shared<recording_subscriber>();
        while (!stopped) {
            auto a = hub.subscribe("t.0", [](const event_ptr&) {});
            auto b = hub.subscribe("t.*", [](const event_ptr&) {});
            auto c = hub.subscribe("*.1", immediate, [](const event_ptr&) {});
            auto d = hub.subscribe("t.1", [](const event_ptr&) {},
                                   {.limits = {.max_events = 1}, .overflow = overflow::disconnect});
        }
    });
    auto threads = start_publishers(hub, [&](const topic_handle& to, event e) {
        if (awaited)
            to.async_publish(std::move(e), net::use_future).get();
        else
            to.publish(std::move(e));
    });
    join_all(threads);
    for (auto& each : found) each.all.get_future().wait();
    stopped = true;
    churning.join();
    all.clear();
    CHECK(hub.subscriptions() == 0);
    context.join();
    for (const auto& each : found) CHECK_FALSE(each.wrong);
}

TEST_CASE("a bus that drains calls with all that was published by handles", "[bus][threads]") {
    for (int round = 0; round < 50; ++round) {
        two_threads context;
        bus hub(context.io);
        const queue_limits ample{.max_bytes = 1'000'000'000, .max_events = 1'000'000};
        std::atomic<std::size_t> calls{0}, queued{0};
        const auto all =
            hub.subscribe("t.*", [&](const event_ptr&) { ++calls; }, {.limits = ample});
        std::atomic<int> begun{0};
        std::vector<std::thread> threads;
        for (std::size_t i = 0; i < in_turn::publishers; ++i)
            threads.emplace_back([&, to = hub.topic(topic_of(i))] {
                // A drain ends when nothing is published any more.
                for (int n = 0; n < 200; ++n) {
                    const auto r = to.publish(made("x"));
                    if (r.error) return;
                    queued += r.queued;
                    if (n == 0) ++begun;
                    std::this_thread::yield();
                }
            });
        while (begun != 2) std::this_thread::yield();
        CHECK_NOTHROW(hub.async_drain(net::use_future).get());
        join_all(threads);
        context.join();
        CHECK(calls == queued);
    }
}

TEST_CASE("a bus is closed while threads publish by handles", "[bus][threads]") {
    for (int round = 0; round < 20; ++round) {
        two_threads context;
        auto hub = std::make_unique<bus>(context.io);
        const auto target = std::make_shared<recording_subscriber>();
        std::atomic<std::size_t> calls{0};
        const auto callback = hub->subscribe("t.*", [&](const event_ptr&) { ++calls; });
        auto reads = hub->receive("t.0");
        std::atomic<int> begun{0}, closed{0};
        std::vector<std::thread> threads;
        for (std::size_t i = 0; i < 2; ++i)
            threads.emplace_back([&, to = hub->topic(topic_of(i))] {
                error_code ec;
                for (bool first = true; !ec; first = false) {
                    ec = to.publish(made("x")).error;
                    if (first) ++begun;
                }
                if (ec == errc::closed) ++closed;
            });
        while (begun != 2) std::this_thread::yield();
        hub.reset();
        join_all(threads);
        CHECK_FALSE(callback.active());
        CHECK(closed == 2);
        context.join();
    }
}

}  // namespace tidings::test
