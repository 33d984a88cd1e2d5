// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/bus_fixture.hpp"

#include <tidings/history.hpp>
#include <tidings/test/run_until.hpp>

#include <boost/asio/bind_executor.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace tidings::test {

/// How to make a history, and what brings its appended events to be committed.
struct history_kit {
    std::string name;
    /// One that keeps so many events, of every topic but those that begin with `uncovered`.
    std::function<std::shared_ptr<history>(std::size_t max_events, io::clock&)> make;
    std::function<void(history&)> settle;
    bool keeps_blocks = true;  ///< a read gives the very publications that were committed
    bool reads_back = true;    ///< it has `start_read_back`
};

/// A listener that records its calls, and what `append` itself commits or refuses.
class recording_listener final : public history_listener {
 public:
    void on_committed(const event_ptr& e) noexcept override { committed.push_back(e); }
    void on_append_failed(const event_ptr& e, error_code ec) noexcept override {
        failed.emplace_back(e, ec);
    }
    std::vector<event_ptr> committed;
    std::vector<std::pair<event_ptr, error_code>> failed;
};

/// A history under test and what is said about it.
class history_bed : public context_fixture {
 public:
    history_bed(const history_kit& kit, std::size_t max_events)
        : kit_(kit),
          history_(kit.make(max_events, clock())) {
        history_->listen(listener);
    }
    ~history_bed() {
        listener.committed.clear();
        listener.failed.clear();
        history_.reset();
    }

    tidings::history& of() { return *history_; }

    event_ptr append(std::string_view topic, event e = made("x"), publication_info info = {},
                     append_handler handler = {}) {
        error_code ec;
        const auto frozen = publication::make(topic, std::move(e), std::move(info), ec);
        REQUIRE_FALSE(ec);
        const auto r = history_->append(pending_publication(frozen), std::move(handler));
        if (r.error) listener.on_append_failed(frozen, r.error);
        if (r.committed) listener.on_committed(r.committed);
        committed_inside = r.committed.get() != nullptr;
        return frozen;
    }
    /// Appends `a=1`, `b=2`, ... and commits them: the topics are the letters.
    void append_all(std::string_view topics) {
        for (const char topic : topics)
            append(std::string_view(&topic, 1), made(std::to_string(++number_)));
        settle();
    }
    void settle() {
        kit_.settle(*history_);
        run();
    }
    history_slice read(position after, std::vector<std::string> patterns,
                       std::size_t max_events = 1000) {
        return completed([&](auto token) {
            history_->async_read(std::move(after), std::move(patterns), max_events, token);
        });
    }
    history_slice read_back(position before, std::vector<std::string> patterns,
                            std::size_t max_events = 1000) {
        return completed([&](auto token) {
            history_->async_read_back(std::move(before), std::move(patterns), max_events, token);
        });
    }
    position at(std::size_t i) const { return *listener.committed.at(i)->position(); }

    recording_listener listener;
    bool committed_inside = false;  // the last append

 private:
    // What `start` begins brings, which must not complete inside the call.
    template <class Start>
    history_slice completed(Start start) {
        history_slice slice;
        int ends = 0;
        start(net::bind_executor(io(), [&](error_code ec, history_slice s) {
            CHECK_FALSE(ec);
            slice = std::move(s);
            ++ends;
        }));
        CHECK(ends == 0);
        REQUIRE(run_io_until(io(), [&] { return ends != 0; }));
        run();
        REQUIRE(ends == 1);
        return slice;
    }

    history_kit kit_;
    std::shared_ptr<tidings::history> history_;
    int number_ = 0;
};

inline position foreign(std::string_view text) {
    error_code ec;
    auto p = position::parse(text, ec);
    REQUIRE_FALSE(ec);
    return p;
}

inline void check_commits(const history_kit& kit) {
    history_bed f(kit, 100);
    CHECK_FALSE(f.of().head().empty());
    CHECK(f.of().head().number() == 0);
    CHECK(f.of().covers("a.b"));
    CHECK_FALSE(f.of().covers("uncovered.x"));

    publication_info info;
    info.origin = 7;
    info.hops = 3;
    info.number = 11;
    std::vector<position> completed;
    const auto first = f.append(
        "a", made("1"), info, append_handler(f.io().get_executor(), [&](error_code ec, position p) {
            CHECK_FALSE(ec);
            completed.push_back(p);
        }));
    f.append("b", made("2"));
    CHECK(completed.empty());
    f.settle();
    REQUIRE(show(f.listener.committed) == texts{"a=1", "b=2"});
    const auto& a = f.listener.committed[0];
    const auto& b = f.listener.committed[1];
    CHECK(&a->event() == &first->event());
    CHECK(a->info().origin == 7);
    CHECK(a->info().hops == 3);
    CHECK(a->info().number == 11);
    REQUIRE(a->position());
    REQUIRE(b->position());
    CHECK_FALSE(*a->position() == *b->position());
    CHECK(a->sequence() != 0);
    CHECK(a->sequence() < b->sequence());
    CHECK(completed == std::vector{*a->position()});
    CHECK(f.of().head() == *b->position());
    CHECK(f.of().head().number() == b->sequence());
    CHECK(f.listener.failed.empty());

    recording_listener other;
    f.of().unlisten(other);  // one that does not listen ends nothing
    f.append("c");
    f.settle();
    CHECK(f.listener.committed.size() == 3);
    f.of().unlisten(f.listener);
    f.append("d");
    f.settle();
    CHECK(f.listener.committed.size() == (f.committed_inside ? 4 : 3));
}

inline void check_reads(const history_kit& kit) {
    history_bed f(kit, 100);
    auto s = f.read({}, {">"});
    CHECK(s.events.empty());
    CHECK_FALSE(s.gap);
    CHECK(s.at_end);
    CHECK(s.next == f.of().head());
    CHECK(s.next.number() == 0);

    f.append_all("abacab");
    s = f.read({}, {">"});
    CHECK(show(s.events) == texts{"a=1", "b=2", "a=3", "c=4", "a=5", "b=6"});
    CHECK(s.at_end);
    CHECK_FALSE(s.gap);
    CHECK(s.next == f.of().head());
    CHECK((s.events[2] == f.listener.committed[2]) == kit.keeps_blocks);

    CHECK(show(f.read(f.at(2), {">"}).events) == texts{"c=4", "a=5", "b=6"});
    CHECK(show(f.read(f.at(2), {"b", "c"}).events) == texts{"c=4", "b=6"});
    CHECK(show(f.read(f.at(0), {"a", "*", ">"}).events).size() == 5);
    CHECK(f.read(f.at(0), {"none.*"}).events.empty());
    CHECK(f.read(f.at(5), {">"}).events.empty());

    // What does not match is passed over, and read on from behind it.
    s = f.read(f.at(3), {"c"});
    CHECK(s.events.empty());
    CHECK(s.at_end);
    CHECK(s.next == f.of().head());
    f.append_all("c");
    CHECK(show(f.read(s.next, {"c"}).events) == texts{"c=7"});
}

inline void check_slices(const history_kit& kit) {
    history_bed f(kit, 100);
    f.append_all("abababab");
    for (const std::size_t size : {1u, 2u, 3u, 4u, 5u}) {
        INFO("slices of " << size);
        texts seen;
        position from = f.at(1);
        for (int slices = 0; slices < 20; ++slices) {
            const auto s = f.read(from, {"a"}, size);
            CHECK(s.events.size() <= size);
            CHECK_FALSE(s.gap);
            for (const auto& e : s.events) {
                seen.push_back(show(e));
                CHECK(e->sequence() <= s.next.number());
            }
            from = s.next;
            if (s.at_end) break;
            CHECK_FALSE(s.events.empty());
        }
        CHECK(seen == texts{"a=3", "a=5", "a=7"});
        CHECK(from == f.of().head());
    }
}

inline void check_gaps(const history_kit& kit) {
    history_bed f(kit, 3);
    f.append_all("aab");
    const auto start = f.at(0);
    const auto unknown = {foreign("other:1"),
                          foreign("x"),
                          foreign("other/99999999999999999999"),
                          foreign(start.text() + "0000000"),
                          foreign(start.epoch()),
                          foreign(start.text() + "x")};
    for (const auto& p : unknown) {
        INFO(p.text());
        const auto s = f.read(p, {"a"});
        const bool of_the_future = p.epoch() == start.epoch() && p.has_number();
        CHECK(s.gap);
        CHECK(show(s.events) == (of_the_future ? texts{} : texts{"a=1", "a=2"}));
        CHECK(s.gone.empty());
        CHECK(s.at_end);
        CHECK(s.next == f.of().head());
        CHECK(s.head == f.of().head());
        CHECK(s.before.number() == (of_the_future ? f.of().head().number() : start.number() - 1));
    }
    CHECK_FALSE(f.read(start, {">"}).gap);

    f.append_all("b");  // evicts the first, which is not after `start`
    CHECK(show(f.read(start, {">"}).events) == texts{"a=2", "b=3", "b=4"});
    f.append_all("b");  // evicts the second, which is
    CHECK(f.read(start, {">"}).gap);
    CHECK(f.read(start, {"*"}).gap);
    CHECK(f.read(start, {"b", "a"}).gap);
    CHECK_FALSE(f.read(f.at(1), {">"}).gap);
    // An evicted event that could not have matched is not missed.
    CHECK(show(f.read(start, {"b"}).events) == texts{"b=3", "b=4", "b=5"});
    CHECK_FALSE(f.read(start, {"c.>"}).gap);
    // A reader that asks for all that is held misses nothing.
    const auto all = f.read({}, {">"});
    CHECK_FALSE(all.gap);
    CHECK(show(all.events) == texts{"b=3", "b=4", "b=5"});
    CHECK(all.gone == f.at(1));
}

// What is left behind a gap, the place from which it is read on without one, and what ended it.
inline void check_left(const history_kit& kit) {
    history_bed f(kit, 4);
    f.append_all("aabcb");
    const auto start = f.of().head();
    f.append_all("aabcba");
    auto s = f.read(start, {">"}, 3);
    REQUIRE(s.gap);
    CHECK(show(s.events) == texts{"b=8", "c=9", "b=10"});
    CHECK_FALSE(s.at_end);
    CHECK(s.gone == f.at(6));
    CHECK(s.head == f.at(10));
    CHECK(s.before.epoch() == start.epoch());
    CHECK(s.before.number() >= f.at(6).number());
    CHECK(s.before.number() < f.at(7).number());
    CHECK(show(f.read(s.next, {">"}).events) == texts{"a=11"});
    const auto again = f.read(s.before, {">"}, 3);
    CHECK_FALSE(again.gap);
    CHECK(again.gone.empty());
    CHECK(show(again.events) == show(s.events));
    // Of what is held, what lies behind the position alone.
    CHECK(show(f.read(f.at(8), {">"}).events) == texts{"b=10", "a=11"});
    CHECK(show(f.read(f.of().head(), {">"}).events).empty());
    // Where nothing that matches is left, the place is the present.
    f.append_all("dddd");
    s = f.read(start, {"c"});
    CHECK(s.gap);
    CHECK(s.events.empty());
    CHECK(s.gone == f.at(8));
    CHECK(s.before == f.of().head());
}

// A reader that was there before the first commit gets like every other what it has missed.
inline void check_beginning(const history_kit& kit) {
    history_bed f(kit, 3);
    const auto start = f.of().head();
    CHECK_FALSE(f.read(start, {">"}).gap);
    CHECK(f.read(start, {">"}).next == start);
    f.append_all("aab");
    CHECK(show(f.read(start, {">"}).events) == texts{"a=1", "a=2", "b=3"});
    f.append_all("b");
    CHECK(f.read(start, {"a"}).gap);
    CHECK(show(f.read(start, {"b"}).events) == texts{"b=3", "b=4"});
}

inline void check_back(const history_kit& kit) {
    history_bed f(kit, 8);
    auto s = f.read_back({}, {">"});
    CHECK(s.events.empty());
    CHECK(s.at_end);
    f.append_all("abababac");
    s = f.read_back({}, {">"}, 3);
    CHECK(show(s.events) == texts{"c=8", "a=7", "b=6"});
    CHECK_FALSE(s.at_end);
    CHECK(show(f.read_back(f.at(2), {">"}).events) == texts{"b=2", "a=1"});
    CHECK(f.read_back(f.at(0), {">"}).events.empty());
    CHECK(f.read_back(f.at(0), {">"}).at_end);
    CHECK(f.read_back({}, {"none.*"}).events.empty());
    for (const std::size_t size : {1u, 2u, 3u, 4u, 5u}) {
        INFO("slices of " << size);
        texts seen;
        position from;
        for (int slices = 0; slices < 20; ++slices) {
            s = f.read_back(from, {"a", "c"}, size);
            CHECK(s.events.size() <= size);
            CHECK_FALSE(s.gap);
            for (const auto& e : s.events) {
                seen.push_back(show(e));
                CHECK(e->sequence() >= s.next.number());
            }
            from = s.next;
            if (s.at_end) break;
        }
        CHECK(s.at_end);
        CHECK(seen == texts{"c=8", "a=7", "a=5", "a=3", "a=1"});
    }
    // What is gone is older than what is held.
    const auto first = f.at(0), second = f.at(1);
    f.append_all("d");
    s = f.read_back({}, {">"});
    CHECK(show(s.events) == texts{"d=9", "c=8", "a=7", "b=6", "a=5", "b=4", "a=3", "b=2"});
    CHECK_FALSE(s.gap);
    CHECK(f.read_back(second, {">"}).events.empty());
    CHECK_FALSE(f.read_back(first, {">"}).gap);
    for (const auto& p :
         {foreign("other:1"), foreign("x"), foreign(first.text() + "0000000"), foreign("other")}) {
        INFO(p.text());
        s = f.read_back(p, {"b"}, 2);
        CHECK(s.gap);
        CHECK(show(s.events) == texts{"b=6", "b=4"});
    }
}

inline void check_find(const history_kit& kit) {
    history_bed f(kit, 2);
    f.append("a", made("1").id("one"));
    f.append("a", made("2"));
    f.settle();
    CHECK(f.of().find("/test", "one") == f.at(0));
    CHECK_FALSE(f.of().find("/test", "two"));
    CHECK_FALSE(f.of().find("/tes", "tone"));
    CHECK_FALSE(f.of().find("/other", "one"));
    CHECK_FALSE(f.of().find("/test", ""));
    f.append("a", made("3"));
    f.settle();
    CHECK_FALSE(f.of().find("/test", "one"));
}

/// What every history has to keep to.
inline void history_conformance(const history_kit& kit) {
    INFO(kit.name);
    SECTION("a commit is reported with position, sequence and the same content") {
        check_commits(kit);
    }
    SECTION("a read gives what matches, in order, and goes on behind it") {
        check_reads(kit);
    }
    SECTION("a read is cut into slices without loss") {
        check_slices(kit);
    }
    SECTION("a gap is reported only when an evicted event could have matched") {
        check_gaps(kit);
    }
    SECTION("behind a gap lies what is left") {
        check_left(kit);
    }
    SECTION("the place before the first commit is a position like any other") {
        check_beginning(kit);
    }
    SECTION("a read backwards gives the newest first, slice by slice") {
        if (kit.reads_back) check_back(kit);
    }
    SECTION("an event is found by source and id while it is held") {
        check_find(kit);
    }
}

}  // namespace tidings::test
