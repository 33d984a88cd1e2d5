// SPDX-License-Identifier: BSL-1.0
// The forms in which an event stands in a request.
#include "support/receive_bed.hpp"
#include "support/webhook_bed.hpp"

#include <tidings/store/memory_outbox.hpp>
#include <tidings/test/recorder.hpp>

#include <optional>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using webhook::body_form;

struct form_bed {
    explicit form_bed(body_form f)
        : bed(w,
              [this] {
                  auto o = webhook_options(w);
                  o.outbox = outbox;
                  return o;
              }()),
          endpoint(bed.add(target.url(), {.form = f})) {}

    /// What the endpoint says of an event that is delivered to it.
    error_code deliver(event e, std::string_view topic = "a") {
        error_code ec;
        const auto p = publication::make(topic, std::move(e), {}, ec);
        REQUIRE_FALSE(ec);
        std::optional<error_code> end;
        endpoint.as_subscriber()->async_deliver(p, [&](error_code why, outcome) { end = why; });
        w.run_ready();
        REQUIRE(end);
        return *end;
    }
    const http::request& sent(std::size_t which = 0) {
        REQUIRE(target.requests.size() > which);
        return target.requests[which];
    }

    world w;
    const std::shared_ptr<store::outbox> outbox = store::make_memory_outbox();
    world_sink target{w};
    send_bed bed;
    webhook::endpoint endpoint;
};

bool has_attributes(const http::request& r) {
    return std::any_of(r.fields.begin(), r.fields.end(),
                       [](const auto& f) { return f.first.starts_with("ce-"); });
}

event at_noon(std::string_view data, std::string_view content_type = "application/json") {
    event e("order.created", "/shop");
    e.id("1").time(event_time(12h));
    e.data(std::string(data), content_type);
    return e;
}

}  // namespace

TEST_CASE("the payload of Standard Webhooks has the event's type, time and data", "[webhook]") {
    form_bed b(body_form::standard);
    CHECK_FALSE(b.deliver(at_noon(R"({ "total":99.50 })")));
    const auto& r = b.sent();
    // The data byte for byte.
    CHECK(
        r.body ==
        R"({"type":"order.created","timestamp":"1970-01-01T12:00:00Z","data":{ "total":99.50 }})");
    CHECK(r.fields.get("content-type") == "application/json");
    CHECK_FALSE(has_attributes(r));
    CHECK(r.fields.find("webhook-id"));
}

TEST_CASE("data that is no JSON stands in the payload as a string, or is refused", "[webhook]") {
    form_bed b(body_form::standard);
    CHECK_FALSE(b.deliver(at_noon("a \"word\"", "text/plain")));
    CHECK(b.sent().body.ends_with(R"("data":"a \"word\""})"));
    event none("order.created", "/shop");
    CHECK_FALSE(b.deliver(std::move(none)));
    CHECK(b.sent(1).body.ends_with(R"("data":null})"));

    CHECK(b.deliver(at_noon("\x01\x02", "application/octet-stream")) == errc::event_bad_data);
    CHECK(b.deliver(at_noon("{", "application/json")) == errc::event_bad_data);
    CHECK(b.deliver(at_noon("\xff", "text/plain")) == errc::event_bad_data);
    CHECK(b.deliver(event::of("order.created", "/shop", 7)) == errc::event_no_wire_form);
    CHECK(b.target.requests.size() == 2);
    CHECK(listed(b.w, *b.outbox).empty());
}

TEST_CASE("an event without a time has that of its delivery in the payload", "[webhook]") {
    form_bed b(body_form::standard);
    b.w.advance(1s);
    CHECK_FALSE(b.deliver(event("order.created", "/shop", "x")));
    CHECK(b.sent().body ==
          R"({"type":"order.created","timestamp":"2026-01-01T00:00:01Z","data":"x"})");
}

TEST_CASE("the payload of Standard Webhooks comes to a receiver as the event it was", "[webhook]") {
    world w;
    const auto seen = std::make_shared<recorder>();
    receive_bed bed(w, seen,
                    {.verifier = std::make_shared<webhook::standard_verifier>(
                         std::vector<webhook::standard_key>{webhook::secret(webhook_secret)})});
    send_bed from(w);
    from.add(bed.url(), {.form = body_form::standard});
    from.hub->publish("a", at_noon(R"({"total":99})"));
    w.run_ready();
    REQUIRE(seen->count() == 1);
    const auto e = seen->events()[0];
    CHECK(e->type() == "order.created");
    CHECK(e->time() == "1970-01-01T12:00:00Z");
    CHECK(e->topic() == "order.created");
}

TEST_CASE("a raw body is the data and nothing else", "[webhook]") {
    form_bed b(body_form::raw);
    const std::string bytes("\x00\xff<xml/>", 8);
    event e = at_noon(bytes, "application/xml");
    e.subject("42").extension("partitionkey", "7");
    CHECK_FALSE(b.deliver(std::move(e)));
    const auto& r = b.sent();
    CHECK(r.body == bytes);
    CHECK(r.fields.get("content-type") == "application/xml");
    CHECK_FALSE(has_attributes(r));
    CHECK_FALSE(b.deliver(event("order.created", "/shop")));
    CHECK(b.sent(1).body.empty());
    CHECK_FALSE(b.sent(1).fields.find("content-type"));
    CHECK(b.deliver(at_noon("x", "text/" + std::string(8192, 'x'))) == errc::header_too_large);
    CHECK(b.target.requests.size() == 2);
}

TEST_CASE("endpoints of one form are owed one body, the event's own where that is the data",
          "[webhook]") {
    const auto form =
        GENERATE(body_form::binary, body_form::structured, body_form::standard, body_form::raw);
    form_bed b(form);
    b.target.answer = answering({500});
    b.bed.add(b.target.url() + "/2", {.form = form});
    error_code ec;
    const auto p = publication::make("a", at_noon("{}"), {}, ec);
    b.bed.hub->publish("a", p);
    b.w.run_ready();
    const auto owed = listed(b.w, *b.outbox);
    REQUIRE(owed.size() == 2);
    CHECK(owed[0].entry.message == owed[1].entry.message);
    const auto* body = owed[0].entry.message->body.get();
    const bool own = form == body_form::binary || form == body_form::raw;
    CHECK((body == p->data_bytes(ec)) == own);
}

}  // namespace tidings::test
