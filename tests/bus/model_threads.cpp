// SPDX-License-Identifier: BSL-1.0
// Two threads publish, two run the context, and one subscribes and ends subscriptions at random:
// what each subscriber must see, whatever the order.
#include "support/catch2.hpp"
#include "support/naive_topics.hpp"
#include "support/two_threads.hpp"

#include <tidings/bus.hpp>

#include <array>
#include <atomic>
#include <future>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace tidings::test {

namespace {

constexpr unsigned publishers = 2;
constexpr std::uint64_t per_round = 40;
constexpr std::uint64_t rounds = 250;
constexpr std::uint64_t total = rounds * per_round;

const std::string& topic_of(unsigned publisher, std::uint64_t n) {
    static const std::array<std::string, 5> names = {"a", "b", "a.a", "a.b", "b.a.c"};
    return names[(n * 7 + n / 5 + publisher) % names.size()];
}

/// How far a publisher is. It waits for leave to go on.
struct progress {
    std::atomic<std::uint64_t> allowed{0}, begun{0}, finished{0};

    void allow_more() {
        allowed += per_round;
        allowed.notify_all();
    }
    void wait_to_begin(std::uint64_t n) {
        for (auto a = allowed.load(); a < n; a = allowed.load()) allowed.wait(a);
        begun = n;
    }
};

using each = std::array<std::uint64_t, publishers>;

each read(const std::array<progress, publishers>& all, std::atomic<std::uint64_t> progress::*what) {
    each numbers;
    for (unsigned p = 0; p < publishers; ++p) numbers[p] = (all[p].*what).load();
    return numbers;
}

/// What one subscriber has seen.
struct witness {
    std::string pattern;
    bool posted = false;
    each before{};  // published when it was not on the bus yet
    each from{};    // what has begun later must come
    std::array<std::vector<std::uint64_t>, publishers> seen;
    std::atomic<bool> over{false}, inside{false};
    std::atomic<unsigned> late{0}, at_once{0};

    // An immediate callback is called on the publisher's thread: each has its own list.
    void operator()(const event_ptr& e) {
        if (over) ++late;
        if (posted && inside.exchange(true)) ++at_once;
        const std::string text(e->text());
        const auto colon = text.find(':');
        seen[std::stoul(text.substr(0, colon))].push_back(std::stoull(text.substr(colon + 1)));
        if (posted) inside = false;
    }

    /// `to`: what was published when its end was asked for; `last`: when it was over.
    void check(const each& to, const each& last) const {
        CHECK(late == 0);
        CHECK(at_once == 0);
        for (unsigned p = 0; p < publishers; ++p) check(p, to[p], last[p]);
    }
    std::uint64_t count() const {
        std::uint64_t n = 0;
        for (const auto& s : seen) n += s.size();
        return n;
    }

 private:
    bool wants(unsigned p, std::uint64_t n) const {
        return naive_matches(split(pattern), split(topic_of(p, n)));
    }
    // Everything that matches from the first event on, in order and once; and enough of it. What
    // was still queued for a posted callback at its end is discarded.
    void check(unsigned p, std::uint64_t to, std::uint64_t last) const {
        const auto& all = seen[p];
        const auto first = all.empty() ? from[p] + 1 : std::min(all.front(), from[p] + 1);
        CHECK(first > before[p]);
        std::vector<std::uint64_t> expected;
        for (auto n = first; n <= last; ++n) {
            const bool enough = expected.size() >= all.size();
            if (enough && (posted || n > to)) break;
            if (wants(p, n)) expected.push_back(n);
        }
        CHECK(all == expected);
    }
};

TEST_CASE("whatever threads do, each subscriber sees each publisher's events once and in order",
          "[bus][model][threads]") {
    const bool kept = GENERATE(false, true);
    two_threads running;
    bus hub(running.io, {.history = {.max_events = kept ? 50U : 0U}});
    std::array<progress, publishers> done;
    std::vector<std::thread> threads;
    for (unsigned p = 0; p < publishers; ++p)
        threads.emplace_back([&hub, &mine = done[p], p] {
            for (std::uint64_t n = 1; n <= total; ++n) {
                event e("test", "/test", std::to_string(p) + ':' + std::to_string(n));
                const auto& topic = topic_of(p, n);
                const auto handle = hub.topic(topic);
                mine.wait_to_begin(n);
                if (n % 3 == 0)
                    hub.publish(topic, std::move(e));
                else if (n % 3 == 1)
                    handle.publish(std::move(e));
                else
                    handle.publish(handle.prepare(std::move(e)));
                mine.finished = n;
            }
        });

    std::mt19937 random(42);
    const auto subscribe = [&](const std::shared_ptr<witness>& w) {
        const auto f = [w](const event_ptr& e) { (*w)(e); };
        w->before = read(done, &progress::finished);
        auto s = w->posted ? hub.subscribe(w->pattern, f, {.limits = {.max_events = 1'000'000}})
                           : hub.subscribe(w->pattern, immediate, f);
        w->from = read(done, &progress::begun);
        return s;
    };
    const auto end = [&](subscription& s, const std::shared_ptr<witness>& w) {
        const auto to = read(done, &progress::finished);
        std::promise<void> over;
        s.async_reset([&](error_code) {
            w->over = true;
            over.set_value();
        });
        over.get_future().wait();
        w->check(to, read(done, &progress::begun));
        if (w->posted) CHECK(s.counters().matched == s.counters().discarded + w->count());
    };

    struct member {
        std::shared_ptr<witness> w;
        subscription s;
    };
    std::vector<member> members(6);
    static const char* const patterns[] = {">", "*", "a", "a.*", "b.>", "a.>", "*.a.c"};
    for (std::uint64_t round = 0; round < rounds; ++round) {
        for (auto& p : done) p.allow_more();
        for (unsigned changes = 1 + random() % 4; changes != 0; --changes) {
            auto& m = members[random() % members.size()];
            if (m.w) end(m.s, m.w);
            m.w = std::make_shared<witness>();
            m.w->pattern = patterns[random() % std::size(patterns)];
            m.w->posted = random() % 3 == 0;
            m.s = subscribe(m.w);
        }
    }
    for (auto& t : threads) t.join();
    for (auto& m : members)
        if (m.w) end(m.s, m.w);
    running.join();
}

}  // namespace

}  // namespace tidings::test
