// SPDX-License-Identifier: BSL-1.0
// What comes again, or waits: one event each, and no more held than may be.
#include "support/receive_bed.hpp"

#include <tidings/event_json.hpp>
#include <tidings/inlet/impl/recent_ids.hpp>
#include <tidings/test/recorder.hpp>

#include <map>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using nlohmann::json;

}  // namespace

TEST_CASE("a delivery that comes again is answered and not delivered again", "[webhook]") {
    world w;
    const auto seen = std::make_shared<recorder>();
    receive_bed bed(w, seen,
                    {.verifier = receiver_verifier(),
                     .max_remembered_bytes = 4 * detail::recent_ids::entry_bytes});
    CHECK(bed.post_signed("1", "x").status == 202);
    const auto again = bed.post_signed("1", "x");
    CHECK(again.status == 202);
    CHECK(json::parse(again.body) == json{{"duplicate", true}});
    CHECK(seen->count() == 1);
    bed.post_signed("2", "x");
    bed.post_signed("3", "x");
    CHECK(bed.post_signed("2", "x").body == again.body);
    CHECK(bed.post_signed("1", "x").body != again.body);  // pushed out
    CHECK(seen->count() == 4);
}

TEST_CASE("what the subscriber did not accept must come again", "[webhook]") {
    world w;
    const auto seen = std::make_shared<recorder>();
    receive_bed bed(w, seen);
    const auto answer = GENERATE(outcome::dropped, outcome::closed);
    seen->answer(answer);
    const auto r = bed.post_signed("1", "x");
    CHECK(r.status == 503);
    CHECK(r.fields.get("retry-after") == "1");
    seen->answer(outcome::queued);
    CHECK(json::parse(bed.post_signed("1", "x").body).contains("id"));
    CHECK(seen->count() == 1);
}

TEST_CASE("nothing is promised of an event that is being accepted", "[webhook]") {
    world w;
    const auto slow = std::make_shared<slow_subscriber>();
    receive_bed bed(w, slow);
    http::client client(w.io(), {.environment = w.environment()});
    std::optional<unsigned> first;
    client.async_request(bed.url(), {.method = "POST", .fields = bed.sign("1", "x"), .body = "x"},
                         [&](error_code, http::response r) { first = r.status; });
    w.run_until([&] { return slow->waiting.size() == 1; });
    CHECK(bed.post_signed("1", "x").status == 503);
    CHECK(slow->waiting.size() == 1);
    CHECK_FALSE(first);
    std::move(slow->waiting[0].second)(error_code(errc::store_failed), outcome::dropped);
    w.run_until([&] { return first.has_value(); });
    CHECK(*first == 503);
}

TEST_CASE("no signature that was seen brings a second event", "[webhook]") {
    world w;
    const auto seen = std::make_shared<recorder>();
    receive_bed bed(w, seen);
    auto f = bed.sign("1", "bytes");
    const auto make_event = [&](std::string id) {
        f.set("ce-specversion", "1.0");
        f.set("ce-id", id);
        f.set("ce-type", "t");
        f.set("ce-source", "/s");
        return bed.post("bytes", f);
    };
    CHECK(make_event("a").status == 202);
    CHECK(json::parse(make_event("a").body) == json{{"duplicate", true}});
    const auto replayed = make_event("b");
    CHECK(replayed.status == 401);
    CHECK(json::parse(replayed.body).at("detail") == "it came with another event");
    for (const auto* name : {"ce-specversion", "ce-id", "ce-type", "ce-source"}) f.erase(name);
    CHECK(bed.post("bytes", f).status == 401);  // nor as an event of another form
    CHECK(seen->count() == 1);
    // An honest sender whose event has the same id, from another source, signs its next attempt
    // anew.
    w.advance(1s);
    f = bed.sign("1", "bytes");
    CHECK(make_event("b").status == 202);
    CHECK(seen->count() == 2);
}

TEST_CASE("a signature whose event was not accepted may come again", "[webhook]") {
    world w;
    const auto seen = std::make_shared<recorder>();
    receive_bed bed(w, seen);
    seen->answer(outcome::dropped);
    CHECK(bed.post_signed("1", "x").status == 503);
    seen->answer(outcome::queued);
    CHECK(bed.post_signed("1", "x").status == 202);
}

TEST_CASE("a subscriber that does not answer holds nobody up", "[webhook]") {
    world w;
    const auto slow = std::make_shared<slow_subscriber>();
    receive_bed bed(w, slow, {.verifier = receiver_verifier(), .accept_timeout = 3s});
    http::client client(w.io(), {.environment = w.environment()});
    std::optional<http::response> first;
    client.async_request(bed.url(), {.method = "POST", .fields = bed.sign("1", "x"), .body = "x"},
                         [&](error_code, http::response r) { first = std::move(r); });
    w.run_until([&] { return slow->waiting.size() == 1; });
    w.advance(2900ms);
    CHECK_FALSE(first);
    w.advance(200ms);
    REQUIRE(first);
    CHECK(first->status == 503);
    CHECK(first->fields.get("retry-after") == "1");
    // What became of it is still unknown.
    CHECK(bed.post_signed("1", "x").status == 503);
    CHECK(slow->waiting.size() == 1);
    const int end = GENERATE(0, 1, 2);
    CAPTURE(end);
    auto handler = std::move(slow->waiting[0].second);
    slow->waiting.clear();
    if (end == 0) std::move(handler)(error_code(), outcome::queued);
    if (end == 1) std::move(handler)(error_code(errc::store_failed), outcome::dropped);
    if (end == 2) handler = {};  // forgotten
    w.run_ready();
    if (end == 0) {
        CHECK(json::parse(bed.post_signed("1", "x").body) == json{{"duplicate", true}});
        return;
    }
    std::optional<unsigned> again;
    client.async_request(bed.url(), {.method = "POST", .fields = bed.sign("1", "x"), .body = "x"},
                         [&](error_code, const http::response& r) { again = r.status; });
    w.run_until([&] { return slow->waiting.size() == 1; });
    std::move(slow->waiting[0].second)(error_code(), outcome::queued);
    w.run_until([&] { return again.has_value(); });
    CHECK(*again == 202);
}

TEST_CASE("a receiver whose subscriber stalls holds no more than it may", "[webhook][fault-1]") {
    world w;
    const auto slow = std::make_shared<slow_subscriber>();
    const bool by_bytes = GENERATE(false, true);
    CAPTURE(by_bytes);
    webhook::receiver_options o;
    o.verifier = receiver_verifier();
    o.accept_timeout = 3s;
    o.max_accepting = by_bytes ? 1000 : 2;
    o.max_accepting_bytes = by_bytes ? 25'000 : 1'000'000;
    receive_bed bed(w, slow, std::move(o));
    http::client client(w.io(), {.environment = w.environment()});
    const auto shared = std::make_shared<std::map<std::string, http::response>>();
    auto& answers = *shared;
    const auto post = [&](const std::string& id) {
        client.async_request(
            bed.url(),
            {.method = "POST",
             .fields = bed.sign(id, std::string(10'000, 'x')),
             .body = std::string(10'000, 'x')},
            [shared, id](error_code, http::response r) { (*shared)[id] = std::move(r); });
        w.run_ready();
    };
    post("1");
    post("2");
    CHECK(slow->waiting.size() == 2);
    post("3");
    CHECK(slow->waiting.size() == 2);
    REQUIRE(answers.count("3") == 1);
    CHECK(answers["3"].status == 503);
    CHECK(answers["3"].fields.get("retry-after") == "1");
    // That the senders were answered gives no room: the subscriber still has the events.
    w.advance(3100ms);
    CHECK(answers["1"].status == 503);
    post("4");
    CHECK(answers["4"].status == 503);
    CHECK(slow->waiting.size() == 2);
    // A late acceptance makes room, and its event is taken.
    std::move(slow->waiting[0].second)(error_code(), outcome::queued);
    w.run_ready();
    post("3");
    CHECK(slow->waiting.size() == 3);
    CHECK(slow->waiting[2].first->id() == "3");
    // A dropped question gives its room back, too.
    slow->waiting[1].second = {};
    w.run_ready();
    CHECK(json::parse(bed.post_signed("1", std::string(10'000, 'x')).body) ==
          json{{"duplicate", true}});
}

TEST_CASE("an event that is larger than what may be held is taken alone", "[webhook][fault-1]") {
    world w;
    const auto seen = std::make_shared<recorder>();
    receive_bed bed(w, seen, {.verifier = receiver_verifier(), .max_accepting_bytes = 100});
    CHECK(bed.post_signed("1", std::string(10'000, 'x')).status == 202);
    CHECK(bed.post_signed("2", std::string(10'000, 'x')).status == 202);
}

TEST_CASE("a receiver that is full refuses before the body is read", "[webhook][fault-1]") {
    world w;
    const auto slow = std::make_shared<slow_subscriber>();
    webhook::receiver_options o;
    o.allow_unsigned = true;
    o.max_accepting = 0;
    receive_bed bed(w, slow, std::move(o));
    const auto r = bed.post("x", {{"Expect", "100-continue"}});
    CHECK(r.status == 503);
    CHECK(r.fields.get("retry-after") == "1");
    CHECK(slow->waiting.empty());
}

TEST_CASE("a peer that leaves while its event is being accepted takes nothing back", "[webhook]") {
    world w;
    const auto slow = std::make_shared<slow_subscriber>();
    receive_bed bed(w, slow);
    {
        http::client client(w.io(), {.environment = w.environment()});
        client.async_request(bed.url(),
                             {.method = "POST", .fields = bed.sign("1", "x"), .body = "x"},
                             [](error_code, const http::response&) {});
        w.run_until([&] { return slow->waiting.size() == 1; });
    }
    w.run_ready();
    CHECK(bed.post_signed("1", "x").status == 503);
    std::move(slow->waiting[0].second)(error_code(), outcome::queued);
    w.run_ready();
    CHECK(json::parse(bed.post_signed("1", "x").body) == json{{"duplicate", true}});
    CHECK(slow->waiting.size() == 1);
}

}  // namespace tidings::test
