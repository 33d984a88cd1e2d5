// SPDX-License-Identifier: BSL-1.0
// A memory history where memory runs out, at each allocation in turn.
#include "support/allocations.hpp"
#include "support/bus_fixture.hpp"

#include <tidings/store/memory_history.hpp>

#include <boost/asio/bind_executor.hpp>

#include <set>

namespace tidings::test {

namespace {

event_ptr numbered(int n) {
    error_code ec;
    // Long names, so that none is kept in the string itself.
    const auto topic = "a.topic.whose.name.is.long." + std::to_string(n % 7);
    auto e = made("number " + std::to_string(n))
                 .id("an id that is longer than a short string " + std::to_string(n / 2));
    return publication::make(topic, std::move(e), {}, ec);
}

/// A history of few events, and what was appended to it.
struct memory_bed : context_fixture {
    explicit memory_bed(std::size_t max_bytes)
        : kept(make_memory_history(
              {{.max_events = 5, .max_bytes = max_bytes, .max_age = std::chrono::seconds(10)}},
              &clock())) {}

    append_result append(const event_ptr& e) { return kept->append(pending_publication(e), {}); }
    std::pair<error_code, history_slice> read(position after) {
        std::pair<error_code, history_slice> answer(errc::timed_out, history_slice());
        kept->start_read(std::move(after), {">"}, 100,
                         read_handler(io().get_executor(),
                                      net::bind_executor(io(), [&](error_code ec, history_slice s) {
                                          answer = {ec, std::move(s)};
                                      })));
        run();
        return answer;
    }
    std::shared_ptr<history> kept;
};

}  // namespace

TEST_CASE("an append for which memory is missing leaves no trace, or the event readable",
          "[history][fault-1]") {
    const auto cost = numbered(0)->footprint();
    // What falls out does so by number, by bytes, or by age.
    const std::size_t max_bytes = GENERATE_COPY(std::size_t{1} << 20, 3 * cost);
    const bool ages = GENERATE(false, true);
    const int before = GENERATE(0, 1, 5, 20);
    CAPTURE(max_bytes, ages, before);
    int refused = 0;
    for (long n = 0;; ++n) {
        CAPTURE(n);
        REQUIRE(n < 100);
        memory_bed f(max_bytes);
        std::vector<event_ptr> all;
        for (int i = 0; i < before; ++i) {
            all.push_back(numbered(i));
            REQUIRE(f.append(all.back()).committed);
        }
        if (ages) f.clock().advance(std::chrono::seconds(11));
        const auto head = f.kept->head();
        const auto e = numbered(before);
        allocations_left = n;
        const auto r = f.append(e);
        const bool failed = allocations_left < 0;
        allocations_left = -1;
        // That a topic is forgotten with which an event falls out refuses no append.
        if (!failed) CHECK_FALSE(r.error);
        if (r.error) {
            CHECK(r.error == errc::out_of_memory);
            CHECK_FALSE(r.committed);
            CHECK_FALSE(e->position());
            CHECK(f.kept->head() == head);
            CHECK_FALSE((e->event().id() != (before > 0 ? all.back()->event().id() : "") &&
                         f.kept->find(e->source(), e->event().id())));
        } else {
            CHECK(r.committed == e);
        }
        // Whatever happened, the next is taken and the bounds hold.
        const auto next = numbered(before + 1);
        const auto second = f.append(next);
        REQUIRE(second.committed);
        const auto [ec, slice] = f.read({});
        REQUIRE_FALSE(ec);
        std::size_t bytes = 0;
        for (const auto& each : slice.events) bytes += each->footprint();
        CHECK(bytes <= max_bytes);
        CHECK(slice.events.size() <= 5);
        REQUIRE(slice.events.size() >= 1);
        CHECK(slice.events.back() == next);
        std::set<const publication*> held;
        for (const auto& each : slice.events) held.insert(each.get());
        CHECK(held.count(e.get()) == (r.error ? 0 : 1));
        for (const auto& each : all)
            if (held.count(each.get()) == 0 && each->sequence() > 1)
                CHECK(f.read(position(std::make_shared<const std::string>(head.epoch()),
                                      each->sequence() - 1))
                          .second.gap);
        // Ids are found as long as their event is held, and no longer.
        for (const auto& each : {e, next})
            if (each->position() && held.count(each.get()) != 0)
                CHECK(f.kept->find(each->source(), each->event().id()).has_value());
        f.clock().advance(std::chrono::seconds(11));
        CHECK(f.read({}).second.events.empty());
        for (int i = 0; i <= before + 1; ++i)
            CHECK_FALSE(f.kept->find("/test", numbered(i)->event().id()));
        if (!failed) break;
        refused += r.error ? 1 : 0;
    }
    // Where its id is known, and no more than one event falls out, it needs no memory.
    const bool needs_none = before == 1 || (before == 5 && !ages);
    CHECK((refused == 0) == needs_none);
}

TEST_CASE("an event that falls out where memory is missing is a gap for its topic",
          "[history][fault-1]") {
    for (long n = 0;; ++n) {
        CAPTURE(n);
        REQUIRE(n < 100);
        memory_bed f(std::size_t{1} << 20);
        std::vector<event_ptr> all;
        for (int i = 0; i < 5; ++i) {
            all.push_back(numbered(i));
            REQUIRE(f.append(all.back()).committed);
        }
        const auto start = position(all[0]->position().value());
        f.clock().advance(std::chrono::seconds(11));
        // A read makes what is too old fall out.
        error_code why;
        history_slice slice;
        auto handler = read_handler(f.io().get_executor(),
                                    net::bind_executor(f.io(), [&](error_code ec, history_slice s) {
                                        why = ec;
                                        slice = std::move(s);
                                    }));
        allocations_left = n;
        bool thrown = false;
        try {
            f.kept->start_read(start, {">"}, 100, std::move(handler));
        } catch (const std::bad_alloc&) {
            thrown = true;  // the completion could not be posted
        }
        const bool failed = allocations_left < 0;
        allocations_left = -1;
        f.run();
        if (!thrown && !why) CHECK(slice.gap);
        if (why) CHECK(why == errc::out_of_memory);
        const auto [ec, again] = f.read(start);
        CHECK_FALSE(ec);
        CHECK(again.gap);
        CHECK(again.events.empty());
        for (const auto& e : all) CHECK_FALSE(f.kept->find(e->source(), e->event().id()));
        if (!failed) break;
    }
}

TEST_CASE("a handler that cannot be completed for want of memory says so in the result",
          "[history][fault-1]") {
    int kept_all_the_same = 0;
    for (long n = 0;; ++n) {
        CAPTURE(n);
        REQUIRE(n < 100);
        memory_bed f(std::size_t{1} << 20);
        const auto e = numbered(0);
        std::vector<error_code> ends;
        append_handler handler(f.io().get_executor(),
                               [&](error_code ec, position) { ends.push_back(ec); });
        allocations_left = n;
        const auto r = f.kept->append(pending_publication(e), std::move(handler));
        const bool failed = allocations_left < 0;
        allocations_left = -1;
        f.run();
        CHECK(static_cast<bool>(r.error) == failed);
        CHECK(ends.size() == (failed ? 0 : 1));
        CHECK(static_cast<bool>(r.committed) == e->position().has_value());
        CHECK(f.read({}).second.events.size() == (r.committed ? 1 : 0));
        kept_all_the_same += failed && r.committed;
        if (!failed) break;
    }
    CHECK(kept_all_the_same > 0);
}

}  // namespace tidings::test
