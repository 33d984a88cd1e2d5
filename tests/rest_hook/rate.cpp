// SPDX-License-Identifier: BSL-1.0
// How often a subscription's target is sent to.
#include "support/rest_hook_bed.hpp"

#include <cmath>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using nlohmann::json;

struct rate_bed : hook_bed {
    using hook_bed::hook_bed;

    http::response ask(std::string method, std::string_view path, const json& body) {
        return w.request(std::move(method), url(path), body.dump(),
                         {{"Content-Type", "application/json"}});
    }
    http::response make(const json& rate) {
        return ask("POST", "", {{"event", "a"}, {"target_url", target.url()}, {"rate", rate}});
    }
};

}  // namespace

TEST_CASE("a target is sent to no more often than its subscription says", "[rest_hook]") {
    world w;
    rate_bed bed(w);
    const auto made = json::parse(bed.make({{"per_second", 0.5}, {"burst", 2}}).body);
    CHECK(made.at("rate") == json{{"per_second", 0.5}, {"burst", 2}});
    for (int i = 0; i < 5; ++i) bed.publish("a");
    CHECK(bed.target.requests.size() == 2);
    w.advance(2s);
    CHECK(bed.target.requests.size() == 3);

    const std::string id = made.at("id");
    const auto quicker = bed.ask("PATCH", '/' + id, {{"rate", {{"per_second", 100}}}});
    CHECK(json::parse(quicker.body).at("rate") == json{{"per_second", 100}, {"burst", 1}});
    w.advance(100ms);
    CHECK(bed.target.requests.size() == 5);
    const auto none = bed.ask("PATCH", '/' + id, {{"rate", nullptr}});
    CHECK_FALSE(json::parse(none.body).contains("rate"));
    for (int i = 0; i < 5; ++i) bed.publish("a");
    CHECK(bed.target.requests.size() == 10);
}

TEST_CASE("a manager bounds the rate of every subscription", "[rest_hook]") {
    world w;
    rate_bed bed(w, {.max_rate = {.per_second = 1, .burst = 3}});
    for (const json& rate : {json{{"per_second", 1.001}}, json{{"per_second", 1}, {"burst", 4}}}) {
        const auto refused = bed.make(rate);
        CHECK(refused.status == 422);
        CHECK(json::parse(refused.body).at("member") == "rate");
    }
    CHECK(bed.make(nullptr).status == 201);
    for (int i = 0; i < 5; ++i) bed.publish("a");
    CHECK(bed.target.requests.size() == 3);
    w.advance(1s);
    CHECK(bed.target.requests.size() == 4);

    const auto manager = [&](double per_second) {
        rest_hook::manager(*bed.hub, *bed.sender, {.max_rate = {.per_second = per_second}});
    };
    CHECK_THROWS_AS(manager(-1), std::invalid_argument);
    CHECK_THROWS_AS(manager(std::nan("")), std::invalid_argument);
}

TEST_CASE("a rate that says a member twice is refused", "[rest_hook]") {
    world w;
    rate_bed bed(w);
    for (const auto* const rate :
         {R"({"per_second":1,"per_second":2})", R"({"per_second":1,"burst":2,"burst":2})"}) {
        CAPTURE(rate);
        auto body = bed.body("a");
        body.insert(body.size() - 1, std::string(",\"rate\":") + rate);
        const auto no = bed.post(std::move(body));
        REQUIRE(no.status == 422);
        CHECK(json::parse(no.body).at("member") == "rate");
    }
}

}  // namespace tidings::test
