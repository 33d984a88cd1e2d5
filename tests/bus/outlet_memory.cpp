// SPDX-License-Identifier: BSL-1.0
// What stands on a bus in the process where memory runs out, at each allocation in turn.
#include "support/allocations.hpp"
#include "support/bus_fixture.hpp"

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/strand.hpp>

#include <any>
#include <array>

namespace tidings::test {

namespace {

/// What one subscription has got, as numbers; what is announced as missing is counted.
struct collected {
    collected() { events.reserve(100); }
    void take(const event_ptr& e) {
        if (const auto n = lagged_count(e))
            missing += *n;
        else
            events.push_back(e);
    }
    test::texts shown() const {
        test::texts all;
        for (const auto& e : events) all.emplace_back(e->text());
        return all;
    }
    std::vector<event_ptr> events;
    std::uint64_t missing = 0;
};

struct taking_subscriber final : subscriber {
    explicit taking_subscriber(collected& c) : into(c) {}
    outcome deliver(const event_ptr& e) noexcept override {
        into.take(e);
        return outcome::delivered;
    }
    collected& into;
};

/// A subscription of some kind on the bus, whose callbacks run on an executor.
struct outlet_kind {
    const char* name;
    bool announces;  ///< what it has missed
    void (*join)(bus& hub, const net::any_io_executor& on, collected& into, std::any& held);
};

void read_on(const std::shared_ptr<receiver>& r, const net::any_io_executor& on, collected& into) {
    r->async_receive(
        net::bind_executor(on, [r = r.get(), on, &into](error_code ec, const event_ptr& e) {
            if (ec) return;
            into.take(e);
            // As a coroutine that goes on with the memory that its last step gave back.
            const auto left = allocations_left.exchange(-1);
            read_on(std::shared_ptr<receiver>(std::shared_ptr<void>(), r), on, into);
            allocations_left = left;
        }));
}

const outlet_kind kinds[] = {
    {"immediate callback", false,
     [](bus& hub, const net::any_io_executor&, collected& into, std::any& held) {
         held = std::make_shared<subscription>(
             hub.subscribe("a", immediate, [&into](const event_ptr& e) { into.take(e); }));
     }},
    {"callback", true,
     [](bus& hub, const net::any_io_executor& on, collected& into, std::any& held) {
         held = std::make_shared<subscription>(hub.subscribe(
             "a", net::bind_executor(on, [&into](const event_ptr& e) { into.take(e); })));
     }},
    {"receiver", true,
     [](bus& hub, const net::any_io_executor& on, collected& into, std::any& held) {
         const auto r = std::make_shared<receiver>(hub.receive("a"));
         held = r;
         read_on(r, on, into);
     }},
    {"subscriber", true,
     [](bus& hub, const net::any_io_executor&, collected& into, std::any& held) {
         held = std::make_shared<subscription>(
             hub.subscribe("a", std::make_shared<taking_subscriber>(into)));
     }},
};

// A strand of Asio's needs memory to go on, and throws out of `run` where there is none.
void run_on(context_fixture& f, bool strand) {
    try {
        f.run();
    } catch (const std::bad_alloc&) {
        if (!strand) throw;
        f.run();
    }
}

}  // namespace

TEST_CASE("whatever allocation fails, a subscription gets each event or hears that it is missing",
          "[bus][fault-1]") {
    const auto& kind = GENERATE(from_range(std::begin(kinds), std::end(kinds)));
    const bool strand = GENERATE(false, true);
    const auto history = GENERATE(std::size_t{0}, std::size_t{100});
    for (long n = 0;; ++n) {
        CAPTURE(kind.name, strand, history, n);
        REQUIRE(n < 500);
        context_fixture f;
        bus hub(f.io(), {.history = {.max_events = history}, .clock = &f.clock()});
        net::any_io_executor on = f.io().get_executor();
        if (strand) on = net::make_strand(on);
        collected got;
        std::any held;
        kind.join(hub, on, got, held);
        f.run();

        texts expected;
        std::size_t dropped = 0;
        const auto publish = [&](const std::string& text) {
            try {
                return hub.publish("a", made(text));
            } catch (const std::bad_alloc&) {
                return receipt(errc::out_of_memory);  // for the event's texts
            }
        };
        std::array<receipt, 4> receipts;
        allocations_left = n;
        for (std::size_t i = 0; i < receipts.size(); ++i) {
            receipts[i] = publish(std::to_string(i));
            if (i % 2 == 1) run_on(f, strand);
        }
        const bool failed = allocations_left.exchange(-1) < 0;
        for (std::size_t i = 0; i < receipts.size(); ++i) {
            const auto& r = receipts[i];
            CHECK(r.position.has_value() == (history != 0 && !r.error));
            CHECK(r.matched == r.delivered + r.queued + r.dropped);
            CHECK(r.matched == (r.error ? 0 : 1));
            dropped += r.dropped;
            if (r.matched != r.dropped) expected.push_back(std::to_string(i));
        }
        f.run();
        // What memory was found for has come without another event.
        CHECK(got.shown() == expected);
        expected.push_back("last");
        CHECK(publish("last").matched == 1);
        f.run();
        CHECK(got.shown() == expected);
        if (kind.announces) CHECK(got.missing == dropped);
        held.reset();
        if (!failed) break;
    }
}

}  // namespace tidings::test
