// SPDX-License-Identifier: BSL-1.0
// What is published by POST once, twice, too often, or not to everyone.
#include "support/asking_sink.hpp"
#include "support/http_bed.hpp"
#include "support/ordering_history.hpp"
#include "support/rest_bed.hpp"

#include <boost/asio/error.hpp>
#include <tidings/inlet/impl/recent_ids.hpp>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using nlohmann::json;

const http::fields as_event{{"Content-Type", "application/cloudevents+json"}};

http::fields keyed(std::string_view key, http::fields f = {}) {
    return f.set("Idempotency-Key", key);
}

/// It says what is wrong, and when to come again where that may help.
void check_refused(const http::response& r, unsigned status) {
    CAPTURE(r.body);
    CHECK(r.status == status);
    CHECK(r.fields.get("content-type") == "application/problem+json");
    CHECK(json::parse(r.body).at("status") == status);
    const bool later = status == 409 || status == 429 || status == 503;
    CHECK(r.fields.find("retry-after").has_value() == later);
}

/// Takes responsibility, or does not, at the test's command.
class failing_outlet final : public subscriber {
 public:
    explicit failing_outlet(error_code ec) : error(ec) {}
    outcome deliver(const event_ptr&) noexcept override { return outcome::dropped; }
    error_code error;

 private:
    void start_deliver(event_ptr, deliver_handler h) override {
        std::move(h)(error, error ? outcome::dropped : outcome::delivered);
    }
};

/// A bus whose history commits at the test's command.
struct late_bed {
    world w;
    std::shared_ptr<ordering_history> history = std::make_shared<ordering_history>(100);
    rest_bed bed;
    explicit late_bed(rest::service_options o = {})
        : bed(w, std::move(o), history_options{.implementation = history}) {}
    std::unique_ptr<pending_request> begin(std::string_view path, std::string body,
                                           http::fields f = {}) {
        return std::make_unique<pending_request>(
            w, bed.url(path),
            http::request{.method = "POST", .fields = std::move(f), .body = std::move(body)});
    }
    void commit() {
        history->commit_all();
        w.run_ready();
    }
};

}  // namespace

TEST_CASE("an event that is known already is not published again", "[rest]") {
    world w;
    rest_bed bed(w);
    const http::fields keyed{{"Idempotency-Key", "k"}, {"Content-Type", "text/plain"}};
    const auto first = json::parse(bed.post("/a", "x", keyed).body);
    CHECK_FALSE(first.contains("duplicate"));
    const auto second = json::parse(bed.post("/a", "x", keyed).body);
    CHECK(second.at("duplicate") == true);
    CHECK(second.at("position") == first.at("position"));
    bed.post("/a", cloudevent("1"), as_event);
    CHECK(json::parse(bed.post("/a", cloudevent("1"), as_event).body).at("duplicate") == true);
    CHECK(bed.seen->count() == 2);
    bed.post("/a", "x");
    bed.post("/a", "x");  // without an id nothing is known
    CHECK(bed.seen->count() == 4);
}

TEST_CASE("the answer to a repetition names the first, and counts nobody", "[rest]") {
    world w;
    rest_bed bed(w);
    const auto first = json::parse(bed.post("/a", cloudevent("1"), as_event).body);
    const auto second = json::parse(bed.post("/a", cloudevent("1"), as_event).body);
    CHECK(second == json{{"id", "1"},
                         {"position", first.at("position")},
                         {"matched", 0},
                         {"delivered", 0},
                         {"queued", 0},
                         {"dropped", 0},
                         {"duplicate", true}});
    // One that the history has from elsewhere.
    bed.hub.publish("a", event("t", "/s", "x").id("2"));
    const auto third = json::parse(bed.post("/a", cloudevent("2"), as_event).body);
    CHECK(third.at("id") == "2");
    CHECK(third.at("position") == bed.hub.head().text());
    CHECK(third.at("duplicate") == true);
}

TEST_CASE("a repetition is known without a history, as long as it is remembered", "[rest]") {
    world w;
    // Each with its result.
    rest_bed bed(w, {.max_remembered_bytes = 3 * detail::recent_ids::entry_bytes}, 0);
    bed.post("/a", cloudevent("1"), as_event);
    const auto again = json::parse(bed.post("/a", cloudevent("1"), as_event).body);
    CHECK(again.at("duplicate") == true);
    CHECK(again.at("position").is_null());
    bed.post("/a", cloudevent("2"), as_event);
    bed.post("/a", cloudevent("3"), as_event);
    CHECK(bed.seen->count() == 3);
    bed.post("/a", cloudevent("1"), as_event);
    CHECK(bed.seen->count() == 4);
}

TEST_CASE("a key is one principal's, and for one topic", "[rest]") {
    world w;
    const authenticator by_name = [](const credentials& c, error_code&) {
        return principal{.name = std::string(c.authorization), .anonymous = false};
    };
    rest_bed bed(w, {.authenticator = by_name});
    const auto post = [&](std::string_view path, std::string_view who, std::string_view key) {
        return json::parse(
            bed.post(path, "x", keyed(key, {{"Authorization", std::string(who)}})).body);
    };
    const auto first = post("/a", "ann", "k");
    CHECK(bed.seen->count() == 1);
    CHECK_FALSE(post("/b", "ann", "k").contains("duplicate"));
    CHECK_FALSE(post("/a", "bob", "k").contains("duplicate"));
    CHECK_FALSE(post("/a", "ann", "l").contains("duplicate"));
    CHECK(bed.seen->count() == 4);
    const auto again = post("/a", "ann", "k");
    CHECK(again.at("duplicate") == true);
    CHECK(again.at("id") == first.at("id"));
    CHECK(again.at("position") == first.at("position"));
    CHECK(bed.seen->count() == 4);
}

TEST_CASE("a key is heeded for a CloudEvent, too", "[rest]") {
    world w;
    rest_bed bed(w);
    const bool structured = GENERATE(true, false);
    const auto post = [&](std::string_view id, std::string_view key) {
        if (structured)
            return json::parse(bed.post("/a", cloudevent(id), keyed(key, as_event)).body);
        return json::parse(bed.post("/a", "x",
                                    keyed(key, {{"ce-specversion", "1.0"},
                                                {"ce-type", "t"},
                                                {"ce-source", "/s"},
                                                {"ce-id", std::string(id)}}))
                               .body);
    };
    CHECK_FALSE(post("1", "k").contains("duplicate"));
    const auto again = post("2", "k");
    CHECK(again.at("duplicate") == true);
    CHECK(again.at("id") == "1");
    // Nor is the same event published again under another key.
    CHECK(post("1", "l").at("duplicate") == true);
    CHECK(bed.seen->count() == 1);
    CHECK_FALSE(post("2", "l").contains("duplicate"));
    CHECK(bed.seen->count() == 2);
}

TEST_CASE("what did not reach everyone is answered so, and may be published again", "[rest]") {
    world w;
    rest_bed bed(w);
    const auto error = GENERATE(error_code(errc::connection_failed), error_code(errc::store_failed),
                                error_code(net::error::no_memory));
    CAPTURE(error);
    const auto outlet = std::make_shared<failing_outlet>(error);
    const auto watch = bed.hub.subscribe(">", outlet);
    const bool by_key = GENERATE(true, false);
    const auto post = [&] {
        return by_key ? bed.post("/a", "x", keyed("k")) : bed.post("/a", cloudevent("1"), as_event);
    };
    check_refused(post(), 503);
    check_refused(post(), 503);
    CHECK(bed.seen->count() == 2);
    outlet->error = {};
    const auto done = post();
    CHECK(done.status == 202);
    CHECK_FALSE(json::parse(done.body).contains("duplicate"));
    CHECK(bed.seen->count() == 3);
    CHECK(json::parse(post().body).at("duplicate") == true);
    CHECK(bed.seen->count() == 3);
}

TEST_CASE("an outlet that refuses an event for good is in the receipt", "[rest]") {
    world w;
    rest_bed bed(w);
    const auto error = GENERATE(errc::too_large, errc::forbidden);
    const auto watch = bed.hub.subscribe(">", std::make_shared<failing_outlet>(error));
    const auto first = bed.post("/a", cloudevent("1"), as_event);
    CHECK(first.status == 202);
    const auto receipt = json::parse(first.body);
    CHECK(receipt.at("matched") == 2);
    CHECK(receipt.at("dropped") == 1);
    CHECK(json::parse(bed.post("/a", cloudevent("1"), as_event).body).at("duplicate") == true);
    CHECK(bed.seen->count() == 1);
}

TEST_CASE("server, bus and asker end in any order while an event is published", "[rest]") {
    for (int which = 0; which < 4; ++which) {
        CAPTURE(which);
        std::weak_ptr<ordering_history> history;
        {
            std::optional<late_bed> late(std::in_place);
            history = late->history;
            auto asking = late->begin("/a", cloudevent("1"), as_event);
            CHECK(late->history->waiting() == 1);
            if (which == 0) late->bed.server.reset();
            if (which == 1) asking.reset();
            if (which == 2) late->bed.hub = bus(late->w.io());
            if (which == 3) late->w.destroy_context();
            if (which != 3) late->w.run_ready();
        }
        CHECK(history.expired());
    }
}

TEST_CASE("while an event is being published the same is not begun again", "[rest]") {
    late_bed late;
    const bool by_key = GENERATE(true, false);
    const auto begin = [&] {
        return by_key ? late.begin("/a", "x", keyed("k"))
                      : late.begin("/a", cloudevent("1"), as_event);
    };
    const auto first = begin();
    CHECK_FALSE(first->answer);
    const auto second = begin();
    REQUIRE(second->answer);
    check_refused(*second->answer, 409);
    CHECK(late.history->waiting() == 1);
    late.commit();
    REQUIRE(first->answer);
    CHECK(first->answer->status == 202);
    const auto receipt = json::parse(first->answer->body);
    CHECK(receipt.at("position") == late.bed.hub.head().text());
    const auto third = begin();
    REQUIRE(third->answer);
    const auto known = json::parse(third->answer->body);
    CHECK(known.at("duplicate") == true);
    CHECK(known.at("position") == receipt.at("position"));
    CHECK(known.at("id") == receipt.at("id"));
    CHECK(late.bed.seen->count() == 1);
}

TEST_CASE("an event that is not accepted in time is answered 503, and not published twice",
          "[rest]") {
    const bool by_key = GENERATE(false, true);
    const auto fields = by_key ? keyed("k") : as_event;
    const std::string body = by_key ? "text" : cloudevent("1");
    late_bed b({.accept_timeout = 3s});
    const auto first = b.begin("/a", body, fields);
    b.w.advance(2900ms);
    CHECK_FALSE(first->answer.has_value());
    b.w.advance(200ms);
    REQUIRE(first->answer.has_value());
    check_refused(*first->answer, 503);
    CHECK(first->answer->body.find("may have been accepted") != std::string::npos);
    check_refused(b.bed.post("/a", body, fields), 409);
    b.commit();
    const auto again = b.bed.post("/a", body, fields);
    CHECK(again.status == 202);
    CHECK(json::parse(again.body).at("duplicate") == true);
    CHECK(json::parse(again.body).at("position") == b.bed.hub.head().text());
    b.w.run_ready();
    CHECK(b.bed.seen->events().size() == 1);
}

TEST_CASE("an outlet that never answers does not hold a POST", "[rest]") {
    class silent_outlet final : public subscriber {
     public:
        outcome deliver(const event_ptr&) noexcept override { return outcome::dropped; }
        std::vector<deliver_handler> kept;

     private:
        void start_deliver(event_ptr, deliver_handler h) override { kept.push_back(std::move(h)); }
    };
    world w;
    rest_bed bed(w);
    const auto outlet = std::make_shared<silent_outlet>();
    const auto held = bed.hub.subscribe("a", outlet);
    pending_request first(w, bed.url("/a"), {.method = "POST", .body = "x"});
    w.advance(9900ms);
    CHECK_FALSE(first.answer.has_value());
    w.advance(200ms);
    REQUIRE(first.answer.has_value());
    check_refused(*first.answer, 503);
    // What comes of it later has nobody to say it to.
    for (auto& h : std::exchange(outlet->kept, {})) std::move(h)(error_code(), outcome::delivered);
    w.run_ready();
    CHECK(bed.post("/b", "y").status == 202);
}

TEST_CASE("what the history refuses may be published again", "[rest]") {
    late_bed late;
    const auto first = late.begin("/a", cloudevent("1"), as_event);
    late.history->fail_next(errc::history_failed);
    late.w.run_ready();
    REQUIRE(first->answer);
    check_refused(*first->answer, 503);
    const auto second = late.begin("/a", cloudevent("1"), as_event);
    late.commit();
    REQUIRE(second->answer);
    CHECK(second->answer->status == 202);
    CHECK_FALSE(json::parse(second->answer->body).contains("duplicate"));
    CHECK(late.bed.seen->count() == 1);
}

TEST_CASE("an asker that leaves while its event is published leaves no trace", "[rest]") {
    late_bed late;
    auto first = late.begin("/a", cloudevent("1"), as_event);
    first.reset();
    late.w.run_ready();
    late.commit();
    const auto again = late.begin("/a", cloudevent("1"), as_event);
    REQUIRE(again->answer);
    CHECK(json::parse(again->answer->body).at("duplicate") == true);
    CHECK(late.bed.seen->count() == 1);
}

TEST_CASE("no more is published at once than the service allows", "[rest]") {
    late_bed late({.max_publishing = 2});
    const auto first = late.begin("/a", "1");
    const auto second = late.begin("/a", "2");
    const auto third = late.begin("/a", "3");
    REQUIRE(third->answer);
    check_refused(*third->answer, 429);
    late.commit();
    REQUIRE(second->answer);
    CHECK(second->answer->status == 202);
    const auto fourth = late.begin("/a", "4");
    CHECK_FALSE(fourth->answer);
    late.commit();
    CHECK(fourth->answer->status == 202);
    CHECK(late.bed.seen->count() == 3);
}

TEST_CASE("nobody publishes faster than the service allows", "[rest]") {
    world w;
    const authenticator by_name = [](const credentials& c, error_code&) {
        return principal{.name = std::string(c.authorization),
                         .anonymous = c.authorization.empty()};
    };
    rest_bed bed(w,
                 {.authenticator = by_name, .max_publishes_per_second = 2, .count_loopback = true});
    const auto status = [&](const http::fields& f = {}) { return bed.post("/a", "x", f).status; };
    CHECK(status() == 202);
    CHECK(status() == 202);
    check_refused(bed.post("/a", "x"), 429);
    // Others are not held to account: a principal, an address.
    CHECK(status({{"Authorization", "ann"}}) == 202);
    CHECK(status({{"Authorization", "ann"}}) == 202);
    CHECK(status({{"Authorization", "ann"}}) == 429);
    CHECK(status({{"Authorization", "bob"}}) == 202);
    w.sim().set_link({.client_address = "192.0.2.7"});
    CHECK(status() == 202);
    CHECK(status({{"Authorization", "ann"}}) == 429);
    w.advance(500ms);
    CHECK(status({{"Authorization", "ann"}}) == 202);
    CHECK(status({{"Authorization", "ann"}}) == 429);
    w.advance(1min);
    CHECK(status({{"Authorization", "ann"}}) == 202);
    CHECK(status({{"Authorization", "ann"}}) == 202);
    CHECK(status({{"Authorization", "ann"}}) == 429);
    CHECK(bed.get("/a").status == 200);
}

TEST_CASE("anonymous peers on this machine do not share one rate, unless asked",
          "[rest][fault-28]") {
    world w;
    const bool counted = GENERATE(false, true);
    CAPTURE(counted);
    rest_bed bed(w, {.authenticator = allow_anonymous(),
                     .max_publishes_per_second = 1,
                     .count_loopback = counted});
    CHECK(bed.post("/a", "1").status == 202);
    CHECK(bed.post("/a", "2").status == (counted ? 429 : 202));
    w.sim().set_link({.client_address = "192.0.2.7"});
    CHECK(bed.post("/a", "3").status == 202);
    CHECK(bed.post("/a", "4").status == 429);
}

TEST_CASE("every refusal is a problem in JSON", "[rest]") {
    world w;
    rest_bed bed(w, {.authenticator = bearer_token("key"),
                     .authorizer = [](const principal&, action,
                                      std::string_view topic) { return topic == "a"; },
                     .max_body_bytes = 100});
    const http::fields key{{"Authorization", "Bearer key"}};
    const auto with = [&](std::string_view type) {
        return http::fields(key).set("Content-Type", type);
    };
    check_refused(bed.post("/a", "x"), 401);
    check_refused(bed.post("/b", "x", key), 403);
    check_refused(bed.post("/a", std::string(101, 'x'), key), 413);
    check_refused(bed.post("/a", "x", with("application/cloudevents+avro")), 415);
    check_refused(bed.post("/a", "{", with("application/json")), 400);
    check_refused(bed.post("/", "x", key), 404);
    check_refused(w.request("PUT", bed.url("/a"), "x", key), 405);
}

TEST_CASE("what becomes of publications is counted", "[rest]") {
    const auto metrics = std::make_shared<counting_metrics>();
    world w;
    rest_bed bed(w, {.max_body_bytes = 100, .metrics = metrics});
    bed.post("/a", cloudevent("1"), as_event);
    bed.post("/a", cloudevent("1"), as_event);
    bed.post("/a", "x");
    bed.post("/a", "{", as_event);
    bed.post("/a..b", "x");
    const auto outlet = std::make_shared<failing_outlet>(errc::connection_failed);
    const auto watch = bed.hub.subscribe(">", outlet);
    bed.post("/a", "x");
    const auto counted = [&](const std::string& result) {
        return metrics->value("rest_publications result=" + result);
    };
    CHECK(counted("accepted") == 2);
    CHECK(counted("duplicate") == 1);
    CHECK(counted("refused") == 2);
    CHECK(counted("failed") == 1);
}

TEST_CASE("an outlet may keep what was published beyond the context", "[rest][lifetime]") {
    const bool answers = GENERATE(false, true);
    const auto outlet = std::make_shared<asking_sink>();
    {
        world w;
        rest_bed bed(w);
        const auto held = bed.hub.subscribe("a", outlet);
        const pending_request post(w, bed.url("/a"), {.method = "POST", .body = "7"});
        CHECK_FALSE(post.answer);
        w.destroy_context();
    }
    REQUIRE(outlet->waiting.size() == 1);
    if (answers) outlet->answer_all();
    outlet->waiting.clear();
}

}  // namespace tidings::test
