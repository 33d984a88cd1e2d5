// SPDX-License-Identifier: BSL-1.0
#include "support/ordering_history.hpp"

#include "support/catch2.hpp"

#include <tidings/bus.hpp>
#include <tidings/bus/impl/feed.hpp>
#include <tidings/io/environment.hpp>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

// Several threads publish while two run the context. Run under TSan by CI.

namespace tidings::test {

namespace {

constexpr unsigned publishers = 3;
constexpr std::uint64_t events_each = 1500;
constexpr std::uint64_t total = publishers * events_each;

/// Everything that a test finds out on other threads.
struct findings {
    std::atomic<std::uint64_t> out_of_order{0}, at_once{0}, after_end{0}, control{0}, ended{0};
    std::atomic<std::uint64_t> finished{0};  // subscribers that have seen everything

    void wait_for(std::uint64_t count) {
        for (auto n = finished.load(); n < count; n = finished.load()) finished.wait(n);
    }
    void finish() {
        ++finished;
        finished.notify_all();
    }
};

/// Checks what one subscriber sees: rising positions, one call at a time, everything once.
class witness {
 public:
    explicit witness(findings& f) : found_(f) {}
    void operator()(const event_ptr& e) {
        if (inside_.exchange(true)) ++found_.at_once;
        if (is_control(e))
            ++found_.control;
        else
            count(e);
        inside_ = false;
    }

 private:
    void count(const event_ptr& e) {
        if (e->sequence() <= last_) ++found_.out_of_order;
        last_ = e->sequence();
        if (++seen_ == total) found_.finish();
    }
    findings& found_;
    std::atomic<bool> inside_{false};
    std::uint64_t last_ = 0;
    std::uint64_t seen_ = 0;
};

/// A sink that is full again and again, so that its feed goes from live to history and back.
class tiring_sink final : public detail::feed_sink,
                          public std::enable_shared_from_this<tiring_sink> {
 public:
    tiring_sink(findings& f, std::shared_ptr<detail::lane> l) : found_(f), see_(f), lane_(l) {}
    bool ready() noexcept override { return room_ > 0; }
    void push(const event_ptr& e) noexcept override {
        see_(e);
        if (--room_ > 0) return;
        lane_->post([self = shared_from_this()] {
            self->room_ = 7;
            self->feed->pump();
        });
    }
    void on_feed_end(error_code) noexcept override { ++found_.ended; }

    std::shared_ptr<detail::feed> feed;

 private:
    findings& found_;
    witness see_;
    std::shared_ptr<detail::lane> lane_;
    int room_ = 7;
};

/// Two threads in `run()`.
class running_context {
 public:
    ~running_context() { stop(); }
    net::io_context& io() { return io_; }
    void stop() {
        work_.reset();
        for (auto& t : threads_) t.join();
        threads_.clear();
    }

 private:
    net::io_context io_;
    net::executor_work_guard<net::io_context::executor_type> work_ = net::make_work_guard(io_);
    std::vector<std::thread> threads_ = [this] {
        std::vector<std::thread> made;
        for (int i = 0; i < 2; ++i) made.emplace_back([this] { io_.run(); });
        return made;
    }();
};

/// The first publishes in that lane, if there is one.
std::vector<std::thread> start_publishers(bus& hub,
                                          const std::shared_ptr<detail::lane>& home = nullptr) {
    std::vector<std::thread> threads;
    for (unsigned p = 0; p < publishers; ++p)
        threads.emplace_back([&hub, p, in = p == 0 ? home : nullptr] {
            for (std::uint64_t i = 0; i < events_each; ++i) {
                const auto publish = [&hub, p, i] {
                    hub.publish("t." + std::to_string(p),
                                event{"test", "/test", std::to_string(i)});
                };
                in ? in->post(publish) : publish();
            }
        });
    return threads;
}

/// Subscribes and unsubscribes until it is stopped; a callback must not run once its
/// async_reset has completed.
void churn(bus& hub, findings& found, const std::atomic<bool>& stopped) {
    while (!stopped) {
        auto over = std::make_shared<std::atomic<bool>>(false);
        const auto note = [over, &found](const event_ptr&) {
            if (*over) ++found.after_end;
        };
        auto posted = hub.subscribe("t.*", note);
        auto inside = hub.subscribe("t.1", immediate, note);
        auto resumed = hub.subscribe(">", note, {.after = hub.head()});
        auto queue = hub.receive("t.2");
        std::this_thread::yield();
        posted.async_reset(net::use_future).get();
        inside.async_reset(net::use_future).get();
        resumed.async_reset(net::use_future).get();
        *over = true;
    }
}

void check_everyone_sees_everything(bus& hub, running_context& run, findings& found,
                                    const std::function<void()>& commit) {
    const queue_limits ample{.max_bytes = 1'000'000'000, .max_events = 1'000'000};
    std::vector<subscription> held;
    held.push_back(hub.subscribe(
        "t.*", [w = std::make_shared<witness>(found)](const event_ptr& e) { (*w)(e); },
        {.limits = ample}));
    held.push_back(
        hub.subscribe(">", [w = std::make_shared<witness>(found)](const event_ptr& e) { (*w)(e); },
                      {.after = position(), .limits = {.max_events = 5}, .max_batch = 3}));
    std::vector<std::shared_ptr<detail::lane>> lanes;
    std::vector<std::shared_ptr<tiring_sink>> sinks;
    for (int i = 0; i < 4; ++i) {
        lanes.push_back(detail::lane::make(run.io().get_executor(), io::system_clock()));
        for (const bool resumed : {false, true}) {
            auto sink = std::make_shared<tiring_sink>(found, lanes.back());
            detail::feed_options o;
            o.patterns = {"t.*", "t.1"};
            o.slice = 16;
            if (resumed) o.after = position();
            sink->feed = std::make_shared<detail::feed>(hub.state(), lanes.back(), sink, o);
            CHECK_FALSE(sink->feed->start());
            sinks.push_back(std::move(sink));
        }
    }

    std::atomic<bool> stopped{false};
    auto threads = start_publishers(hub, lanes.front());
    std::thread churning([&] { churn(hub, found, stopped); });
    std::thread committing([&] {
        while (!stopped) commit();
    });
    for (auto& t : threads) t.join();
    found.wait_for(held.size() + sinks.size());
    stopped = true;
    churning.join();
    committing.join();

    for (const auto& s : sinks) s->feed->stop();
    held.clear();
    run.stop();
    for (const auto& s : sinks) s->feed.reset();
    CHECK(found.out_of_order == 0);
    CHECK(found.at_once == 0);
    CHECK(found.after_end == 0);
    CHECK(found.control == 0);
    CHECK(found.ended == 0);
    CHECK(hub.subscriptions() == 0);
}

TEST_CASE("with threads everyone sees everything once, in the order of positions",
          "[bus][threads]") {
    const auto before = publication::live();
    {
        findings found;
        running_context run;
        bus hub(run.io(), {.history = {.max_events = 1'000'000}});
        check_everyone_sees_everything(hub, run, found, [] { std::this_thread::yield(); });
    }
    CHECK(publication::live() == before);
}

TEST_CASE("the same over a history that commits on a thread of its own", "[bus][threads]") {
    const auto before = publication::live();
    {
        findings found;
        running_context run;
        const auto far = std::make_shared<ordering_history>(1'000'000);
        bus hub(run.io(), {.history = {.implementation = far}});
        check_everyone_sees_everything(hub, run, found, [&] {
            if (!far->commit_next()) std::this_thread::yield();
        });
    }
    CHECK(publication::live() == before);
}

TEST_CASE("with threads an immediate callback sees each publisher's events in order",
          "[bus][threads]") {
    running_context run;
    bus hub(run.io());
    std::atomic<std::uint64_t> count{0}, wrong{0};
    std::array<std::uint64_t, publishers> next{};
    const auto s = hub.subscribe("t.*", immediate, [&](const event_ptr& e) {
        auto& expected = next[static_cast<std::size_t>(e->topic().back() - '0')];
        if (e->text() != std::to_string(expected)) ++wrong;
        ++expected;
        ++count;
    });
    for (auto& t : start_publishers(hub)) t.join();
    CHECK(count == total);
    CHECK(wrong == 0);
}

TEST_CASE("with threads async_publish completes for every publication, with backpressure too",
          "[bus][threads]") {
    running_context run;
    bus hub(run.io(), {.history = {.max_events = 10}});
    std::atomic<std::uint64_t> seen{0}, ends{0}, failed{0};
    const auto s = hub.subscribe(">", [&](const event_ptr&) { ++seen; },
                                 {.limits = {.max_events = 3},
                                  .overflow = overflow::backpressure,
                                  .backpressure_deadline = std::chrono::hours(1)});
    std::vector<std::thread> threads;
    for (unsigned p = 0; p < publishers; ++p)
        threads.emplace_back([&] {
            for (int i = 0; i < 200; ++i)
                hub.async_publish("a", event{"test", "/test", "x"}, [&](error_code ec, receipt r) {
                    if (ec || r.queued != 1 || !r.position) ++failed;
                    ++ends;
                    ends.notify_all();
                });
        });
    for (auto& t : threads) t.join();
    for (auto n = ends.load(); n < publishers * 200; n = ends.load()) ends.wait(n);
    run.stop();
    CHECK(failed == 0);
    CHECK(seen == publishers * 200);
}

TEST_CASE("with threads a bus is closed while everybody uses it", "[bus][threads]") {
    const auto before = publication::live();
    for (int round = 0; round < 20; ++round) {
        running_context run;
        auto hub = std::make_unique<bus>(run.io(), bus_options{.history = {.max_events = 100}});
        const auto end = hub->as_subscriber();
        auto s = hub->subscribe(">", [](const event_ptr&) {}, {.after = position()});
        auto r = hub->receive(">");
        std::atomic<int> ends{0};
        r.async_receive([&](error_code, event_ptr) { ++ends; });
        std::vector<std::thread> threads;
        threads.emplace_back([&] {
            error_code ec;
            const auto e = publication::make("a", event{"test", "/test", "x"}, {}, ec);
            while (end->deliver(e) != outcome::closed) {
            }
        });
        threads.emplace_back([topic = hub->topic("a")] {
            while (topic.publish(event{"test", "/test", "x"}).error != errc::closed) {
            }
        });
        threads.emplace_back([&] { s.reset(); });
        std::this_thread::yield();
        hub.reset();
        for (auto& t : threads) t.join();
        run.stop();
        CHECK(ends == 1);
    }
    CHECK(publication::live() == before);
}

}  // namespace

}  // namespace tidings::test
