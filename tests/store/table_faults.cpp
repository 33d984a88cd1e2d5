// SPDX-License-Identifier: BSL-1.0
// A table that fails at every step in turn, before or after what it was asked to do.
#include "support/rest_hook_bed.hpp"

#include <tidings/store/memory_table.hpp>
#include <tidings/test/faulty_table.hpp>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using texts = std::vector<std::string>;

/// The rows of a table.
texts keys_of(world& w, store::table& t) {
    texts keys;
    t.start_scan({}, 1000, {w.io().get_executor(), [&](error_code, std::vector<store::row> page) {
                                for (auto& r : page) keys.push_back(std::move(r.key));
                            }});
    w.run_ready();
    return keys;
}

texts ids_of(const http::response& list) {
    texts ids;
    for (const auto& hook : json::parse(list.body)) ids.push_back(hook.at("id"));
    return ids;
}

/// Asks again what was put off, as its answer says.
http::response insist(world& w, const std::function<http::response()>& ask) {
    for (int tries = 0; tries < 20; ++tries) {
        auto r = ask();
        if (r.status < 500) return r;
        INFO(r.body);
        CHECK(r.status == 503);
        CHECK(r.fields.get("content-type") == "application/problem+json");
        CHECK(r.fields.get("retry-after") == "1");
        const auto problem = json::parse(r.body, nullptr, false);
        REQUIRE(problem.is_object());
        CHECK(problem.at("status") == 503);
        CHECK_FALSE(problem.at("detail").get<std::string>().empty());
        w.advance(1s);
    }
    FAIL("put off for ever");
    return {};
}

}  // namespace

TEST_CASE("whichever operation of a table fails, the API says so and agrees with the table",
          "[rest_hook][faulty]") {
    const bool after = GENERATE(false, true);
    const std::size_t times = GENERATE(1U, 3U);
    std::size_t nth = 1;
    for (bool failed = true; failed; ++nth) {
        CAPTURE(after, times, nth);
        REQUIRE(nth < 100);
        world w;
        const auto sound = store::make_memory_table();
        const auto table = std::make_shared<faulty_table>(sound);
        table->plan().fail({.nth = nth, .times = times, .after = after});
        hook_bed bed(w, {.table = table});
        bed.target.answer = [](http::exchange& x) {
            x.respond({.status = x.request().query() == "gone" ? 410U : 204U});
        };
        const auto create = [&](std::string_view event, std::string_view path) {
            const auto r = insist(w, [&] { return bed.post(bed.body(event, path)); });
            REQUIRE(r.status == 201);
            return json::parse(r.body).at("id").get<std::string>();
        };
        const auto kept = create("kept", "/hook");
        const auto deleted = create("deleted", "/hook?deleted");
        create("gone", "/hook?gone");
        // A client that has to come again may find that it was done.
        const auto status = insist(w, [&] { return bed.del(deleted); }).status;
        CHECK((status == 204 || (status == 404 && after)));
        bed.publish("gone");
        for (int i = 0; i < 10; ++i) w.advance(1s);
        failed = table->plan().failures() != 0;

        CHECK(ids_of(bed.get()) == texts{kept});
        CHECK(keys_of(w, *sound) == texts{kept});
        CHECK(bed.hub->subscriptions() == 1);
        bed.target.requests.clear();
        for (const auto* topic : {"kept", "deleted", "gone"}) bed.publish(topic);
        REQUIRE(bed.target.requests.size() == 1);
        CHECK(bed.target.requests[0].fields.get("x-hook-subscription") == kept);
    }
    CHECK(nth > 6);
}

}  // namespace tidings::test
