// SPDX-License-Identifier: BSL-1.0
// A subscriber's client when its server or its table fails, and its end in every state.
#include "support/careless_store.hpp"
#include "support/proof_bed.hpp"
#include "support/subscriber_bed.hpp"

#include <tidings/rest_hook/impl/hook_record.hpp>
#include <tidings/test/faulty_table.hpp>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using rest_hook::stop_action;
using state = subscriber_bed::state;

}  // namespace

TEST_CASE("what a server refuses is said, or tried again", "[rest_hook][subscriber]") {
    world w;
    subscriber_bed here(w);
    world_sink server(w);
    struct row {
        unsigned status;
        std::string body;
        state then;
        error_code error;
    };
    const auto r = GENERATE(values<row>({
        {400, "", state::failed, errc::invalid_argument},
        {401, "", state::failed, errc::unauthorized},
        {403, R"({"detail":"no"})", state::failed, errc::forbidden},
        {404, "", state::failed, errc::not_found},
        {302, "", state::failed, errc::http_status},
        {201, "x", state::failed, errc::invalid_json},
        {201, R"({"id":"i","expiration_date":"soon"})", state::failed, errc::event_bad_time},
        {201, R"({"id":"i","secret":"short"})", state::failed, errc::webhook_invalid_secret},
        {201, R"({"id":"i","secret":"short","state":"pending"})", state::failed,
         errc::webhook_invalid_secret},
        {408, "", state::subscribing, errc::http_status},
        {429, "", state::subscribing, errc::too_many},
        {500, "", state::subscribing, errc::http_status},
        {503, "", state::subscribing, errc::shutting_down},
    }));
    CAPTURE(r.status, r.body);
    server.answer = [&](http::exchange& x) { x.respond({.status = r.status, .body = r.body}); };
    here.begin(rest_options(here, server.url()));
    CHECK(here.now() == r.then);
    CHECK(here.client().status().error == r.error);
    CHECK(here.client().status().reason == (r.status == 403 ? "no"
                                            : r.body == "x"
                                                ? "the API's answer has no id that is a text"
                                                : ""));
    REQUIRE(server.requests.size() == 1);
    // It tries again by itself after a temporary refusal, and after any when it is started again.
    server.answer = [&](http::exchange& x) { x.respond({.status = 201, .body = R"({"id":"i"})"}); };
    w.advance(2s);
    CHECK(server.requests.size() == (r.then == state::failed ? 1 : 2));
    here.client().start();
    w.run_ready();
    CHECK(here.now() == state::active);
    CHECK(server.requests.back().method == "POST");
}

TEST_CASE("a server's Retry-After is respected", "[rest_hook][subscriber]") {
    world w;
    subscriber_bed here(w);
    world_sink server(w);
    server.answer = [&](http::exchange& x) {
        x.respond({.status = 503, .fields = {{"Retry-After", "120"}}});
    };
    here.begin(rest_options(here, server.url()));
    w.advance(119s);
    CHECK(server.requests.size() == 1);
    w.advance(2s);
    CHECK(server.requests.size() == 2);
}

TEST_CASE("a renewal that fails leaves the subscription active to its end",
          "[rest_hook][subscriber]") {
    world w;
    subscriber_bed here(w);
    world_sink server(w);
    const auto refusal = GENERATE(403U, 500U, 405U);
    CAPTURE(refusal);
    const auto end = w.clock().wall_now() + 1h;
    const std::string body =
        json{{"id", "i"}, {"expiration_date", rest_hook::detail::to_text(end)}}.dump();
    server.answer = [&](http::exchange& x) {
        const bool renews = x.request().method == "PATCH";
        x.respond({.status = renews ? refusal : 201, .body = renews ? "" : body});
    };
    here.begin(rest_options(here, server.url()));
    REQUIRE(here.client().status().until == end);
    w.advance(46min);
    CHECK(here.now() == state::active);
    // An API that cannot be asked to renew is subscribed at again.
    const bool again = server.requests.back().method == "POST";
    CHECK(again == (refusal == 405));
    w.advance(15min);
    CHECK(here.now() == (refusal == 403   ? state::failed
                         : refusal == 405 ? state::active
                                          : state::subscribing));
}

TEST_CASE("a table that fails is tried again, at each call", "[rest_hook][subscriber]") {
    const bool after = GENERATE(false, true);
    CAPTURE(after);
    for (std::size_t n = 1;; ++n) {
        CAPTURE(n);
        REQUIRE(n < 20);
        world w;
        proof_bed there(w, {.max_lease = 24h});
        subscriber_bed here(w);
        const auto faulty = std::make_shared<faulty_table>(here.table);
        auto o = rest_options(here, there.url());
        o.lease = 1h;
        o.table = faulty;
        faulty->plan().fail({.nth = n, .after = after});
        here.begin(o);
        for (int i = 0; i < 3; ++i) w.advance(2s);
        CHECK(here.now() == state::active);
        CHECK(json::parse(there.get().body).size() == 1);
        there.publish("orders.1", "a");
        CHECK(here.seen == "a ");
        w.advance(50min);
        CHECK(here.now() == state::active);
        CHECK(here.row().find(R"("id":)") != std::string::npos);
        CHECK(here.stop() == error_code());
        CHECK(here.row().empty());
        CHECK(there.get().body == "[]");
        if (faulty->plan().failures() == 0) break;
    }
}

TEST_CASE("a table that is careless is tried again", "[rest_hook][subscriber]") {
    world w;
    proof_bed there(w);
    subscriber_bed here(w);
    const auto how =
        GENERATE(carelessness::drops, carelessness::drops_afterwards, carelessness::throws);
    const auto table = std::make_shared<careless_table>();
    for (const auto* operation : {"get", "put", "erase"}) table->plan.expect(operation, how);
    auto o = rest_options(here, there.url());
    o.table = table;
    here.begin(o);
    for (int i = 0; i < 3; ++i) w.advance(2s);
    CHECK(here.now() == state::active);
    CHECK(here.stop() == error_code());
    CHECK(table->plan.done());
}

TEST_CASE("until the row is read deliveries are to come again", "[rest_hook][subscriber]") {
    world w;
    proof_bed there(w);
    subscriber_bed here(w);
    const auto faulty = std::make_shared<faulty_table>(here.table);
    auto o = rest_options(here, there.url());
    o.table = faulty;
    o.at_stop = stop_action::keep;
    here.begin(o);
    const auto path = here.path();
    here.end();
    faulty->plan().hold();
    here.begin(o);
    CHECK(here.now() == state::loading);
    const auto answer = w.request("POST", here.url(path), "x");
    CHECK(answer.status == 503);
    CHECK(answer.fields.get("retry-after") == "1");
    SECTION("it is read") {
        faulty->plan().release();
        w.run_ready();
        CHECK(here.now() == state::active);
        CHECK(w.request("POST", here.url(path), "x").status == 401);
    }
    SECTION("it stops before") {
        const bool unsubscribe = GENERATE(false, true);
        const auto ended = here.stop(unsubscribe);
        CHECK(ended == (unsubscribe ? make_error_code(errc::store_failed) : error_code()));
        CHECK(here.now() == state::stopped);
        faulty->plan().release();
        w.run_ready();
        CHECK(here.now() == state::stopped);
    }
    SECTION("it ends before") {
        here.end();
        faulty->plan().release();
        w.run_ready();
    }
    faulty->plan().discard();
}

TEST_CASE("a row that is none of the client's is said, and stays", "[rest_hook][subscriber]") {
    world w;
    proof_bed there(w);
    subscriber_bed here(w);
    struct row {
        std::string value;
        error_code error;
    };
    const auto r = GENERATE(values<row>(
        {{"", errc::invalid_json},
         {"x", errc::invalid_json},
         {"{}", errc::invalid_json},
         {"[1]", errc::invalid_json},
         {R"({"subject":"orders.>","path":7,"secret":"s"})", errc::invalid_json},
         {R"({"subject":"orders.>","path":"p","secret":"s","until":"x"})", errc::invalid_json},
         {R"({"server":"http://x","subject":"orders.>","path":"p","secret":"s"})",
          errc::store_conflict},
         {R"({"subject":"orders.>","path":"p","secret":"s"})", errc::store_conflict}}));
    CAPTURE(r.value);
    here.put_row(r.value);
    here.begin(rest_options(here, there.url()));
    CHECK(here.now() == state::failed);
    CHECK(here.client().status().error == r.error);
    CHECK_FALSE(here.client().status().reason.empty());
    CHECK(here.row() == r.value);
    CHECK(there.get().body == "[]");
    CHECK(here.stop() == error_code());
    CHECK(here.row() == r.value);
}

TEST_CASE("a row whose secret is none is said, and stays", "[rest_hook][subscriber]") {
    world w;
    proof_bed there(w);
    subscriber_bed here(w);
    const auto value =
        json{{"server", there.url()}, {"subject", "orders.>"}, {"path", "p"}, {"secret", "short"}}
            .dump();
    here.put_row(value);
    here.begin(rest_options(here, there.url()));
    CHECK(here.now() == state::failed);
    CHECK(here.client().status().error == errc::webhook_invalid_secret);
    CHECK(there.get().body == "[]");
    CHECK(here.row() == value);
}

TEST_CASE("a row that another client has changed ends this one", "[rest_hook][subscriber]") {
    world w;
    proof_bed there(w, {.max_lease = 24h});
    subscriber_bed here(w);
    auto o = rest_options(here, there.url());
    o.lease = 1h;
    here.begin(o);
    here.put_row("theirs");
    w.advance(50min);
    CHECK(here.now() == state::failed);
    CHECK(here.client().status().error == errc::store_conflict);
    CHECK(here.row() == "theirs");
}

TEST_CASE("a client can be stopped or ended at every step", "[rest_hook][subscriber]") {
    enum class how { stop, unsubscribe, close, end };
    const auto by = GENERATE(how::stop, how::unsubscribe, how::close, how::end);
    CAPTURE(static_cast<int>(by));
    bool over = false;
    for (std::size_t steps = 0; !over; ++steps) {
        CAPTURE(steps);
        REQUIRE(steps < 1000);
        world w;
        proof_bed there(w, asking_for(rest_hook::proof::echo));
        subscriber_bed here(w);
        auto o = rest_options(here, there.url());
        o.at_stop = stop_action::keep;
        here.make(o);
        here.client().start();
        for (std::size_t i = 0; i < steps && !over; ++i) over = w.io().poll_one() == 0;
        std::optional<error_code> ended;
        const auto done = [&](error_code ec) { ended = ec; };
        if (by == how::stop) here.client().async_stop(done);
        if (by == how::unsubscribe) here.client().async_unsubscribe(done);
        if (by == how::close) here.client().close();
        if (by == how::end) here.end();
        w.run_ready();
        for (int i = 0; i < 15; ++i) w.advance(1s);
        if (by == how::stop || by == how::unsubscribe) {
            REQUIRE(ended);
            CHECK(here.now() == state::stopped);
        }
        if (by == how::unsubscribe && !*ended) {
            CHECK(there.get().body == "[]");
            CHECK(here.row().empty());
        }
        if (by == how::unsubscribe && *ended) CHECK(*ended == errc::store_failed);
        if (by == how::stop) CHECK_FALSE(*ended);
    }
}

TEST_CASE("a client can be stopped and destroyed by what it calls", "[rest_hook][subscriber]") {
    world w;
    proof_bed there(w);
    const auto at = GENERATE(state::loading, state::subscribing, state::active, state::stopped);
    const bool destroys = GENERATE(false, true);
    CAPTURE(static_cast<int>(at), destroys);
    subscriber_bed here(w);
    std::optional<error_code> ended;
    bool done = false;
    here.on_state = [&](const rest_hook::subscriber_status& s) {
        if (s.state != at || std::exchange(done, true)) return;
        here.client().async_stop([&](error_code ec) { ended = ec; });
        if (destroys) here.client() = rest_hook::subscriber_client(here.client());
        if (destroys) here.client().close();
    };
    here.begin(rest_options(here, there.url()));
    if (at == state::stopped) CHECK(here.stop() == error_code());
    w.advance(1s);
    CHECK(done);
    REQUIRE(ended);
    CHECK((!*ended || *ended == errc::closed || *ended == errc::store_failed));
}

TEST_CASE("an unsubscription that cannot be made ends in time", "[rest_hook][subscriber]") {
    world w;
    subscriber_bed here(w);
    world_sink server(w);
    server.answer = [&](http::exchange& x) {
        const bool ends = x.request().method == "DELETE";
        x.respond({.status = ends ? 500U : 201U, .body = R"({"id":"i"})"});
    };
    here.begin(rest_options(here, server.url()));
    CHECK(here.stop() == make_error_code(errc::timed_out));
    CHECK(server.requests.size() > 2);
    CHECK_FALSE(here.row().empty());
    CHECK(w.request("POST", here.url(here.path()), "x").status == 503);
    server.answer = [&](http::exchange& x) { x.respond({.status = 403}); };
    here.client().start();
    w.run_ready();
    CHECK(here.stop() == make_error_code(errc::forbidden));
}

TEST_CASE("what cannot be a client's options is refused", "[rest_hook][subscriber]") {
    world w;
    subscriber_bed here(w);
    const auto good = rest_options(here, "http://127.0.0.1:1/hooks");
    const auto refused = [&](auto change) {
        auto o = good;
        change(o);
        CHECK_THROWS_AS(here.make(o), std::invalid_argument);
    };
    CHECK_NOTHROW(here.make(good));
    refused([](auto& o) { o.api_url.clear(); });
    refused([](auto& o) { o.api_url = "ftp://x/"; });
    refused([](auto& o) { o.api_url += "?a=b"; });
    refused([](auto& o) { o.topic_url = "http://x/"; });
    refused([](auto& o) { o.hub_url = "http://x/"; });
    refused([](auto& o) { o.event = "a..b"; });
    refused([](auto& o) { o.public_url.clear(); });
    refused([](auto& o) { o.public_url = "http://x/?a"; });
    refused([](auto& o) { o.secret = "short"; });
    refused([](auto& o) { o.name.clear(); });
    refused([](auto& o) { o.name.assign(201, 'a'); });
    refused([](auto& o) { o.renew_before = 0; });
    refused([](auto& o) { o.renew_before = 0.6; });
    refused([](auto& o) { o.lease = -1s; });
    rest_hook::subscriber_client moved(
        w.io(), [](const event_ptr&) {}, good);
    const auto taken = std::move(moved);
    moved.start();
    CHECK(moved.status().error == errc::closed);
    std::optional<error_code> ended;
    moved.async_stop(net::bind_executor(w.io(), [&](error_code ec) { ended = ec; }));
    w.run_until([&] { return ended.has_value(); });
    CHECK(ended == make_error_code(errc::closed));
}

}  // namespace tidings::test
