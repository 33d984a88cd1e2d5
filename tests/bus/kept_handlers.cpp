// SPDX-License-Identifier: BSL-1.0
#include "support/bus_fixture.hpp"
#include "support/live_executor.hpp"
#include "support/ordering_history.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>

// What a user was asked may be kept, called and destroyed when the context is gone.

namespace tidings::test {

namespace {

/// Keeps what it is asked.
struct keeping_subscriber final : subscriber {
    outcome deliver(const event_ptr&) noexcept override { return outcome::dropped; }
    std::vector<deliver_handler> kept;

 private:
    void start_deliver(event_ptr, deliver_handler handler) override {
        kept.push_back(std::move(handler));
    }
};

class kept_bed : public context_fixture {
 public:
    explicit kept_bed(std::shared_ptr<tidings::history> h = nullptr) {
        bus_options o{.clock = &clock()};
        o.history.implementation = std::move(h);
        hub.emplace(executor(), std::move(o));
    }
    ~kept_bed() { hub.reset(); }
    live_executor<net::io_context::executor_type> executor() {
        return {io().get_executor(), token};
    }
    /// Everything goes but what the user keeps.
    void end() {
        hub.reset();
        destroy_context();
        CHECK(token.use_count() == 1);
    }
    std::shared_ptr<const int> token = std::make_shared<const int>(0);
    std::optional<bus> hub;
};

void answer_or_drop(std::vector<deliver_handler>& kept, bool answers) {
    REQUIRE_FALSE(kept.empty());
    if (answers)
        for (auto& h : kept) std::move(h)(error_code(), outcome::delivered);
    kept.clear();
}

TEST_CASE("a subscriber may keep its question beyond the context", "[bus][lifetime]") {
    const bool answers = GENERATE(false, true);
    const auto s = std::make_shared<keeping_subscriber>();
    kept_bed f;
    const auto held = f.hub->subscribe("a", s);
    SECTION("of async_publish with a handler") {
        f.hub->async_publish("a", made("x"), [](error_code, receipt) { FAIL("called"); });
    }
    SECTION("of a coroutine's async_publish") {
        net::co_spawn(
            f.io(),
            [&]() -> net::awaitable<void> {
                co_await f.hub->async_publish("a", made("x"), net::use_awaitable);
            },
            net::detached);
    }
    SECTION("of a bus that was asked itself") {
        error_code ec;
        const auto e = publication::make("a", made("x"), {}, ec);
        f.hub->as_subscriber()->async_deliver(e, [](error_code, outcome) { FAIL("called"); });
    }
    f.run();
    f.end();
    answer_or_drop(s->kept, answers);
}

TEST_CASE("a question that its subscriber drops is answered", "[bus]") {
    const auto s = std::make_shared<keeping_subscriber>();
    bus_fixture f;
    const auto held = f.hub->subscribe("a", s);
    error_code why;
    std::optional<receipt> got;
    f.hub->async_publish("a", made("x"), [&](error_code ec, receipt r) {
        why = ec;
        got = std::move(r);
    });
    f.run();
    CHECK_FALSE(got);
    s->kept.clear();
    f.run();
    REQUIRE(got);
    CHECK(why == errc::shutting_down);
    CHECK(got->dropped == 1);
    CHECK(held.counters().dropped == 1);
}

TEST_CASE("a history may keep its handlers beyond the context", "[bus][lifetime]") {
    const bool answers = GENERATE(false, true);
    auto far = std::make_shared<ordering_history>(100);
    kept_bed f(far);
    f.hub->async_publish("a", made("x"), [](error_code, receipt) { FAIL("called"); });
    far->hold_reads(true);
    const auto held =
        f.hub->subscribe("a", std::make_shared<recording_subscriber>(), {.after = f.hub->head()});
    f.run();
    REQUIRE(far->reads() == 1);
    f.end();
    if (answers) {
        far->answer_reads();
        far->commit_all();
    }
    far.reset();
}

}  // namespace

}  // namespace tidings::test
