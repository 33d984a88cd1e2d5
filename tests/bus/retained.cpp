// SPDX-License-Identifier: BSL-1.0
#include "support/resume_bed.hpp"
#include "support/two_threads.hpp"

#include <algorithm>
#include <map>
#include <random>
#include <set>

// What a bus retains, and how a subscription begins with it.

namespace tidings::test {

namespace {

using namespace std::chrono_literals;

enum class kind { none, memory, later };

/// A bus that retains, with a history, one that commits later, or none. Topics that begin with
/// `uncovered` are in no memory history.
class retaining_bed : public context_fixture {
 public:
    explicit retaining_bed(kind k, std::vector<retained_rule> rules = {{.max_topics = 1000}}) {
        bus_options o{.clock = &clock(), .retained = std::move(rules)};
        if (k == kind::later)
            o.history.implementation = far = std::make_shared<ordering_history>(9);
        if (k == kind::memory)
            o.history.rules = {{.pattern = "uncovered.>", .max_events = 0}, {.max_events = 1000}};
        hub.emplace(io(), std::move(o));
    }
    ~retaining_bed() {
        hub.reset();
        far.reset();
    }
    receipt publish(std::string_view topic, std::string_view text) {
        return hub->publish(topic, made(text));
    }
    receipt publish_marker(std::string_view topic) {
        return hub->publish(topic, event("test", "/test").extension(retain_extension, false));
    }
    void settle() {
        do {
            if (far) far->commit_all();
            run();
        } while (far && far->waiting() != 0);
    }

    std::shared_ptr<ordering_history> far;
    std::optional<bus> hub;
};

/// A way to take events, read in small steps; what it has seen so far.
struct reader {
    std::string name;
    std::function<void(retaining_bed&, subscribe_options)> start{};
    std::function<void()> step = [] {};
    std::function<subscription_counters()> counters{};
    std::shared_ptr<std::vector<event_ptr>> seen = std::make_shared<std::vector<event_ptr>>();
};

std::vector<reader> every_reader(std::string pattern = ">") {
    std::vector<reader> all;
    {
        reader r{.name = "callback"};
        auto s = std::make_shared<subscription>();
        r.start = [=, seen = r.seen](retaining_bed& f, subscribe_options o) {
            o.max_batch = 1;
            *s = f.hub->subscribe(
                pattern, [seen](const event_ptr& e) { seen->push_back(e); }, std::move(o));
        };
        r.counters = [s] { return s->counters(); };
        all.push_back(std::move(r));
    }
    {
        reader r{.name = "receiver"};
        auto held = std::make_shared<receiver>();
        r.start = [=](retaining_bed& f, subscribe_options o) {
            *held = f.hub->receive(pattern, std::move(o));
        };
        r.step = [held, seen = r.seen] {
            if (auto e = held->try_receive()) seen->push_back(std::move(*e));
        };
        r.counters = [held] { return held->counters(); };
        all.push_back(std::move(r));
    }
    {
        struct keeping final : subscriber {
            explicit keeping(std::shared_ptr<std::vector<event_ptr>> s) : seen(std::move(s)) {}
            outcome deliver(const event_ptr& e) noexcept override {
                seen->push_back(e);
                return outcome::delivered;
            }
            std::shared_ptr<std::vector<event_ptr>> seen;
        };
        reader r{.name = "subscriber"};
        auto s = std::make_shared<subscription>();
        r.start = [=, seen = r.seen](retaining_bed& f, subscribe_options o) {
            *s = f.hub->subscribe(pattern, std::make_shared<keeping>(seen), std::move(o));
        };
        r.counters = [s] { return s->counters(); };
        all.push_back(std::move(r));
    }
    return all;
}

/// Until nothing more comes.
texts drain(retaining_bed& f, const reader& r) {
    for (auto before = r.seen->size() + 1; before != r.seen->size();) {
        before = r.seen->size();
        for (int i = 0; i < 4; ++i) {
            f.settle();
            r.step();
        }
    }
    return show(*r.seen);
}

const std::vector<kind> kinds{kind::none, kind::memory, kind::later};

}  // namespace

TEST_CASE("a subscription begins with the newest event of each topic, the oldest first",
          "[bus][retained]") {
    for (const auto k : kinds)
        for (auto& r : every_reader()) {
            INFO(r.name << ' ' << int(k));
            retaining_bed f(k);
            for (const auto* topic : {"a", "b", "a", "c"}) f.publish(topic, topic);
            f.publish("b", "b2");
            f.settle();
            r.start(f, {.retained = true});
            f.publish("a", "a3");
            CHECK(drain(f, r) == texts{"c=c", "b=b2", "a=a3"});
            CHECK(r.counters().matched == 3);
            CHECK(r.counters().delivered == 3);
            f.publish("d", "d");
            CHECK(drain(f, r).back() == "d=d");
            r = {};
        }
}

TEST_CASE("only topics that the pattern matches are sent, each once", "[bus][retained]") {
    for (const auto* pattern : {"a.x", "a.*", "*.x"})
        for (auto& r : every_reader(pattern)) {
            INFO(r.name << ' ' << pattern);
            retaining_bed f(kind::memory);
            for (const auto* topic : {"a.x", "b.y", "a"}) f.publish(topic, "1");
            r.start(f, {.retained = true});
            CHECK(drain(f, r) == texts{"a.x=1"});
            r = {};
        }
}

TEST_CASE("a retained event has no position, and what follows has", "[bus][retained]") {
    for (auto& r : every_reader()) {
        INFO(r.name);
        retaining_bed f(kind::memory);
        const auto first = f.publish("a", "1");
        REQUIRE(first.position);
        r.start(f, {.retained = true});
        drain(f, r);
        f.publish("a", "2");
        drain(f, r);
        REQUIRE(r.seen->size() == 2);
        CHECK_FALSE(r.seen->at(0)->position());
        CHECK(r.seen->at(0)->id() == r.seen->at(0)->id());
        REQUIRE(r.seen->at(1)->position());
        CHECK(r.seen->at(1)->position()->number() == 2);
        r = {};
    }
}

TEST_CASE("those that get a retained event share it", "[bus][retained]") {
    retaining_bed f(kind::memory);
    f.publish("a", "1");
    auto one = f.hub->receive("a", {.retained = true});
    auto two = f.hub->receive("a", {.retained = true});
    f.settle();
    CHECK(one.try_receive() == two.try_receive());
}

TEST_CASE("a feed has no cursor until what is retained was pushed, and then the joining position",
          "[bus][retained]") {
    for (const auto k : {kind::memory, kind::later}) {
        retaining_bed f(k);
        for (int i = 0; i < 5; ++i) f.publish("t" + std::to_string(i), "1");
        f.settle();
        const auto joined = f.hub->head();
        struct watching final : detail::feed_sink {
            bool ready() noexcept override { return room > 0; }
            void push(const event_ptr& e) noexcept override {
                --room;
                seen.push_back(show(e));
            }
            void on_retained_end() noexcept override { seen.push_back("joined"); }
            void on_feed_end(error_code) noexcept override {}
            int room = 0;
            texts seen;
        };
        const auto sink = std::make_shared<watching>();
        const auto feed = std::make_shared<detail::feed>(
            f.hub->state(), f.hub->state()->home(), sink,
            detail::feed_options{.patterns = {">"}, .retained = true, .slice = 2});
        CHECK_FALSE(feed->start());
        f.publish("t1", "2");
        f.settle();
        bool refreshed = false;
        feed->refresh([&] { refreshed = true; });
        f.settle();
        CHECK(refreshed);
        CHECK(sink->seen.empty());
        CHECK(feed->cursor().empty());
        for (int i = 0; i < 3; ++i) {
            ++sink->room;
            feed->pump();
            f.settle();
            CHECK(feed->cursor().empty());
            CHECK_FALSE(feed->live());
        }
        sink->room = 1;
        feed->pump();
        f.settle();
        CHECK(sink->seen == texts{"t0=1", "t2=1", "t3=1", "t4=1", "joined"});
        CHECK(feed->cursor() == joined);
        sink->room = 1;
        feed->pump();
        f.settle();
        CHECK(sink->seen.back() == "t1=2");
        CHECK(feed->live());
        CHECK(feed->cursor() == f.hub->head());
        feed->stop();
    }
}

TEST_CASE("what is retained comes as there is room, and overflows no queue", "[bus][retained]") {
    for (const auto k : kinds)
        for (const auto policy :
             {overflow::drop_oldest, overflow::disconnect, overflow::drop_newest})
            for (auto& r : every_reader()) {
                INFO(r.name << ' ' << int(k));
                retaining_bed f(k);
                for (int i = 0; i < 300; ++i) f.publish("t" + std::to_string(i), "1");
                f.settle();
                r.start(f, {.limits = {.max_events = 2}, .overflow = policy, .retained = true});
                const auto seen = drain(f, r);
                CHECK(seen.size() == 300);
                CHECK(seen.front() == "t0=1");
                CHECK(seen.back() == "t299=1");
                CHECK(r.counters().dropped == 0);
                r = {};
            }
}

TEST_CASE("what is published meanwhile is neither lost nor doubled, nor before what it follows",
          "[bus][retained]") {
    std::minstd_rand random(GENERATE(1u, 2u, 3u, 4u));
    for (const auto k : kinds)
        for (auto& r : every_reader()) {
            INFO(r.name << ' ' << int(k));
            retaining_bed f(k == kind::later ? kind::memory : k);
            std::map<std::string, int> newest, at_start;
            const auto publish_one = [&] {
                const auto topic =
                    (random() % 3 == 0 ? "uncovered.t" : "t") + std::to_string(random() % 40);
                f.publish(topic, std::to_string(++newest[topic]));
            };
            for (int i = 0; i < 60; ++i) publish_one();
            at_start = newest;
            r.start(f, {.limits = {.max_events = 500}, .retained = true});
            for (int i = 0; i < 300; ++i) {
                if (random() % 2 == 0) publish_one();
                if (random() % 3 == 0) f.settle();
                if (random() % 2 == 0) r.step();
            }
            drain(f, r);
            std::map<std::string, int> last;
            for (const auto& e : *r.seen) {
                const auto number = std::stoi(std::string(e->text()));
                const std::string topic(e->topic());
                const bool first = !last.contains(topic);
                // The retained one, or the one behind it where that was replaced first.
                if (first)
                    CHECK((number == at_start[topic] || number == at_start[topic] + 1));
                else
                    CHECK(number == last[topic] + 1);
                last[topic] = number;
            }
            CHECK(last == newest);
            CHECK(r.counters().dropped == 0);
            r = {};
        }
}

TEST_CASE("a long list is sent in parts that let the lane do other things", "[bus][retained]") {
    retaining_bed f(kind::none, {{.max_topics = 10'000}});
    for (int i = 0; i < 3000; ++i) f.publish("t." + std::to_string(i), "1");
    f.publish("rare.t", "1");
    auto target = std::make_shared<recording_subscriber>();
    auto all = f.hub->subscribe(">", target, {.retained = true});
    auto one = std::make_shared<recording_subscriber>();
    auto rare = f.hub->subscribe("rare.*", one, {.retained = true});  // behind 3000 that are others
    std::set<std::size_t> steps;
    while (f.io().poll_one() != 0) steps.insert(target->seen.size());
    f.io().restart();
    f.settle();
    CHECK(steps.size() > 10);
    CHECK(target->seen.size() == 3001);
    CHECK(one->seen == texts{"rare.t=1"});
}

TEST_CASE("a marker without data, and forget, remove a value", "[bus][retained]") {
    for (const auto k : kinds) {
        retaining_bed f(k);
        texts live;
        auto watch = f.hub->subscribe(">", [&](const event_ptr& e) { live.push_back(show(e)); });
        for (const auto* topic : {"a", "b", "c", "d"}) f.publish(topic, "1");
        f.publish_marker("a");
        f.hub->publish("b", event("test", "/test").extension(retain_extension, "false"));
        f.settle();
        CHECK(f.hub->forget("c"));
        CHECK_FALSE(f.hub->forget("c"));
        CHECK_FALSE(f.hub->forget("never"));
        auto r = f.hub->receive(">", {.retained = true});
        f.settle();
        CHECK(show(r.try_receive().value()) == "d=1");
        CHECK_FALSE(r.try_receive());
        CHECK(live == texts{"a=1", "b=1", "c=1", "d=1", "a=", "b="});
        CHECK(f.hub->retained().topics == 1);
        CHECK(f.hub->retained().evicted == 0);
    }
}

TEST_CASE("an event with data is kept whatever its extension says, and one without is, too",
          "[bus][retained]") {
    retaining_bed f(kind::none);
    f.hub->publish("a", made("1").extension(retain_extension, false));
    f.hub->publish("b", event("test", "/test"));
    f.hub->publish("c", event("test", "/test").extension(retain_extension, true));
    CHECK(f.hub->retained().topics == 3);
}

TEST_CASE("at its bounds a rule loses what was published first, and counts it", "[bus][retained]") {
    retaining_bed f(kind::memory, {{.pattern = "none.>", .max_topics = 0},
                                   {.pattern = "few.*", .max_topics = 2},
                                   {.pattern = "small.*", .max_topics = 100, .max_bytes = 1000},
                                   {.pattern = "*.*", .max_topics = 100}});
    const auto kept = [&](std::string_view pattern) {
        auto r = f.hub->receive(pattern, {.retained = true});
        f.settle();
        texts seen;
        while (auto e = r.try_receive()) seen.push_back(show(*e));
        return seen;
    };
    for (const auto* topic : {"few.1", "few.2", "few.1", "few.3"}) f.publish(topic, "x");
    CHECK(kept("few.*") == texts{"few.1=x", "few.3=x"});
    CHECK(f.hub->retained().evicted == 1);

    for (const auto* topic : {"none.1", "elsewhere", "tidings.x"}) f.publish(topic, "x");
    f.publish("other.1", "x");
    CHECK(kept("other.*") == texts{"other.1=x"});
    CHECK(kept("none.*").empty());
    CHECK(kept("elsewhere").empty());

    const std::string large(200, 'x');
    for (const auto* topic : {"small.1", "small.2", "small.3"}) f.publish(topic, large);
    CHECK(kept("small.*").size() == 2);
    CHECK(f.hub->retained().evicted == 2);
    CHECK(f.hub->retained().bytes < 1000 + 3 * 300);
    f.publish("small.2",
              std::string(2000, 'x'));  // never fits: and the older one is not the newest
    CHECK(kept("small.*") == texts{"small.3=" + large});
    CHECK(f.hub->retained().evicted == 3);
}

TEST_CASE("a rule that is no pattern is refused at construction", "[bus][retained]") {
    net::io_context io;
    CHECK_THROWS_AS(bus(io, bus_options{.retained = {{.pattern = "a..b", .max_topics = 1}}}),
                    std::invalid_argument);
}

TEST_CASE("a bus that retains nothing has an ordinary subscription", "[bus][retained]") {
    bus_fixture f;
    auto r = f.hub->receive("a", {.retained = true});
    CHECK(f.publish("a", "1").queued == 1);
    CHECK(show(r.try_receive().value()) == "a=1");
    CHECK_FALSE(f.hub->forget("a"));
    CHECK(f.hub->retained().topics == 0);
    CHECK_FALSE(bus(std::move(*f.hub)).forget("a"));
    CHECK_FALSE(f.hub->forget("a"));
}

TEST_CASE("a subscription that resumes gets what it missed, and nothing that is retained",
          "[bus][retained]") {
    for (auto& r : every_reader()) {
        INFO(r.name);
        retaining_bed f(kind::memory);
        f.publish("a", "1");
        const auto after = f.hub->head();
        f.publish("b", "1");
        r.start(f, {.after = after, .retained = true});
        CHECK(drain(f, r) == texts{"b=1"});
        r = {};
    }
}

TEST_CASE("a filter chooses among what is retained", "[bus][retained]") {
    for (auto& r : every_reader()) {
        INFO(r.name);
        retaining_bed f(kind::memory);
        f.hub->publish("a", event("wanted", "/test", "1"));
        f.hub->publish("b", event("other", "/test", "1"));
        f.hub->publish("c", event("wanted", "/test", "1"));
        r.start(f, {.filter = event_filter::exact("type", "wanted"), .retained = true});
        CHECK(drain(f, r) == texts{"a=1", "c=1"});
        CHECK(r.counters().matched == 2);
        r = {};
    }
}

TEST_CASE("what a handle publishes is retained, by every way it has", "[bus][retained]") {
    retaining_bed f(kind::none);
    const auto to = f.hub->topic("a");
    texts seen;
    auto watch =
        f.hub->subscribe("a", immediate, [&](const event_ptr& e) { seen.push_back(show(e)); });
    const auto newest = [&] {
        auto r = f.hub->receive("a", {.retained = true});
        f.settle();
        return show(r.try_receive().value());
    };
    to.publish(made("1"));
    CHECK(newest() == "a=1");
    const auto prepared = to.prepare(made("2"));
    to.publish(prepared);
    CHECK(newest() == "a=2");
    to.publish(made("3"));
    to.publish(prepared);
    CHECK(newest() == "a=2");
    to.async_publish(made("4"), [](error_code, const receipt&) {});
    CHECK(newest() == "a=4");
    CHECK(seen == texts{"a=1", "a=2", "a=3", "a=2", "a=4"});
}

TEST_CASE("a C++ value that is replaced is destroyed with no lock held", "[bus][retained]") {
    struct calling {
        explicit calling(bus& b) : hub(&b) {}
        calling(calling&& o) noexcept : hub(std::exchange(o.hub, nullptr)) {}
        ~calling() {
            if (hub != nullptr) hub->retained();
        }
        bus* hub;
    };
    retaining_bed f(kind::none, {{.max_topics = 2}});
    const auto publish = [&](std::string_view topic) {
        f.hub->publish(topic, event::of("test", "/test", calling(*f.hub)));
    };
    for (const auto* topic : {"a", "a", "b", "c"}) publish(topic);
    CHECK(f.hub->forget("c"));
    publish("b");
    f.publish_marker("b");
    f.settle();
    CHECK(f.hub->retained().topics == 0);
}

TEST_CASE("patterns that a stream loses bring no retained events any more", "[bus][retained]") {
    retaining_bed f(kind::memory);
    for (const auto* topic : {"a.1", "b.1", "a.2", "b.2"}) f.publish(topic, "x");
    const auto sink = std::make_shared<slow_sink>();
    sink->room = 1;
    const auto feed = std::make_shared<detail::feed>(
        f.hub->state(), f.hub->state()->home(), sink,
        detail::feed_options{.patterns = {"a.*", "b.*"}, .retained = true});
    CHECK_FALSE(feed->start());
    f.settle();
    feed->narrow({"b.*"});
    sink->room = 10;
    feed->pump();
    f.settle();
    CHECK(sink->seen == texts{"a.1=x", "a.2=x"});
    feed->stop();
}

TEST_CASE("a subscription that ends while it reads what is retained ends", "[bus][retained]") {
    retaining_bed f(kind::memory);
    for (int i = 0; i < 100; ++i) f.publish("t" + std::to_string(i), "1");
    std::size_t seen = 0;
    subscription s;
    s = f.hub->subscribe(">",
                         [&](const event_ptr&) {
                             if (++seen == 3) s.reset();
                         },
                         {.limits = {.max_events = 2}, .retained = true});
    f.settle();
    CHECK(seen == 3);
    auto other = f.hub->receive(">", {.limits = {.max_events = 2}, .retained = true});
    f.run();
    f.hub.reset();
    CHECK(other.error() == errc::closed);
}

TEST_CASE("a subscription that joins while threads publish has every topic's newest event",
          "[bus][retained][threads]") {
    for (const bool with_history : {false, true}) {
        constexpr int topics = 8, events = 400;
        two_threads threads;
        bus_options o{.retained = {{.max_topics = 100}}};
        if (with_history) o.history.max_events = 100'000;
        bus hub(threads.io, std::move(o));
        std::atomic<int> running{2};
        const auto publish = [&](int first) {
            for (int i = 1; i <= events; ++i)
                for (int t = first; t < topics; t += 2)
                    hub.publish("t" + std::to_string(t), made(std::to_string(i)));
            --running;
        };
        std::thread one(publish, 0), two(publish, 1);
        std::vector<receiver> readers;
        while (running != 0 || readers.size() < 4) {
            if (readers.size() < 40)
                readers.push_back(hub.receive(
                    ">", {.limits = {.max_bytes = std::size_t(1) << 30, .max_events = 1'000'000},
                          .retained = true}));
            std::this_thread::yield();
        }
        one.join();
        two.join();
        std::size_t wrong = 0;
        for (auto& r : readers) {
            std::map<std::string, int> last;
            std::size_t complete = 0;
            while (complete < topics) {
                const auto e = r.try_receive();
                if (!e) {
                    std::this_thread::yield();
                    continue;
                }
                const auto number = std::stoi(std::string((*e)->text()));
                auto& before = last[std::string((*e)->topic())];
                if (before != 0 && number != before + 1) ++wrong;
                before = number;
                if (number == events) ++complete;
            }
            if (r.counters().dropped != 0) ++wrong;
        }
        CHECK(wrong == 0);
    }
}

}  // namespace tidings::test
