// SPDX-License-Identifier: BSL-1.0
// Many events in one request.
#include "support/receive_bed.hpp"
#include "support/webhook_bed.hpp"

#include <tidings/event_json.hpp>
#include <tidings/store/memory_outbox.hpp>
#include <tidings/test/faulty_outbox.hpp>
#include <tidings/test/recorder.hpp>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/detached.hpp>

#include <set>
#include <stdexcept>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using texts = std::vector<std::string>;
using webhook::body_form;
using webhook::delivery_order;

/// The data of a batch's events.
std::string data_of(const http::request& r) {
    std::string all;
    for (const auto& e : json::parse(r.body)) all += e.at("data").get<std::string>() + ' ';
    return all;
}

std::string id_of_request(const http::request& r) {
    return std::string(r.fields.get("webhook-id"));
}

struct batch_bed {
    explicit batch_bed(std::shared_ptr<store::outbox> o = store::make_memory_outbox())
        : outbox(std::move(o)) {}

    webhook::sender_options options() {
        auto o = webhook_options(w);
        o.outbox = outbox;
        return o;
    }
    static webhook::endpoint_options endpoint(webhook::batch_options b = {}) {
        return {.id = "e", .form = body_form::batch, .batch = b, .max_in_flight = 4};
    }
    webhook::endpoint add(webhook::endpoint_options o = endpoint()) {
        return bed.add(target.url(), std::move(o));
    }
    /// Each text is `key-number`, in the partition of its key.
    void publish(const texts& all) {
        for (const auto& text : all)
            bed.hub->publish("a", event("test", "/test", text)
                                      .id("id-" + text)
                                      .extension("partitionkey", text.substr(0, 1)));
        w.run_ready();
    }
    /// Answers 400 to what holds one of these texts.
    void refuse(std::set<std::string> bad, unsigned status = 400) {
        target.answer = [bad = std::move(bad), status](http::exchange& x) {
            bool good = true;
            for (const auto& e : json::parse(x.request().body))
                good = good && !bad.contains(e.at("data").get<std::string>());
            x.respond({.status = good ? 204U : status});
        };
    }
    texts sent() const {
        texts all;
        for (const auto& r : target.requests) all.push_back(data_of(r));
        return all;
    }
    std::size_t owed() { return outbox->stats().owed; }
    store::outbox_redelivered redeliver(store::outbox_selection of, bool as_new = false) {
        store::outbox_redelivered result;
        bed.sender->async_redeliver(std::move(of), as_new,
                                    [&](error_code ec, store::outbox_redelivered r) {
                                        CHECK_FALSE(ec);
                                        result = r;
                                    });
        w.run_ready();
        return result;
    }

    world w;
    const std::shared_ptr<store::outbox> outbox;
    send_bed bed{w, options()};
    world_sink target{w};
};

}  // namespace

TEST_CASE("events go together as a CloudEvents batch, when the first has waited", "[webhook]") {
    batch_bed b;
    const auto e = b.add();
    b.publish({"a1", "a2"});
    b.w.advance(400ms);
    b.publish({"b3"});
    CHECK(b.target.requests.empty());
    b.w.advance(600ms);
    REQUIRE(b.sent() == texts{"a1 a2 b3 "});
    const auto& r = b.target.requests[0];
    CHECK(r.fields.get("content-type").starts_with("application/cloudevents-batch+json"));
    CHECK_FALSE(r.fields.find("ce-id"));
    const auto all = json::parse(r.body);
    CHECK(all[0].at("specversion") == "1.0");
    CHECK(all[0].at("id") == "id-a1");
    CHECK(b.owed() == 0);
    CHECK(e.counters().delivered == 3);
    REQUIRE(b.bed.attempts.size() == 1);
    CHECK(b.bed.attempts[0].events == 3);
    CHECK(b.bed.attempts[0].message_id == id_of_request(r));
}

TEST_CASE("a batch that is full goes at once", "[webhook]") {
    batch_bed b;
    webhook::batch_options o{.max_events = 3, .max_delay = 1h};
    SECTION("by its number") {}
    SECTION("by its bytes") {
        b.add(b.endpoint());
        b.publish({"xx"});
        b.w.advance(1s);
        const auto one = b.target.requests.at(0).body.size() - 2;
        b.target.requests.clear();
        b.bed.hooks.clear();
        o = {.max_bytes = 3 * one + 4, .max_delay = 1h};
    }
    auto options = b.endpoint(o);
    options.id = "full";
    b.add(options);
    b.publish({"a1", "a2"});
    b.w.advance(1s);
    CHECK(b.target.requests.empty());
    b.publish({"a3", "a4", "a5", "a6", "a7"});
    CHECK(b.sent() == texts{"a1 a2 a3 ", "a4 a5 a6 "});
    for (const auto& r : b.target.requests) CHECK(r.body.size() <= o.max_bytes);
    b.w.advance(1h);
    CHECK(b.sent() == texts{"a1 a2 a3 ", "a4 a5 a6 ", "a7 "});
}

TEST_CASE("an event that is larger than a batch goes alone", "[webhook]") {
    batch_bed b;
    b.add(b.endpoint({.max_bytes = 1000}));
    b.publish({"a1", "a2", std::string(2000, 'x'), "a3"});
    b.w.advance(1s);
    CHECK(b.sent() == texts{"a1 a2 ", std::string(2000, 'x') + ' ', "a3 "});
}

TEST_CASE("a batch is tried again as it was, whatever has come since", "[webhook]") {
    batch_bed b;
    b.target.answer = answering({500, 204});
    b.add();
    b.publish({"a1", "a2"});
    b.w.advance(1s);
    b.publish({"a3"});
    b.w.advance(5s);
    REQUIRE(b.sent() == texts{"a1 a2 ", "a3 ", "a1 a2 "});
    const auto& r = b.target.requests;
    CHECK(id_of_request(r[0]) == id_of_request(r[2]));
    CHECK(r[0].body == r[2].body);
    CHECK(id_of_request(r[0]) != id_of_request(r[1]));
    CHECK(b.owed() == 0);
}

TEST_CASE("a batch that is refused is split until the bad event is alone", "[webhook]") {
    const auto status = GENERATE(400U, 413U, 422U);
    batch_bed b;
    b.refuse({"a5"}, status);
    b.add();
    b.publish({"a1", "a2", "a3", "a4", "a5", "a6", "a7"});
    b.w.advance(1s);
    CHECK(b.sent() == texts{"a1 a2 a3 a4 a5 a6 a7 ", "a1 a2 a3 a4 ", "a5 a6 a7 ", "a5 a6 ", "a7 ",
                            "a5 ", "a6 "});
    std::set<std::string> ids;
    for (const auto& r : b.target.requests) ids.insert(id_of_request(r));
    CHECK(ids.size() == 7);
    // That one is tried again by itself, as any delivery, from its first attempt on.
    REQUIRE(b.owed() == 1);
    CHECK(listed(b.w, *b.outbox).at(0).entry.attempts == 1);
    b.w.advance(5s);
    REQUIRE(b.target.requests.size() == 8);
    CHECK(id_of_request(b.target.requests[5]) == id_of_request(b.target.requests[7]));
    CHECK(id_of_request(b.target.requests[7]) == listed(b.w, *b.outbox).at(0).entry.webhook_id);
    b.w.advance(60s);
    b.w.advance(300s);
    CHECK(b.outbox->stats().dead == 1);
}

TEST_CASE("no other failure splits a batch", "[webhook]") {
    const auto status = GENERATE(401U, 404U, 500U, 503U);
    batch_bed b;
    b.target.answer = answering({status});
    const auto e = b.add();
    b.publish({"a1", "a2"});
    b.w.advance(1s);
    for (int i = 0; i < 3; ++i) b.w.advance(300s);
    REQUIRE(b.target.requests.size() == 4);
    for (const auto& r : b.target.requests)
        CHECK(id_of_request(r) == id_of_request(b.target.requests[0]));
    CHECK(b.outbox->stats().dead == 2);
    CHECK(e.counters().dead == 2);
    CHECK(e.counters().failed_attempts == 4);
}

TEST_CASE("a status that is hopeless splits a batch first", "[webhook]") {
    batch_bed b;
    b.refuse({"a2"});
    auto o = b.endpoint();
    o.retry = webhook::retry_options{.delays = {0s, 5s}, .permanent_statuses = {400}};
    b.add(o);
    b.publish({"a1", "a2"});
    b.w.advance(1s);
    CHECK(b.sent() == texts{"a1 a2 ", "a1 ", "a2 "});
    CHECK(b.owed() == 0);
    CHECK(b.outbox->stats().dead == 1);
}

TEST_CASE("410 ends an endpoint that takes batches", "[webhook]") {
    batch_bed b;
    b.target.answer = answering({410});
    b.add(b.endpoint({.max_events = 2}));
    b.publish({"a1", "a2", "a3", "a4", "a5"});
    b.w.advance(1s);
    CHECK(b.owed() == 0);
    CHECK(b.outbox->stats().dead == 5);
}

TEST_CASE("an ordered endpoint has one batch after another", "[webhook]") {
    batch_bed b;
    b.refuse({"a2"}, 500);
    auto o = b.endpoint({.max_events = 2, .max_delay = 0ms});
    o.order = delivery_order::endpoint;
    b.add(o);
    b.publish({"a1", "a2", "a3", "a4", "a5"});
    CHECK(b.sent() == texts{"a1 a2 "});
    b.target.answer = answering({204});
    b.w.advance(6s);
    CHECK(b.sent() == texts{"a1 a2 ", "a1 a2 ", "a3 a4 ", "a5 "});
}

TEST_CASE("the halves of an ordered batch keep their order", "[webhook]") {
    batch_bed b;
    b.refuse({"a2"});
    auto o = b.endpoint();
    o.order = delivery_order::endpoint;
    o.retry = webhook::retry_options{.delays = {0s, 5s}, .jitter = 0};
    SECTION("the bad one is skipped") {
        b.add(o);
        b.publish({"a1", "a2", "a3", "a4"});
        b.w.advance(1s);
        CHECK(b.sent() == texts{"a1 a2 a3 a4 ", "a1 a2 ", "a1 ", "a2 "});
        b.w.advance(5s);
        CHECK(b.sent().back() == "a3 a4 ");
        CHECK(b.outbox->stats().dead == 1);
    }
    SECTION("the bad one stops what is behind it") {
        o.exhausted = webhook::at_exhaustion::stop;
        b.add(o);
        b.publish({"a1", "a2", "a3", "a4"});
        b.w.advance(1s);
        b.w.advance(5s);
        CHECK(b.sent().back() == "a2 ");
        CHECK(b.owed() == 3);
        b.target.answer = answering({204});
        CHECK(b.redeliver({.endpoint = "e"}).count == 1);
        CHECK(b.sent().back() == "a3 a4 ");
        CHECK(b.owed() == 0);
    }
}

TEST_CASE("a batch of an endpoint with partitions is of one partition", "[webhook]") {
    batch_bed b;
    b.refuse({"a1"}, 500);
    auto o = b.endpoint();
    o.order = delivery_order::partition;
    b.add(o);
    b.publish({"a1", "b1", "a2", "b2"});
    b.bed.publish("free");
    b.bed.publish("as well");
    b.w.advance(1s);
    CHECK(b.sent() == texts{"a1 a2 ", "b1 b2 ", "free as well "});
    // What is tried again holds up nothing of another.
    b.publish({"a3", "b3"});
    b.w.advance(1s);
    CHECK(b.sent().back() == "b3 ");
    b.target.answer = answering({204});
    b.w.advance(5s);
    const auto sent = b.sent();
    REQUIRE(sent.size() == 6);
    CHECK(sent[4] == "a1 a2 ");
    CHECK(sent[5] == "a3 ");
}

TEST_CASE("a dead batch is redelivered under its id, or as new under another", "[webhook]") {
    batch_bed b;
    b.target.answer = answering({500});
    b.add();
    texts all;
    for (int i = 0; i < 80; ++i) all.push_back("a" + std::to_string(i));
    b.publish(all);
    b.w.advance(1s);
    for (int i = 0; i < 3; ++i) b.w.advance(300s);
    REQUIRE(b.outbox->stats().dead == 80);
    const auto first = b.target.requests.at(0);
    b.target.requests.clear();
    b.target.answer = answering({204});
    SECTION("the same") {
        CHECK(b.redeliver({.endpoint = "e"}).count == 80);
        REQUIRE(b.target.requests.size() == 1);
        CHECK(id_of_request(b.target.requests[0]) == id_of_request(first));
        CHECK(b.target.requests[0].body == first.body);
    }
    SECTION("as new") {
        CHECK(b.redeliver({.endpoint = "e"}, true).count == 80);
        REQUIRE(b.target.requests.size() == 1);
        CHECK(id_of_request(b.target.requests[0]) != id_of_request(first));
        CHECK(b.target.requests[0].body == first.body);
    }
    SECTION("one of it goes under its own") {
        const auto dead = listed(b.w, *b.outbox);
        CHECK(b.redeliver({.endpoint = "e", .last_key = dead.at(0).entry.key}).count == 1);
        REQUIRE(b.sent() == texts{"a0 "});
        CHECK(id_of_request(b.target.requests[0]) == dead.at(0).entry.webhook_id);
    }
    CHECK(b.owed() == 0);
}

TEST_CASE("a dead batch is one when it is redelivered page by page", "[webhook]") {
    const auto held = std::make_shared<faulty_outbox>(store::make_memory_outbox());
    batch_bed b(held);
    b.target.answer = answering({500});
    auto e = b.add(b.endpoint({.max_events = 600}));
    texts all;
    for (int i = 0; i < 600; ++i) all.push_back("a" + std::to_string(i));
    b.publish(all);
    b.w.advance(1s);
    for (int i = 0; i < 3; ++i) b.w.advance(300s);
    REQUIRE(b.outbox->stats().dead == 600);
    b.target.requests.clear();
    b.target.answer = answering({204});
    held->plan().hold();
    b.bed.sender->async_redeliver({.endpoint = "e"}, false, net::detached);
    b.w.run_ready();
    CHECK(b.owed() == 256);
    e.enable();  // something makes the sender claim
    b.w.run_ready();
    held->plan().release();
    b.w.advance(1s);
    REQUIRE(b.target.requests.size() == 1);
    CHECK(json::parse(b.target.requests[0].body).size() == 600);
}

TEST_CASE("an event that expires leaves its batch, which is another then", "[webhook]") {
    batch_bed b;
    b.target.answer = answering({500, 204});
    b.add();
    b.publish({"a1"});
    b.bed.hub->publish(
        "a", event("test", "/test", "short").extension("expirytime", "2026-01-01T00:00:03Z"));
    b.publish({"a2"});
    b.w.advance(1s);
    b.w.advance(5s);
    REQUIRE(b.sent() == texts{"a1 short a2 ", "a1 a2 "});
    CHECK(id_of_request(b.target.requests[0]) != id_of_request(b.target.requests[1]));
    CHECK(b.outbox->stats().dead == 1);
}

TEST_CASE("a drain sends what waits for a batch to be full", "[webhook]") {
    batch_bed b;
    b.add(b.endpoint({.max_delay = 1h}));
    b.publish({"a1", "a2"});
    CHECK(b.target.requests.empty());
    bool drained = false;
    b.bed.sender->async_drain([&](error_code ec) { drained = !ec; });
    b.w.run_ready();
    CHECK(drained);
    CHECK(b.sent() == texts{"a1 a2 "});
    CHECK(b.owed() == 0);
}

TEST_CASE("a batch is stored before it is sent, and sent as it was stored by the next sender",
          "[webhook]") {
    const auto faulty = std::make_shared<faulty_outbox>(store::make_memory_outbox());
    batch_bed b(faulty);
    b.target.answer = answering({500, 204});
    b.add();
    b.publish({"a1", "a2"});
    faulty->plan().fail({.operation = "finish", .times = 3});
    b.w.advance(1s);
    CHECK(b.target.requests.empty());
    SECTION("what cannot be stored is not sent") {
        b.w.advance(1s);
        CHECK(b.target.requests.empty());
        faulty->plan().heal();
        b.w.advance(1s);
        CHECK(b.sent() == texts{"a1 a2 "});
    }
    SECTION("by another") {
        faulty->plan().heal();
        b.w.advance(1s);
        REQUIRE(b.sent() == texts{"a1 a2 "});
        b.bed.sender.reset();
        b.w.run_ready();
        send_bed next(b.w, b.options());
        next.add(b.target.url(), b.endpoint());
        next.publish("new");
        b.w.advance(5s);
        REQUIRE(b.sent() == texts{"a1 a2 ", "new ", "a1 a2 "});
        CHECK(id_of_request(b.target.requests[0]) == id_of_request(b.target.requests[2]));
    }
}

TEST_CASE("an endpoint that takes no batches any more gets what was one in order", "[webhook]") {
    batch_bed b;
    b.target.answer = answering({500, 204});
    auto o = b.endpoint();
    o.order = delivery_order::endpoint;
    b.add(o);
    b.publish({"a1", "a2", "a3"});
    b.w.advance(1s);
    REQUIRE(b.sent().size() == 1);
    o.form = body_form::structured;
    o.replace = true;
    b.bed.hooks.clear();
    b.add(o);
    b.w.advance(6s);
    texts data;
    for (std::size_t i = 1; i < b.target.requests.size(); ++i)
        data.push_back(json::parse(b.target.requests[i].body).at("data").get<std::string>());
    CHECK(data == texts{"a1", "a2", "a3"});
    CHECK(b.owed() == 0);
}

TEST_CASE("what an endpoint was owed alone goes alone when it takes batches", "[webhook]") {
    batch_bed b;
    b.target.answer = answering({500, 500, 204});
    auto o = b.endpoint();
    o.form = body_form::binary;
    b.add(o);
    b.publish({"a1", "a2"});
    REQUIRE(b.target.requests.size() == 2);
    o.form = body_form::batch;
    o.replace = true;
    b.bed.hooks.clear();
    b.add(o);
    b.w.advance(6s);
    REQUIRE(b.target.requests.size() == 4);
    CHECK(b.target.requests[2].body == "a1");
    CHECK(b.target.requests[3].body == "a2");
    CHECK(b.owed() == 0);
}

TEST_CASE("limits of a batch that make no sense are refused", "[webhook]") {
    batch_bed b;
    const auto refused = [&](webhook::endpoint_options o) {
        o.url = b.target.url();
        o.secret = webhook_secret;
        error_code ec;
        b.bed.sender->endpoint(std::move(o), ec);
        return ec == errc::invalid_argument;
    };
    CHECK(refused(b.endpoint({.max_events = 0})));
    CHECK(refused(b.endpoint({.max_bytes = 0})));
    CHECK(refused(b.endpoint({.max_delay = -1ms})));
    CHECK(refused(b.endpoint({.max_delay = 25h})));
    // Of a form that has no batches.
    for (auto form :
         {body_form::binary, body_form::structured, body_form::standard, body_form::raw}) {
        auto o = b.endpoint({.max_events = 7});
        o.form = form;
        CHECK(refused(o));
        o.batch = {};
        CHECK_FALSE(refused(o));
    }
}

TEST_CASE("the log of attempts has a row for each event of a batch", "[webhook]") {
    batch_bed b;
    b.target.answer = [](http::exchange& x) { x.respond({500, {}, "why"}); };
    b.add();
    b.publish({"a1", "a2"});
    b.w.advance(1s);
    std::vector<store::outbox_attempt> rows;
    b.outbox->async_list_attempts(
        "e", 0, 100, net::bind_executor(b.w.io(), [&](error_code, auto page) { rows = page; }));
    b.w.run_ready();
    REQUIRE(rows.size() == 2);
    CHECK(rows[0].message_id == "id-a1");
    CHECK(rows[1].message_id == "id-a2");
    CHECK(rows[0].response_body == "why");
    CHECK(rows[1].response_body.empty());
    CHECK(rows[1].status == 500);
    // And each can be sent again.
    b.target.answer = answering({204});
    b.bed.sender->async_resend(rows[1].key, false, net::detached);
    b.w.run_ready();
    CHECK(b.sent().back() == "a2 ");
}

TEST_CASE("an operational event about a batch says how many events it had", "[webhook]") {
    batch_bed b;
    std::vector<json> failed, exhausted;
    auto o = webhook_options(b.w);
    o.operational = {.bus = &*b.bed.hub};
    send_bed other(b.w, std::move(o));
    const auto a = b.bed.hub->subscribe("tidings.webhook.attempt.failed", immediate,
                                        [&](const event_ptr& e) { failed.push_back(e->json()); });
    const auto x =
        b.bed.hub->subscribe("tidings.webhook.exhausted", immediate,
                             [&](const event_ptr& e) { exhausted.push_back(e->json()); });
    b.target.answer = answering({500});
    auto options = b.endpoint();
    options.retry = webhook::retry_options{.delays = {0s}};
    other.add(b.target.url(), options);
    other.publish("a1");
    other.publish("a2");
    b.w.advance(1s);
    REQUIRE(failed.size() == 1);
    CHECK(failed[0].at("events") == 2);
    CHECK(failed[0].at("webhook_id") == id_of_request(b.target.requests.at(0)));
    CHECK_FALSE(failed[0].contains("event"));
    REQUIRE(exhausted.size() == 2);
    CHECK(exhausted[0].at("event").at("id") == "id-1");
    CHECK(exhausted[1].at("event").at("id") == "id-2");
}

TEST_CASE("a full batch of the default size is taken by a receiver as it is", "[webhook]") {
    world w;
    const auto seen = std::make_shared<recorder>();
    receive_bed receiver(
        w, seen,
        {.verifier = std::make_shared<webhook::standard_verifier>(
             std::vector<webhook::standard_key>{webhook::secret(webhook_secret)})});
    send_bed bed(w);
    bed.add(receiver.url(), {.form = body_form::batch});
    // Two of the largest that fit, and one that does not.
    const webhook::batch_options limits{};
    for (int i = 0; i < 3; ++i) bed.publish(std::string(limits.max_bytes / 2 - 300, 'x'));
    w.advance(1s);
    w.advance(1s);
    CHECK(seen->count() == 3);
    REQUIRE(bed.attempts.size() == 2);
    CHECK(bed.attempts[0].status == 202);
    CHECK(bed.attempts[0].events == 2);
    CHECK(limits.max_bytes < webhook::receiver_options().max_body_bytes);
    CHECK(limits.max_events <= webhook::receiver_options().max_batch_events);
}

}  // namespace tidings::test
