// SPDX-License-Identifier: BSL-1.0
// A row that is kept in a table which does not answer.
#include "support/world.hpp"

#include <tidings/rest_hook/impl/row_keeper.hpp>
#include <tidings/test/faulty_table.hpp>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using rest_hook::detail::row_keeper;

}  // namespace

TEST_CASE("a row whose table does not answer in time is asked for again, and written once",
          "[rest_hook][faulty]") {
    world w;
    const auto table = std::make_shared<faulty_table>();
    auto& plan = table->plan();
    const auto home = detail::lane::make(w.io().get_executor(), w.clock());
    std::string logged;
    bool strange = false;
    const auto keeper = home->make_resident<row_keeper>(
        home, table, "row", 3s, reconnect_options{.max = 1s}, *w.environment().random,
        [&](const log_record& r) { logged += std::string(r.message) + r.error.message(); },
        [&] { strange = true; });
    std::optional<row_keeper::value> loaded;
    const auto in_lane = [&](std::function<void()> f) {
        home->post(std::move(f));
        w.run_ready();
    };

    plan.hold();
    in_lane([&] { keeper->load([&](row_keeper::value v) { loaded = std::move(v); }); });
    w.advance(2900ms);
    CHECK(plan.operations("get") == 1);
    for (int i = 0; i < 30; ++i) w.advance(100ms);
    CHECK(plan.operations("get") == 2);
    CHECK(logged.find(make_error_code(errc::timed_out).message()) != std::string::npos);
    CHECK_FALSE(loaded);
    plan.release();
    w.run_ready();
    REQUIRE(loaded);
    CHECK_FALSE(loaded->has_value());

    // It is done, and the answer comes late: what the row has then is found to be the own value.
    plan.hold();
    bool idle = false;
    in_lane([&] {
        keeper->want("text");
        keeper->when_idle([&] { idle = true; });
    });
    for (int i = 0; i < 60; ++i) w.advance(100ms);
    CHECK(plan.operations("put") == 1);
    CHECK_FALSE(idle);
    plan.release();
    for (int i = 0; i < 60; ++i) w.advance(100ms);
    CHECK(idle);
    CHECK(plan.operations("put") == 1);
    CHECK_FALSE(strange);

    plan.hold();
    in_lane([&] { keeper->want("other"); });
    keeper->stop();
    CHECK_FALSE(w.clock().next_deadline());
    plan.discard();
    w.run_ready();
}

}  // namespace tidings::test
