// SPDX-License-Identifier: BSL-1.0
// Deliveries across what ends, is replaced, pauses or breaks meanwhile.
#include "support/raw_target.hpp"
#include "support/webhook_bed.hpp"

#include <tidings/store/memory_outbox.hpp>
#include <tidings/test/faulty_outbox.hpp>

#include <set>
#include <stdexcept>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using webhook::verdict;
using texts = std::vector<std::string>;

store::outbox_entry owed_to(std::string endpoint, std::string text, io::system_time due) {
    store::outbox_entry e;
    e.message_id = "to-" + std::to_string(endpoint.size());
    e.endpoint = std::move(endpoint);
    e.message = message_of(std::move(text));
    e.due = due;
    return e;
}

/// An outbox of an earlier run, with one delivery for each endpoint.
std::shared_ptr<faulty_outbox> outbox_owing(world& w, const texts& endpoints) {
    const auto outbox = std::make_shared<faulty_outbox>();
    std::vector<store::outbox_entry> entries;
    for (const auto& id : endpoints)
        entries.push_back(owed_to(id, "for " + id, w.clock().wall_now()));
    outbox->start_append(
        {.entries = std::move(entries)},
        {w.io().get_executor(), [](error_code ec, const auto&) { CHECK_FALSE(ec); }});
    w.run_ready();
    return outbox;
}

/// A target and an outbox that answer at the test's command.
struct stalling_bed {
    // The requests that came are held, until `target.answer` is another.
    void hold_requests() {
        target.answer = [this](http::exchange& x) { held.push_back(std::move(x)); };
    }
    void answer_held(unsigned status, http::fields fields = {}) {
        REQUIRE(held.size() == 1);
        held[0].respond({.status = status, .fields = std::move(fields)});
        held.clear();
        w.run_ready();
    }
    // Publishes, and leaves the claim that follows unanswered.
    void publish_and_hold_claim(std::string_view text) {
        plan.hold();
        bed.publish(text);
        CHECK(plan.release_one());  // the append
        w.run_ready();
        CHECK(plan.held() == 1);
    }

    world w;
    const std::shared_ptr<faulty_outbox> outbox = std::make_shared<faulty_outbox>();
    fault_plan& plan = outbox->plan();
    send_bed bed{w, options()};
    world_sink target{w};
    std::vector<http::exchange> held;
    const webhook::endpoint endpoint = bed.add(target.url());

 private:
    webhook::sender_options options() {
        auto o = webhook_options(w);
        o.outbox = outbox;
        return o;
    }
};

std::size_t dead_in(world& w, store::outbox& o) {
    const auto all = listed(w, o);
    return static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [](const auto& l) {
        return l.state == store::outbox_state::dead;
    }));
}

}  // namespace

TEST_CASE("after a restart an endpoint that is added late gets what it was owed", "[webhook]") {
    world w;
    auto o = webhook_options(w);
    const auto outbox = outbox_owing(w, {"b", "a"});
    o.outbox = outbox;
    send_bed bed(w, std::move(o));
    world_sink target(w);
    bed.add(target.url(), {.id = "a"});
    w.advance(24h);
    CHECK(bodies_of(target) == texts{"for a"});
    CHECK(dead_in(w, *outbox) == 0);
    // Nor is it asked for over and over.
    const auto claims = outbox->plan().operations("claim");
    w.advance(24h);
    CHECK(outbox->plan().operations("claim") == claims);
    const auto e = bed.add(target.url("/hook?b"), {.id = "b"});
    w.run_ready();
    CHECK(bodies_of(target) == texts{"for a", "for b"});
    CHECK(e.counters().delivered == 1);
    CHECK(listed(w, *outbox).empty());
}

TEST_CASE("two senders over one outbox leave each other's deliveries alone", "[webhook]") {
    world w;
    const auto outbox = std::make_shared<faulty_outbox>();
    auto o = webhook_options(w);
    o.outbox = outbox;
    send_bed one(w, o);
    send_bed other(w, o);
    world_sink at_one(w);
    world_sink at_other(w);
    std::vector<http::exchange> held;
    at_other.answer = [&](http::exchange& x) { held.push_back(std::move(x)); };
    one.add(at_one.url());
    other.add(at_other.url());
    for (const auto* text : {"1", "2", "3"}) {
        other.publish(text);
        one.publish(text);
    }
    CHECK(bodies_of(at_one) == texts{"1", "2", "3"});
    // A claim whose answer is lost is made good without touching what the other has claimed.
    outbox->plan().fail({.operation = "claim", .after = true});
    one.publish("4");
    w.advance(1100ms);
    CHECK(bodies_of(at_one) == texts{"1", "2", "3", "4"});
    for (const auto& l : listed(w, *outbox)) CHECK(l.state == store::outbox_state::claimed);
    while (!held.empty()) {
        auto x = std::move(held.back());
        held.pop_back();
        x.respond({.status = 204});
        w.run_ready();
    }
    CHECK(bodies_of(at_other) == texts{"1", "2", "3"});
    CHECK(listed(w, *outbox).empty());
}

TEST_CASE("an endpoint that is paused while it waits for its turn is passed over", "[webhook]") {
    world w;
    auto o = webhook_options(w);
    o.max_in_flight = 1;
    send_bed bed(w, std::move(o));
    world_sink target(w);
    target.answer = answering({503, 204});
    const auto e = bed.add(target.url());
    bed.hub->publish("a", event("test", "/test", "1"));
    bed.publish("2");
    CHECK(bodies_of(target) == texts{"1"});
    CHECK(bed.sender->in_flight() == 0);
    w.advance(6s);
    CHECK(bodies_of(target) == texts{"1", "1", "2"});
    CHECK(e.counters().delivered == 2);
}

TEST_CASE("410 to the first of many ends the endpoint, whose line goes with it", "[webhook]") {
    world w;
    const auto outbox = store::make_memory_outbox();
    auto o = webhook_options(w);
    o.outbox = outbox;
    send_bed bed(w, std::move(o));
    world_sink target(w);
    target.answer = answering({410});
    const auto e = bed.add(target.url());
    for (int i = 0; i < 20; ++i) bed.hub->publish("a", event("test", "/test", "x"));
    w.run_ready();
    CHECK(target.requests.size() == 1);
    CHECK(e.counters().dead == 20);
    CHECK(dead_in(w, *outbox) == 20);
}

TEST_CASE("several answers of 410 are one end", "[webhook]") {
    world w;
    send_bed bed(w);
    world_sink target(w);
    std::vector<http::exchange> held;
    target.answer = [&](http::exchange& x) { held.push_back(std::move(x)); };
    int gone = 0;
    const bool closed = GENERATE(false, true);
    auto e = bed.add(target.url(), {.max_in_flight = 3, .on_gone = [&] { ++gone; }});
    for (int i = 0; i < 3; ++i) bed.hub->publish("a", event("test", "/test", "x"));
    w.run_ready();
    REQUIRE(held.size() == 3);
    if (closed) e.close();
    for (auto& x : held) x.respond({.status = 410});
    held.clear();
    w.run_ready();
    CHECK(gone == (closed ? 0 : 1));
    CHECK(e.counters().dead == 3);
}

TEST_CASE("what a target that was replaced answers late does not bind the new one", "[webhook]") {
    world w;
    send_bed bed(w);
    world_sink old_target(w);
    world_sink new_target(w);
    std::vector<http::exchange> held;
    old_target.answer = [&](http::exchange& x) { held.push_back(std::move(x)); };
    int gone = 0;
    const auto status = GENERATE(410U, 429U, 500U);
    const bool keeps_old = GENERATE(false, true);
    CAPTURE(status, keeps_old);
    auto before =
        std::make_optional(bed.add(old_target.url(), {.id = "one", .on_gone = [&] { ++gone; }}));
    for (const auto* text : {"1", "2"}) bed.hub->publish("a", event("test", "/test", text));
    w.run_ready();
    if (!keeps_old) before.reset();
    bed.hooks.clear();
    const auto e = bed.add(new_target.url(), {.id = "one", .on_gone = [&] { ++gone; }});
    w.run_ready();
    REQUIRE(held.size() == 1);
    held[0].respond({.status = status, .fields = {{"Retry-After", "1000"}}});
    held.clear();
    w.run_ready();
    auto got = bodies_of(new_target);
    std::sort(got.begin(), got.end());
    CHECK(got == texts{"1", "2"});
    CHECK(e.active());
    CHECK(e.counters().delivered == 2);
    CHECK(gone == 0);
    // Nor was it an attempt that counts.
    for (const auto& a : bed.attempts) CHECK(a.number == 1);
}

TEST_CASE("a pause holds for what was being claimed when it was asked for", "[webhook][faulty]") {
    stalling_bed f;
    f.hold_requests();
    f.bed.publish("1");
    f.publish_and_hold_claim("2");
    f.answer_held(429, {{"Retry-After", "60"}});
    f.plan.release();
    f.target.answer = answering({204});
    f.w.advance(59s);
    CHECK(bodies_of(f.target) == texts{"1"});
    f.w.advance(2s);
    CHECK(bodies_of(f.target) == texts{"1", "1", "2"});
    CHECK(listed(f.w, *f.outbox).empty());
}

TEST_CASE("what a pause put back goes out before what was claimed meanwhile", "[webhook][faulty]") {
    // Also where it was only the one that was answered so.
    const auto behind = GENERATE(texts{}, texts{"2", "3"});
    stalling_bed f;
    f.hold_requests();
    f.bed.publish("1");
    for (const auto& text : behind) f.bed.publish(text);
    f.publish_and_hold_claim("4");
    f.answer_held(503);
    CHECK(f.plan.held() == 2);  // the settlement
    f.w.advance(6s);            // longer than the pause
    f.target.answer = answering({204});
    f.plan.release();
    f.w.advance(1s);
    texts expected{"1", "1"};
    expected.insert(expected.end(), behind.begin(), behind.end());
    expected.push_back("4");
    CHECK(bodies_of(f.target) == expected);
    CHECK(listed(f.w, *f.outbox).empty());
}

TEST_CASE("a pause that is over while an outbox looks for what is due is over",
          "[webhook][faulty]") {
    stalling_bed f;
    f.target.answer = answering({503, 204});
    f.bed.publish("1");
    f.w.advance(4900ms);
    f.publish_and_hold_claim("2");  // a claim which leaves the endpoint out
    f.plan.release();               // and is heard of when the pause is just over
    f.w.clock().advance(100ms);
    f.w.run_ready();
    f.w.advance(1s);
    CHECK(bodies_of(f.target) == texts{"1", "1", "2"});
}

TEST_CASE("callbacks that throw are logged and stop nothing", "[webhook]") {
    world w;
    auto o = webhook_options(w);
    std::string logged;
    o.on_attempt = [](const webhook::attempt&) { throw std::runtime_error("attempt"); };
    o.log = [&](const log_record& r) { logged += std::string(r.message) + '\n'; };
    webhook::sender sender(w.io(), std::move(o));
    bus hub(w.io());
    world_sink target(w);
    target.answer = answering({204, 410});
    auto e = sender.endpoint({.url = target.url(), .secret = webhook_secret, .on_gone = [] {
                                  throw std::runtime_error("gone");
                              }});
    const auto hook = hub.subscribe(">", e);
    for (int i = 0; i < 3; ++i) hub.publish("a", event("test", "/test", "x"));
    w.run_ready();
    CHECK(target.requests.size() == 2);
    CHECK(e.counters().delivered == 1);
    CHECK_FALSE(e.active());
    CHECK(logged.find("attempt\n") != std::string::npos);
    CHECK(logged.find("gone\n") != std::string::npos);
}

TEST_CASE("the first attempt waits as long as the schedule says, in order", "[webhook]") {
    world w;
    auto o = webhook_options(w);
    o.retry = {.delays = {10s, 20s}, .jitter = 1};
    send_bed bed(w, std::move(o));
    world_sink target(w);
    bed.add(target.url());
    bed.publish("1");
    w.advance(1s);
    bed.publish("2");
    w.advance(8900ms);
    CHECK(target.requests.empty());
    w.advance(200ms);
    CHECK(bodies_of(target) == texts{"1"});
    w.advance(1s);
    CHECK(bodies_of(target) == texts{"1", "2"});
}

TEST_CASE("the status counts, however long the body that follows it", "[webhook]") {
    world w;
    auto o = webhook_options(w);
    o.max_response_bytes = 100;
    send_bed bed(w, std::move(o));
    world_sink target(w);
    const auto status = GENERATE(200U, 429U, 410U, 500U);
    CAPTURE(status);
    target.answer = [&](http::exchange& x) {
        x.respond(
            {.status = status, .fields = {{"Retry-After", "1000"}}, .body = std::string(101, 'x')});
    };
    const auto e = bed.add(target.url());
    bed.publish();
    REQUIRE(bed.attempts.size() == 1);
    const auto& a = bed.attempts[0];
    CHECK(a.status == status);
    CHECK(a.error == (status == 200 ? error_code() : make_error_code(errc::http_status)));
    CHECK(e.counters().delivered == (status == 200 ? 1 : 0));
    CHECK(e.active() == (status != 410));
    if (status == 429 || status == 500) CHECK(a.next == 1000s);
}

TEST_CASE("a sender that ends inside a callback calls no other one", "[webhook][fault-2]") {
    world w;
    std::optional<webhook::sender> sender;
    std::optional<webhook::endpoint> gone;
    const auto ends = GENERATE(as<std::string>(), "sender", "endpoint", "");
    int attempts = 0;
    int calls = 0;
    auto o = webhook_options(w);
    o.on_attempt = [&](const webhook::attempt&) {
        ++attempts;
        if (ends == "sender") sender.reset();
        if (ends == "endpoint") gone->close();
    };
    sender.emplace(w.io(), std::move(o));
    world_sink target(w);
    target.answer = [](http::exchange& x) { x.respond({.status = 410}); };
    gone = sender->endpoint(
        {.url = target.url(), .secret = webhook_secret, .on_gone = [&] { ++calls; }});
    const auto e = gone->as_subscriber();
    for (const auto* const id : {"1", "2"}) {
        error_code ec;
        e->deliver(publication::make("a", event("t", "/s", "x").id(id), {}, ec));
    }
    w.run_ready();
    CAPTURE(ends);
    CHECK(attempts == 1);
    CHECK(calls == (ends.empty() ? 1 : 0));
    CHECK_FALSE(gone->active());
}

TEST_CASE("a sender releases its callbacks when it ends, from inside a call too",
          "[webhook][fault-22]") {
    world w;
    // An object that owns the sender, an endpoint and its place on the bus, and is captured by the
    // callbacks of both.
    struct owner {
        std::optional<webhook::sender> sender;
        std::optional<webhook::endpoint> endpoint;
        subscription on_bus;
    };
    bus hub(w.io());
    world_sink target(w);
    const auto make = [&](const std::function<void(owner&)>& f) {
        auto o = std::make_shared<owner>();
        auto options = webhook_options(w);
        options.on_attempt = [o, f](const webhook::attempt&) {
            if (f) f(*o);
        };
        o->sender.emplace(w.io(), std::move(options));
        o->endpoint =
            o->sender->endpoint({.url = target.url(), .secret = webhook_secret, .on_gone = [o] {}});
        o->on_bus = hub.subscribe("a", *o->endpoint);
        return o;
    };
    SECTION("ended from outside") {
        auto o = make(nullptr);
        const std::weak_ptr<owner> watched = o;
        o->sender.reset();
        o.reset();
        CHECK(watched.expired());
    }
    SECTION("ended inside a call") {
        auto o = make([](owner& self) { self.sender.reset(); });
        const std::weak_ptr<owner> watched = o;
        o.reset();
        hub.publish("a", event("t", "/s", "x"));
        w.run_ready();
        CHECK(watched.expired());
    }
    SECTION("drained") {
        auto o = make(nullptr);
        const std::weak_ptr<owner> watched = o;
        o->sender->drain_state()->start_drain([](error_code) {});
        w.run_ready();
        o.reset();
        CHECK(watched.expired());
    }
}

TEST_CASE("an endpoint releases its callback when it cannot be called any more",
          "[webhook][fault-22]") {
    world w;
    webhook::sender sender(w.io(), webhook_options(w));
    world_sink target(w);
    const auto captured = std::make_shared<int>();
    const webhook::endpoint_options o{
        .url = target.url(), .secret = webhook_secret, .on_gone = [captured] {}};
    const auto held = [&] { return captured.use_count() - 2; };  // besides `o`'s and this one
    auto e = sender.endpoint(o);
    CHECK(held() == 1);
    SECTION("closed") {
        e.close();
        CHECK(held() == 0);
    }
    SECTION("replaced") {
        const auto other = sender.endpoint(o);
        CHECK(held() == 1);
    }
    SECTION("gone") {
        target.answer = [](http::exchange& x) { x.respond({.status = 410}); };
        error_code ec;
        e.as_subscriber()->deliver(publication::make("a", event("t", "/s", "x"), {}, ec));
        w.run_ready();
        CHECK_FALSE(e.active());
        CHECK(held() == 0);
    }
    SECTION("its sender ended") {
        sender = webhook::sender(w.io(), webhook_options(w));
        CHECK(held() == 0);
    }
}

TEST_CASE("a body is held once, however many endpoints are owed it", "[webhook]") {
    world w;
    auto o = webhook_options(w);
    o.outbox = store::make_memory_outbox();
    o.retry.delays.front() = 60s;
    const auto outbox = o.outbox;
    const auto form = GENERATE(webhook::body_form::binary, webhook::body_form::structured);
    send_bed bed(w, std::move(o));
    for (int i = 0; i < 100; ++i)
        bed.add("http://127.0.0.1:9/" + std::to_string(i), {.form = form});
    bed.publish(std::string(1024 * 1024, 'x'));
    const auto owed = listed(w, *outbox);
    REQUIRE(owed.size() == 100);
    std::set<const std::string*> bodies;
    for (const auto& l : owed) bodies.insert(l.entry.message->body.get());
    CHECK(bodies.size() == 1);
    CHECK((*bodies.begin())->size() >= 1024 * 1024);
}

TEST_CASE("a target that goes away before the head of its answer ends is tried again",
          "[webhook]") {
    const auto kind = GENERATE(transport::sim, transport::tcp);
    const auto answer =
        GENERATE(as<std::string>(), "", "HTTP/1.1 20",
                 "HTTP/1.1 204 No Content\r\nX: ", "no HTTP at all\r\n\r\n",
                 "HTTP/1.1 2000 OK\r\n\r\n", "HTTP/1.1 100 Continue\r\nX: a\x01\r\n\r\n");
    CAPTURE(kind, answer);
    world w(kind);
    send_bed bed(w);
    raw_target target(w, answer);
    const auto e = bed.add(target.url());
    bed.hub->publish("a", event("test", "/test", "x"));
    w.run_until([&] { return bed.attempts.size() == 1; });
    const auto& a = bed.attempts[0];
    CHECK(a.status == 0);
    CHECK(a.error == (answer.ends_with("\r\n\r\n") ? errc::bad_request : errc::connection_failed));
    CHECK(a.result == verdict::retry);
    CHECK(a.next == 5s);
    w.clock().advance(6s);
    w.run_until([&] { return bed.attempts.size() == 2; });
    CHECK(bed.attempts[1].number == 2);
    CHECK(target.requests.size() == 2);
    CHECK(e.counters().failed_attempts == 2);
}

}  // namespace tidings::test
