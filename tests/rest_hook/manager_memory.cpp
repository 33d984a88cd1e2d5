// SPDX-License-Identifier: BSL-1.0
// A manager where memory runs out, at each allocation in turn.
#include "support/allocations.hpp"
#include "support/rest_hook_bed.hpp"

#include <tidings/bus.hpp>
#include <tidings/rest_hook/impl/hook_record.hpp>
#include <tidings/rest_hook/manager.hpp>
#include <tidings/store/memory_table.hpp>
#include <tidings/test/faulty_table.hpp>
#include <tidings/webhook/make_secret.hpp>
#include <tidings/webhook/sender.hpp>

namespace tidings::test {

TEST_CASE("a manager closes when there is no memory", "[rest_hook][fault-1]") {
    bool failed = true;
    for (long n = 0; failed; ++n) {
        CAPTURE(n);
        REQUIRE(n < 50);
        std::weak_ptr<faulty_table> known;
        {
            world w;
            bus hub(w.io());
            webhook::sender sender(w.io(), {.environment = w.environment()});
            auto table = std::make_shared<faulty_table>();
            known = table;
            table->plan().fail({.operation = "scan"});
            std::optional<rest_hook::manager> hooks(
                std::in_place, hub, sender,
                rest_hook::manager_options{.table = std::move(table),
                                           .environment = w.environment()});
            w.run_ready();
            failed = runs_out_after(n, [&] { hooks.reset(); });
            w.run_ready();
            // Without memory for a turn, what is left ends with the context.
            if (!failed) CHECK(known.expired());
        }
        CHECK(known.expired());
    }
}

namespace {

using namespace std::chrono_literals;

/// A manager that follows a table, and what its subscription was sent.
struct follower {
    explicit follower(world& in) : w(in) {
        row.id = "hook_0000000000000001";
        row.topics = {"a"};
        row.target_url = target.url("/hook");
        row.secret = webhook::make_secret();
        row.owner = "an owner with a long name";
        row.lease_until = w.clock().wall_now() + 24h;
        w.run_ready();
    }
    void write() {
        table->start_put(row.id, to_row_value(row), revision,
                         {w.io().get_executor(), [this](error_code ec, std::uint64_t made) {
                              CHECK_FALSE(ec);
                              revision = made;
                          }});
    }
    void erase() {
        table->start_erase(row.id, 0, {w.io().get_executor(), [](error_code) {}});
    }
    /// Makes one change, and lets the manager follow it, where the n-th allocation fails. Whether
    /// it did.
    template <class F>
    bool change(long n, F f) {
        bool made = false;
        const bool failed = runs_out_after(n, [&] {
            f();
            made = true;
            w.run_ready();
        });
        if (!made) f();
        for (int i = 0; i < 30; ++i) w.advance(1s);
        return failed;
    }
    /// To which topics something is delivered.
    std::string served() {
        std::string topics;
        for (const auto* topic : {"a", "b", "c"}) {
            const auto before = target.requests.size();
            hub.publish(topic, event("test", "/test", "x"));
            w.run_ready();
            for (auto n = before; n != target.requests.size(); ++n) topics += topic;
        }
        return topics;
    }

    world& w;
    std::shared_ptr<store::table> table = store::make_memory_table();
    world_sink target{w};
    bus hub{w.io()};
    webhook::sender sender{w.io(), hook_sender_options(w)};
    rest_hook::manager manager{
        hub, sender, {.table = table, .expiring_lead = 0s, .environment = w.environment()}};
    rest_hook::detail::hook_record row{};
    std::uint64_t revision = 0;
};

/// Calls `f(n)` for each allocation, until none has failed.
template <class F>
void at_each_allocation(F f) {
    bool failed = true;
    for (long n = 0; failed; ++n) {
        CAPTURE(n);
        REQUIRE(n < 2000);
        failed = f(n);
    }
}

}  // namespace

TEST_CASE("a subscription that is written is served, though memory runs out",
          "[rest_hook][fault-1]") {
    at_each_allocation([](long n) {
        world w;
        follower f(w);
        const bool failed = f.change(n, [&] { f.write(); });
        CHECK(f.served() == "a");
        w.advance(24h);
        w.advance(1s);
        CHECK(f.served().empty());  // its lease was watched
        return failed;
    });
}

TEST_CASE("a subscription that is changed is served as it is, though memory runs out",
          "[rest_hook][fault-1]") {
    const bool other_target = GENERATE(false, true);
    CAPTURE(other_target);
    at_each_allocation([&](long n) {
        world w;
        follower f(w);
        f.change(-1, [&] { f.write(); });
        f.row.topics = {"c", "a", "b"};
        if (other_target) f.row.target_url = f.target.url("/hook/other");
        const bool failed = f.change(n, [&] { f.write(); });
        CHECK(f.served() == "abc");
        CHECK(f.target.requests.back().target == (other_target ? "/hook/other" : "/hook"));
        return failed;
    });
}

TEST_CASE("a subscription that is erased is served no more, though memory runs out",
          "[rest_hook][fault-1]") {
    at_each_allocation([](long n) {
        world w;
        follower f(w);
        f.change(-1, [&] { f.write(); });
        const bool failed = f.change(n, [&] { f.erase(); });
        CHECK(f.served().empty());
        return failed;
    });
}

}  // namespace tidings::test
