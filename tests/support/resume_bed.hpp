// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/bus_fixture.hpp"
#include "support/ordering_history.hpp"

#include <tidings/bus/impl/feed.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace tidings::test {

/// A sink that has room for as many events as it is given.
class slow_sink final : public detail::feed_sink {
 public:
    bool ready() noexcept override { return room > 0; }
    void push(const event_ptr& e) noexcept override {
        if (!is_control(e)) --room;
        seen.push_back(show(e));
        if (on_push) on_push();
    }
    void on_feed_end(error_code why) noexcept override { ended.push_back(why); }

    int room = 1'000'000;
    texts seen;
    std::vector<error_code> ended;
    std::function<void()> on_push;
};

/// A bus with one of two histories: one that commits inside `append`, and one that commits later.
/// Both keep so many events of every topic but those that begin with `uncovered`.
class resume_bed : public context_fixture {
 public:
    explicit resume_bed(bool later, std::size_t max_events = 1000,
                        queue_limits inbox = bus_options().inbox) {
        bus_options o{.clock = &clock()};
        o.inbox = inbox;
        o.log = [this](const log_record& r) {
            logged.push_back(std::string(r.message) + ": " + r.error.message());
        };
        if (later) {
            far = std::make_shared<ordering_history>(max_events);
            o.history.implementation = far;
        } else {
            o.history.rules = {{.pattern = "uncovered.>", .max_events = 0},
                               {.pattern = ">", .max_events = max_events}};
        }
        hub.emplace(io(), std::move(o));
    }
    ~resume_bed() {
        hub.reset();
        far.reset();
    }

    receipt publish(std::string_view topic, std::string_view text) {
        return hub->publish(topic, made(text));
    }
    /// Publishes `a=1`, `b=2`, ...: the topics are the letters, the numbers go on.
    void publish_all(std::string_view topics) {
        for (const char topic : topics)
            publish(std::string_view(&topic, 1), std::to_string(++number));
    }
    /// Commits what is not yet, and runs what is ready.
    void settle() {
        do {
            if (far) far->commit_all();
            run();
        } while (far && far->waiting() != 0);
    }
    position head() const { return hub->head(); }

    std::shared_ptr<detail::feed> feed_into(const std::shared_ptr<slow_sink>& sink,
                                            detail::feed_options o) {
        const auto made_feed =
            std::make_shared<detail::feed>(hub->state(), hub->state()->home(), sink, std::move(o));
        CHECK_FALSE(made_feed->start());
        return made_feed;
    }

    std::shared_ptr<ordering_history> far;  // null: the memory history
    texts logged;
    std::optional<bus> hub;
    int number = 0;
};

/// One way to take events from a bus: what it has seen so far, and one step of its consumer.
struct consumer {
    std::string name;
    std::function<void(resume_bed&, const position& after)> start{};
    std::function<void()> step = [] {};
    std::function<void()> stop{};
    std::shared_ptr<texts> seen = std::make_shared<texts>();
};

/// Every way to resume: with queues so small that a replay has to be taken in steps.
inline std::vector<consumer> every_consumer(const std::string& pattern,
                                            after_gap behind = after_gap::present) {
    std::vector<consumer> all;
    {
        consumer c{"callback"};
        auto held = std::make_shared<subscription>();
        c.start = [=, seen = c.seen](resume_bed& f, const position& after) {
            *held = f.hub->subscribe(
                pattern, [seen](const event_ptr& e) { seen->push_back(show(e)); },
                {.after = after, .limits = {.max_events = 2}, .max_batch = 1, .after_gap = behind});
        };
        c.stop = [held] { held->reset(); };
        all.push_back(std::move(c));
    }
    {
        consumer c{"receiver"};
        auto held = std::make_shared<receiver>();
        c.start = [=](resume_bed& f, const position& after) {
            *held = f.hub->receive(
                pattern, {.after = after, .limits = {.max_bytes = 600}, .after_gap = behind});
        };
        c.step = [held, seen = c.seen] {
            if (const auto e = held->try_receive()) seen->push_back(show(*e));
        };
        c.stop = [held] { held->reset(); };
        all.push_back(std::move(c));
    }
    {
        consumer c{"subscriber"};
        auto held = std::make_shared<subscription>();
        struct noting final : subscriber {
            explicit noting(std::shared_ptr<texts> t) : seen(std::move(t)) {}
            outcome deliver(const event_ptr& e) noexcept override {
                seen->push_back(show(e));
                return outcome::delivered;
            }
            std::shared_ptr<texts> seen;
        };
        c.start = [=, seen = c.seen](resume_bed& f, const position& after) {
            *held = f.hub->subscribe(pattern, std::make_shared<noting>(seen),
                                     {.after = after, .after_gap = behind});
        };
        c.stop = [held] { held->reset(); };
        all.push_back(std::move(c));
    }
    {
        consumer c{"feed"};
        auto sink = std::make_shared<slow_sink>();
        auto held = std::make_shared<std::shared_ptr<detail::feed>>();
        c.start = [=](resume_bed& f, const position& after) {
            sink->room = 0;
            detail::feed_options o;
            o.patterns = {pattern};
            o.after = after;
            o.after_gap = behind;
            o.slice = 3;
            *held = f.feed_into(sink, std::move(o));
        };
        c.step = [=, seen = c.seen] {
            if (!*held) return;
            ++sink->room;
            (*held)->pump();
            *seen = sink->seen;
        };
        c.stop = [held] {
            (*held)->stop();
            held->reset();
        };
        all.push_back(std::move(c));
    }
    return all;
}

}  // namespace tidings::test
