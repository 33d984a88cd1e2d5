// SPDX-License-Identifier: BSL-1.0
// The end of a subscriber's client where something is in doubt: whose the row is, what the server
// has, what an earlier stop has done.
#include "support/proof_bed.hpp"
#include "support/subscriber_bed.hpp"
#include "support/websub_bed.hpp"

#include <tidings/test/faulty_table.hpp>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using rest_hook::stop_action;
using state = subscriber_bed::state;

/// Answers as an API does whose subscription is this one.
void answer_as(http::exchange& x, const std::string& target) {
    const auto& r = x.request();
    const json one{{"id", "i"}, {"target_url", target}};
    if (r.method == "DELETE") return x.respond({.status = 204});
    if (r.query().empty()) return x.respond({.status = 200, .body = one.dump()});
    x.respond({.status = 200, .body = json::array({one}).dump()});
}

std::string methods_of(const world_sink& server) {
    std::string all;
    for (const auto& r : server.requests) all += r.method + ' ';
    return all;
}

}  // namespace

TEST_CASE("a row that another client has taken is left to it", "[rest_hook][subscriber]") {
    world w;
    subscriber_bed here(w);
    world_sink server(w);
    server.answer = [&](http::exchange& x) {
        x.respond(
            {.status = 200, .body = R"({"id":"i","expiration_date":"2026-01-01T01:00:00Z"})"});
    };
    auto o = rest_options(here, server.url());
    const bool unsubscribes = GENERATE(true, false);
    CAPTURE(unsubscribes);
    o.at_stop = unsubscribes ? stop_action::unsubscribe : stop_action::keep;
    here.begin(o);
    here.put_row("theirs");
    server.answer = [&](http::exchange& x) {
        x.respond(
            {.status = 200, .body = R"({"id":"i","expiration_date":"2026-01-01T02:00:00Z"})"});
    };
    w.advance(50min);
    REQUIRE(here.now() == state::failed);
    server.requests.clear();
    CHECK(here.stop() == make_error_code(errc::store_conflict));
    CHECK(here.now() == state::stopped);
    CHECK(server.requests.empty());
    CHECK(here.row() == "theirs");
    w.advance(1min);
    CHECK(here.row() == "theirs");
    here.client().start();
    w.run_ready();
    CHECK(here.now() == state::failed);
    CHECK(here.row() == "theirs");
}

TEST_CASE("a row that was made anew is served by its own path", "[rest_hook][subscriber]") {
    world w;
    subscriber_bed here(w);
    world_sink server(w);
    server.answer = [](http::exchange& x) { x.respond({.status = 403}); };
    auto o = rest_options(here, server.url());
    o.secret = "whsec_" + std::string(32, 'A');
    here.begin(o);
    REQUIRE(here.now() == state::failed);
    const auto first = here.path();
    o.table->async_erase("subscriber_client/default", 0,
                         net::bind_executor(w.io(), [](error_code) {}));
    // Somebody erases the row, and the client begins anew.
    server.answer = [](http::exchange& x) { x.respond({.status = 201, .body = R"({"id":"i"})"}); };
    here.client().start();
    w.run_ready();
    REQUIRE(here.now() == state::active);
    REQUIRE(here.path() != first);
    CHECK(w.request("POST", here.url(first), "x").status == 404);
    CHECK(w.request("POST", here.url(here.path()), "x").status == 401);
}

TEST_CASE("a subscription whose answer was lost is ended by its stop", "[rest_hook][subscriber]") {
    world w;
    subscriber_bed here(w);
    world_sink server(w);
    std::string target;
    server.answer = [&](http::exchange& x) {
        target = json::parse(x.request().body).at("target_url");
        x.respond({.status = 504});
    };
    auto o = rest_options(here, server.url());
    here.begin(o);
    REQUIRE(here.now() == state::subscribing);
    server.requests.clear();
    SECTION("which the server has") {
        server.answer = [&](http::exchange& x) { answer_as(x, target); };
        CHECK(here.stop() == error_code());
        CHECK(methods_of(server) == "GET DELETE ");
        CHECK(server.requests.at(1).path() == "/hook/i");
        CHECK(here.row().empty());
    }
    SECTION("which the server has, behind a restart") {
        server.answer = [&](http::exchange&) {};
        here.end();
        here.make(o);
        here.client().start();
        w.run_until([&] { return here.now() == state::subscribing; });
        server.answer = [&](http::exchange& x) {
            if (x.request().method == "POST") return x.respond({.status = 504});
            answer_as(x, target);
        };
        CHECK(here.stop() == error_code());
        CHECK(methods_of(server).ends_with("GET DELETE "));
        CHECK(here.row().empty());
    }
    SECTION("which the server has not") {
        server.answer = [&](http::exchange& x) { answer_as(x, "https://other.example/"); };
        CHECK(here.stop() == error_code());
        CHECK(methods_of(server) == "GET ");
        CHECK(here.row().empty());
    }
    SECTION("which cannot be looked for") {
        server.answer = [&](http::exchange& x) { x.respond({.status = 403}); };
        CHECK(here.stop() == make_error_code(errc::forbidden));
        CHECK_FALSE(here.row().empty());
    }
}

TEST_CASE("what was refused needs no look for it", "[rest_hook][subscriber]") {
    world w;
    subscriber_bed here(w);
    world_sink server(w);
    server.answer = [&](http::exchange& x) { x.respond({.status = 403}); };
    here.begin(rest_options(here, server.url()));
    CHECK(here.stop() == error_code());
    CHECK(methods_of(server) == "POST ");
    CHECK(here.row().empty());
}

TEST_CASE("a stop that failed can be repeated", "[rest_hook][subscriber]") {
    world w;
    subscriber_bed here(w);
    world_sink server(w);
    unsigned ends = 500;
    server.answer = [&](http::exchange& x) {
        x.respond(
            {.status = x.request().method == "DELETE" ? ends : 201U, .body = R"({"id":"i"})"});
    };
    here.begin(rest_options(here, server.url()));
    REQUIRE(here.now() == state::active);
    CHECK(here.stop(true) == make_error_code(errc::timed_out));
    ends = GENERATE(500U, 403U, 204U);
    const bool by_name = GENERATE(true, false);
    CAPTURE(ends, by_name);
    const auto before = server.requests.size();
    const auto ended = here.stop(by_name);
    CHECK(server.requests.size() > before);
    CHECK(ended == (ends == 500   ? make_error_code(errc::timed_out)
                    : ends == 403 ? make_error_code(errc::forbidden)
                                  : error_code()));
    CHECK(here.row().empty() == (ends == 204));
    if (ends != 204) return;
    CHECK(here.stop(true) == make_error_code(errc::not_found));
}

TEST_CASE("a stop that a table held up can be repeated", "[rest_hook][subscriber]") {
    world w;
    proof_bed there(w);
    subscriber_bed here(w);
    const auto faulty = std::make_shared<faulty_table>(here.table);
    auto o = rest_options(here, there.url());
    o.table = faulty;
    here.begin(o);
    REQUIRE(here.now() == state::active);
    faulty->plan().hold();
    CHECK(here.stop() == make_error_code(errc::timed_out));
    faulty->plan().release();
    w.run_ready();
    CHECK(here.stop(true) == error_code());
    CHECK(here.row().empty());
    CHECK(there.get().body == "[]");
}

TEST_CASE("a stop at a hub that failed can be repeated", "[rest_hook][subscriber][websub]") {
    world w;
    subscriber_bed here(w);
    world_sink hub(w);
    hub.answer = [](http::exchange& x) { x.respond({.status = 202}); };
    auto o = here.options();
    o.topic_url = "https://hub.example/topics/orders";
    o.hub_url = hub.url();
    here.begin(o);
    CHECK(here.stop() == make_error_code(errc::timed_out));
    std::optional<error_code> ended;
    here.client().async_stop([&](error_code ec) { ended = ec; });
    w.run_ready();
    CHECK(
        w.request("GET", here.url(here.path() + "?hub.mode=unsubscribe&hub.challenge=c&hub.topic=" +
                                  http::percent_encode(o.topic_url)))
            .status == 200);
    w.run_ready();
    CHECK(ended == error_code());
    CHECK(here.row().empty());
}

}  // namespace tidings::test
