// SPDX-License-Identifier: BSL-1.0
#include <tidings/store/memory_outbox.hpp>
#include <tidings/test/faulty_outbox.hpp>

#include "support/outbox_conformance.hpp"

#include <boost/asio/bind_executor.hpp>

#include <thread>

namespace tidings::test {

namespace {

using texts = std::vector<std::string>;
using state = store::outbox_result::state;

const auto failed = ": " + make_error_code(errc::store_failed).message();

/// A faulty outbox, and the sound one it wraps.
class faulty_outbox_bed : public outbox_bed {
 public:
    explicit faulty_outbox_bed(std::shared_ptr<store::outbox> inner = store::make_memory_outbox(
                                   {.dead = {.max_age = std::chrono::seconds(1)}}))
        : outbox_bed({"faulty", [&](auto) { return std::make_shared<faulty_outbox>(inner); }}),
          sound({"sound", [&](auto) { return inner; }}) {}
    fault_plan& plan() { return static_cast<faulty_outbox&>(of()).plan(); }

    outbox_bed sound;
};

/// Starts one of each operation on the entry "1", which is claimed, and the entry "2", which is
/// not.
void start_all(outbox_bed& o, std::uint64_t first) {
    o.of().async_append({.now = o.at(), .entries = {o.entry("a", "3")}}, o.bed().note("append"));
    o.of().async_claim({.now = o.at(), .max_entries = 1, .max_per_endpoint = 1},
                       o.bed().note("claim"));
    o.of().async_finish({.now = o.at(), .results = {{first, state::dead, 1, o.at(), {}, {}}}},
                        o.bed().note("finish"));
    o.of().async_list({}, o.bed().note("list"));
    o.of().async_retain({.now = o.at(std::chrono::seconds(1))}, o.bed().note("retain"));
}

}  // namespace

TEST_CASE("an outbox without faults is the one it wraps", "[store][faulty]") {
    outbox_conformance({"faulty",
                        [](store::outbox_options options) {
                            return std::make_shared<faulty_outbox>(
                                store::make_memory_outbox(options));
                        },
                        [](store::outbox& o) { static_cast<faulty_outbox&>(o).plan().fail(); }});
}

TEST_CASE("a planned fault of an outbox comes before what was asked, or after", "[store][faulty]") {
    const bool after = GENERATE(false, true);
    const std::size_t nth = GENERATE(1U, 2U, 3U, 4U, 5U);
    CAPTURE(after, nth);
    faulty_outbox_bed o;
    o.append("a", "1");
    o.append("a", "2");
    const auto first = o.claim(1).entries.at(0).key;
    o.plan().fail({.nth = nth, .after = after});
    start_all(o, first);
    texts expected{"append", "claim", "finish", "list", "retain"};
    expected[nth - 1] += failed;
    CHECK(o.bed().order() == expected);
    CHECK(o.plan().failures() == 1);
    CHECK(o.plan().operations() == 8);
    CHECK(o.plan().operations("append") == 3);

    // The three that change something, and the one that drops what another has settled.
    const auto done = [&](std::size_t n) { return after || nth != n; };
    texts left;
    if (!done(3) || !done(5)) left.push_back("1");
    left.push_back("2");
    if (done(1)) left.push_back("3");
    CHECK(o.sound.listed_ids() == left);
    texts unclaimed;
    if (!done(2)) unclaimed.push_back("2");
    if (done(1)) unclaimed.push_back("3");
    CHECK(ids_of(o.sound.claim()) == unclaimed);
}

TEST_CASE("a fault may be of one operation, of an own error, and last", "[store][faulty]") {
    faulty_outbox_bed o;
    o.plan().fail({.operation = "claim", .nth = 2, .times = 2, .error = errc::timed_out});
    o.plan().fail({.operation = "retain", .times = fault::always});
    const auto timed_out = ": " + make_error_code(errc::timed_out).message();
    for (int i = 0; i < 4; ++i) {
        o.of().async_claim({}, o.bed().note("claim"));
        o.of().async_retain({}, o.bed().note("retain"));
    }
    const auto lost = "retain" + failed;
    CHECK(o.bed().order() == texts{"claim", lost, "claim" + timed_out, lost, "claim" + timed_out,
                                   lost, "claim", lost});
    CHECK(o.plan().failures() == 6);
    o.plan().heal();
    o.of().async_retain({}, o.bed().note("retain"));
    CHECK(o.bed().order() == texts{"retain"});
}

TEST_CASE("completions of an outbox are held until they are released", "[store][faulty]") {
    faulty_outbox_bed o;
    texts ended;
    net::io_context io;
    const auto append = [&](const char* id) {
        o.of().async_append({.entries = {o.entry("a", id)}},
                            net::bind_executor(io, [&, id](error_code ec, const auto&) {
                                ended.push_back(id + (ec ? failed : ""));
                            }));
    };
    const auto run = [&] {
        io.restart();
        io.poll();
        return std::exchange(ended, {});
    };
    o.plan().hold();
    CHECK_FALSE(o.plan().release_one());
    o.plan().fail({.nth = 2});
    for (const auto* id : {"1", "2", "3", "4"}) append(id);
    CHECK(run().empty());
    CHECK(o.plan().held() == 4);
    CHECK(o.sound.listed_ids() == texts{"1", "3", "4"});  // done, but not answered

    CHECK(o.plan().release_one());
    CHECK(ended.empty());  // not inside the call
    CHECK(run() == texts{"1"});
    append("5");
    CHECK(run().empty());
    o.plan().release();
    CHECK(run() == texts{"2" + failed, "3", "4", "5"});
    append("6");
    CHECK(run() == texts{"6"});
}

TEST_CASE("an outbox may never answer", "[store][faulty]") {
    faulty_outbox_bed o;
    const auto waiting = std::make_shared<int>();
    net::io_context io;
    o.plan().hold();
    o.of().async_retain(
        {}, net::bind_executor(io, [waiting](error_code, const auto&) { FAIL("called"); }));
    CHECK(waiting.use_count() == 2);
    o.plan().discard();
    CHECK(waiting.use_count() == 1);
    CHECK(o.plan().held() == 0);
    io.poll();
}

TEST_CASE("one plan may serve several outboxes", "[store][faulty]") {
    const auto plan = std::make_shared<fault_plan>();
    const auto make = [&](auto options) {
        return std::make_shared<faulty_outbox>(store::make_memory_outbox(options), plan);
    };
    outbox_bed one({"one", make});
    outbox_bed other({"other", make});
    plan->fail({.nth = 2});
    one.append("a", "1");
    CHECK(other.try_append({other.entry("a", "2")}) == errc::store_failed);
    CHECK(plan->operations() == 2);
}

TEST_CASE("a plan is changed while its outbox is used", "[store][faulty][threads]") {
    constexpr int each = 200;
    const auto outbox = std::make_shared<faulty_outbox>();
    net::io_context io;
    std::atomic<int> good = 0;
    std::atomic<int> bad = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t)
        threads.emplace_back([&] {
            for (int i = 0; i < each; ++i)
                outbox->async_append({.entries = {outbox_bed::entry("a", "x")}},
                                     net::bind_executor(io, [&](error_code ec, const auto&) {
                                         ++(ec ? bad : good);
                                     }));
        });
    for (int i = 0; i < each; ++i) {
        outbox->plan().fail({.after = true});
        outbox->plan().hold();
        outbox->plan().release();
        io.poll();
        io.restart();
    }
    for (auto& t : threads) t.join();
    outbox->plan().release();
    io.poll();
    CHECK(good + bad == 3 * each);
    CHECK(outbox->plan().operations() == 3 * each);
    CHECK(outbox->plan().failures() == static_cast<std::size_t>(bad));
}

}  // namespace tidings::test
