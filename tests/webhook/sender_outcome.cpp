// SPDX-License-Identifier: BSL-1.0
// What became of an event: `sender::async_outcome`.
#include "support/webhook_bed.hpp"

#include <tidings/store/memory_outbox.hpp>
#include <tidings/test/faulty_outbox.hpp>
#include <tidings/webhook/impl/outcome_question.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using webhook::delivery_outcome;
using ending = delivery_outcome::ending;

/// The answer to a question, once it is there.
struct asked {
    bool is_there() const { return end->has_value(); }
    error_code error() const { return end->value().first; }
    const std::vector<delivery_outcome>& all() const { return end->value().second.deliveries; }
    const delivery_outcome& only() const {
        REQUIRE(is_there());
        REQUIRE(all().size() == 1);
        return all()[0];
    }
    void operator()(error_code ec, webhook::event_outcome o) const {
        CHECK_FALSE(end->has_value());
        end->emplace(ec, std::move(o));
    }

    using pair = std::pair<error_code, webhook::event_outcome>;
    std::shared_ptr<std::optional<pair>> end = std::make_shared<std::optional<pair>>();
};

/// Two endpoints: the target of one takes everything, that of the other answers 500 until it is
/// mended.
struct outcome_bed {
    explicit outcome_bed(const std::function<void(webhook::sender_options&)>& change = [](auto&) {
    }) {
        options = webhook_options(w);
        options.retry.delays = {0s, 5s, 60s};
        options.outbox = outbox;
        change(options);
        bed.emplace(w, options);
        bad.answer = [this](http::exchange& x) { x.respond({.status = broken}); };
    }
    webhook::endpoint add_good(webhook::endpoint_options o = {}) {
        o.id = "good";
        return bed->add(good.url(), std::move(o));
    }
    webhook::endpoint add_bad(webhook::endpoint_options o = {}) {
        o.id = "bad";
        return bed->add(bad.url(), std::move(o));
    }
    asked ask(std::string id = "id-1") {
        asked a;
        bed->sender->async_outcome("/test", std::move(id), net::bind_executor(w.io(), a));
        CHECK_FALSE(a.is_there());
        w.run_ready();
        return a;
    }
    /// All attempts of the schedule.
    void exhaust() {
        w.advance(5s);
        w.advance(60s);
    }

    world w;
    std::shared_ptr<faulty_outbox> outbox = std::make_shared<faulty_outbox>();
    webhook::sender_options options;
    world_sink good{w}, bad{w};
    unsigned broken = 500;
    std::optional<send_bed> bed;
};

void check(const delivery_outcome& o, const std::string& endpoint, ending how,
           std::uint32_t attempts, unsigned status, error_code error = {}) {
    INFO(endpoint);
    CHECK(o.endpoint == endpoint);
    CHECK(o.how == how);
    CHECK(o.attempts == attempts);
    CHECK(o.status == status);
    CHECK(o.error == error);
}

}  // namespace

TEST_CASE("an event's outcome comes when nothing of it is owed any more, one for each endpoint",
          "[webhook][outcome]") {
    outcome_bed b;
    b.add_good();
    b.add_bad();
    b.bed->publish("1");
    const auto first = b.ask();
    b.bed->publish("2");
    b.w.advance(5s);
    CHECK_FALSE(first.is_there());
    b.w.advance(60s);
    REQUIRE(first.is_there());
    CHECK_FALSE(first.error());
    REQUIRE(first.all().size() == 2);
    check(first.all()[0], "bad", ending::dead, 3, 500, errc::webhook_exhausted);
    check(first.all()[1], "good", ending::delivered, 1, 204);
}

TEST_CASE("an outcome is asked for by the event that was published", "[webhook][outcome]") {
    outcome_bed b;
    b.add_good();
    event_ptr seen;
    const auto watch = b.bed->hub->subscribe("a", [&](const event_ptr& e) { seen = e; });
    b.bed->hub->publish("a", event("test", "/test", "x"));  // its id is made for it
    b.w.run_ready();
    asked a;
    b.bed->sender->async_outcome(seen, net::bind_executor(b.w.io(), a));
    b.w.run_ready();
    check(a.only(), "good", ending::delivered, 1, 204);
    asked none;
    b.bed->sender->async_outcome(event_ptr(), net::bind_executor(b.w.io(), none));
    b.w.run_ready();
    REQUIRE(none.is_there());
    CHECK(none.error() == errc::invalid_argument);
}

TEST_CASE("a question before the delivery waits for it", "[webhook][outcome]") {
    outcome_bed b;
    b.add_good();
    std::vector<http::exchange> held;
    b.good.answer = [&](http::exchange& x) { held.push_back(std::move(x)); };
    b.bed->publish();
    const auto one = b.ask();
    const auto two = b.ask();
    const auto other = b.ask("id-2");
    REQUIRE(held.size() == 1);
    REQUIRE(other.is_there());
    CHECK(other.error() == errc::not_found);
    CHECK_FALSE(one.is_there());
    held[0].respond({.status = 202});
    b.w.run_ready();
    for (const auto& a : {one, two}) check(a.only(), "good", ending::delivered, 1, 202);
}

TEST_CASE("an outcome is given when it is stored, and not before", "[webhook][outcome]") {
    outcome_bed b;
    b.add_good();
    b.outbox->plan().fail({.operation = "finish", .after = GENERATE(false, true)});
    b.bed->publish();
    const auto a = b.ask();
    CHECK(b.good.requests.size() == 1);
    CHECK_FALSE(a.is_there());
    b.w.advance(1s);
    check(a.only(), "good", ending::delivered, 1, 204);
    CHECK(b.good.requests.size() == 1);
}

TEST_CASE("of deliveries that have ended as many are known as was said, the newest",
          "[webhook][outcome]") {
    outcome_bed b([](auto& o) { o.max_outcomes = 2; });
    b.add_good();
    const auto began = b.ask("id-9").end->value().second.known_since;
    for (int i = 0; i < 2; ++i) b.bed->publish();
    CHECK(b.ask("id-1").end->value().second.known_since == began);
    b.w.advance(10s);
    for (int i = 0; i < 2; ++i) b.bed->publish();
    for (const auto* id : {"id-3", "id-4"})
        check(b.ask(id).only(), "good", ending::delivered, 1, 204);
    for (const auto* id : {"id-1", "id-2"}) {
        const auto a = b.ask(id);
        REQUIRE(a.is_there());
        CHECK(a.error() == errc::not_found);
        CHECK(a.end->value().second.known_since == began);
    }
    b.bed->publish();
    CHECK(b.ask("id-1").end->value().second.known_since == began + 10s);
}

TEST_CASE("where nothing else is known the log of attempts is read", "[webhook][outcome]") {
    const bool logged = GENERATE(true, false);
    outcome_bed b([&](auto& o) {
        o.max_outcomes = 0;
        o.attempts.successes = logged;
    });
    b.add_good();
    b.add_bad();
    b.bed->publish("1");
    b.bed->publish("2");
    b.exhaust();
    // The dead letter is in the outbox; what else there was is not known.
    check(b.ask().only(), "bad", ending::dead, 3, 0, errc::webhook_exhausted);
    b.bed->hooks.pop_back();
    for (int i = 3; i <= 400; ++i) b.bed->publish();
    const auto a = b.ask("id-399");
    REQUIRE(a.is_there());
    if (logged)
        check(a.only(), "good", ending::delivered, 1, 204);
    else
        CHECK(a.error() == errc::not_found);
}

TEST_CASE("what a restart finds in the outbox is waited for", "[webhook][outcome]") {
    outcome_bed b;
    b.add_bad();
    b.bed->publish();
    b.bed->hooks.clear();
    b.bed->sender.reset();
    b.w.run_ready();
    b.broken = 204;
    webhook::sender next(b.w.io(), b.options);
    asked a;
    next.async_outcome("/test", "id-1", net::bind_executor(b.w.io(), a));
    b.w.advance(60s);
    CHECK_FALSE(a.is_there());  // the endpoint was not added yet
    const auto e = next.endpoint({.url = b.bad.url(), .secret = webhook_secret, .id = "bad"});
    b.w.run_ready();
    check(a.only(), "bad", ending::delivered, 2, 204);
}

TEST_CASE("of an event that an endpoint got twice the last outcome counts", "[webhook][outcome]") {
    outcome_bed b;
    b.add_bad();
    b.bed->publish();
    b.exhaust();
    b.broken = 200;
    b.bed->published = 0;
    b.bed->publish();
    check(b.ask().only(), "bad", ending::delivered, 1, 200);
}

TEST_CASE("what is redelivered while its outcome is asked for is waited for",
          "[webhook][outcome]") {
    outcome_bed b;
    b.add_bad();
    const auto held = b.bed->add(b.bad.url("/hook?held"), {.id = "held"});
    b.bed->publish();
    b.exhaust();
    check(b.ask().all().at(0), "bad", ending::dead, 3, 500, errc::webhook_exhausted);
    unsigned of_held = 503;
    b.broken = 503;
    b.bad.answer = [&](http::exchange& x) {
        x.respond({.status = x.request().query() == "held" ? of_held : b.broken});
    };
    b.bed->sender->async_redeliver({.endpoint = "held"}, false, [](auto, auto) {});
    const auto a = b.ask();
    CHECK_FALSE(a.is_there());
    b.bed->sender->async_redeliver({.endpoint = "bad"}, false, [](auto, auto) {});
    b.w.run_ready();
    of_held = 204;
    b.w.advance(5s);
    REQUIRE(b.outbox->stats().owed == 1);
    CHECK_FALSE(a.is_there());
    b.broken = 204;
    b.w.advance(60s);
    REQUIRE(a.is_there());
    REQUIRE(a.all().size() == 2);
    CHECK(a.all()[0].how == ending::delivered);
    CHECK(a.all()[1].how == ending::delivered);
}

TEST_CASE("what a bound drops, an owner's erasure takes and a closed endpoint leaves has ended",
          "[webhook][outcome]") {
    outcome_bed b;
    const auto what = GENERATE(0, 1, 2, 3);
    store::outbox_limits one{.max_entries = 1};
    if (what == 3) one.policy = store::at_bound::disable;
    auto e = b.add_bad({.owner = "me", .limits = one});
    b.bed->publish();
    const auto a = b.ask();
    REQUIRE_FALSE(a.is_there());
    if (what == 0 || what == 3) b.bed->publish();
    if (what == 1) b.bed->sender->async_erase("me", [](error_code) {});
    if (what == 2) e.close();
    b.w.run_ready();
    if (what == 0 || what == 3) check(a.only(), "bad", ending::dead, 1, 0, errc::outbox_full);
    if (what == 1) check(a.only(), "bad", ending::removed, 0, 0);
    if (what == 2) check(a.only(), "bad", ending::dead, 1, 0, errc::closed);
}

TEST_CASE("an endpoint that is gone, and an event that expired, have their outcome",
          "[webhook][outcome]") {
    outcome_bed b;
    b.broken = 410;
    b.add_bad();
    b.bed->publish();
    check(b.ask().only(), "bad", ending::dead, 1, 410, errc::webhook_gone);
    b.add_good();
    b.bed->hub->publish(
        "a",
        event("test", "/test", "x").id("late").extension("expirytime", "1970-01-01T00:00:00Z"));
    b.w.run_ready();
    check(b.ask("late").only(), "good", ending::dead, 0, 0, errc::webhook_expired);
}

TEST_CASE("what waits for an operator has ended until that comes", "[webhook][outcome]") {
    outcome_bed b;
    b.add_bad({.order = webhook::delivery_order::endpoint,
               .exhausted = webhook::at_exhaustion::stop,
               .retry = webhook::retry_options{.delays = {0s, 5s}, .jitter = 0}});
    b.bed->publish();
    const auto a = b.ask();
    b.w.advance(5s);
    check(a.only(), "bad", ending::stopped, 2, 500, errc::webhook_exhausted);
    check(b.ask().only(), "bad", ending::stopped, 2, 500, errc::webhook_exhausted);
    // After a restart the outbox says it, which has no status.
    b.bed->hooks.clear();
    b.bed->sender.emplace(b.w.io(), b.options);
    check(b.ask().only(), "bad", ending::stopped, 2, 0, errc::webhook_exhausted);
}

TEST_CASE("each event of a batch has its outcome", "[webhook][outcome]") {
    outcome_bed b;
    b.add_good({.form = webhook::body_form::batch, .batch = {.max_delay = 1s}});
    for (int i = 0; i < 3; ++i) b.bed->publish();
    const auto a = b.ask("id-2");
    CHECK_FALSE(a.is_there());
    b.w.advance(1s);
    b.w.advance(1s);
    REQUIRE(b.good.requests.size() == 1);
    check(a.only(), "good", ending::delivered, 1, 204);
    check(b.ask("id-3").only(), "good", ending::delivered, 1, 204);
}

TEST_CASE("a question that is cancelled has what was known, and others go on",
          "[webhook][outcome]") {
    outcome_bed b;
    b.add_good();
    b.add_bad();
    b.bed->publish();
    const auto stays = b.ask();
    net::cancellation_signal stop;
    asked a;
    b.bed->sender->async_outcome(
        "/test", "id-1", net::bind_cancellation_slot(stop.slot(), net::bind_executor(b.w.io(), a)));
    if (GENERATE(false, true)) b.w.run_ready();
    stop.emit(net::cancellation_type::total);
    CHECK_FALSE(a.is_there());
    b.w.run_ready();
    REQUIRE(a.is_there());
    CHECK(a.error() == net::error::operation_aborted);
    CHECK(a.all().size() <= 1);
    CHECK_FALSE(stays.is_there());
    b.exhaust();
    REQUIRE(stays.is_there());
    CHECK(stays.all().size() == 2);
}

TEST_CASE("a sender's end completes what waits with what was known", "[webhook][outcome]") {
    outcome_bed b;
    b.add_good();
    b.add_bad();
    b.bed->publish();
    const auto a = b.ask();
    const auto how = GENERATE(0, 1);
    if (how == 0) b.bed->sender->async_drain([](error_code) {});
    if (how == 1) b.bed->sender.emplace(b.w.io(), webhook_options(b.w));
    b.w.run_ready();
    REQUIRE(a.is_there());
    CHECK(a.error() == errc::closed);
    REQUIRE(a.all().size() == 1);
    check(a.all()[0], "good", ending::delivered, 1, 204);
    if (how == 0) CHECK(b.ask().error() == errc::closed);
    auto moved = std::move(*b.bed->sender);
    CHECK(b.ask().error() == errc::closed);
    *b.bed->sender = std::move(moved);
}

TEST_CASE("an outbox that cannot be read is the outcome's error", "[webhook][outcome]") {
    outcome_bed b;
    b.add_bad();
    b.bed->publish();
    b.outbox->plan().fail({.operation = "list"});
    auto a = b.ask();
    REQUIRE(a.is_there());
    CHECK(a.error() == errc::store_failed);
    b.outbox->plan().fail({.operation = "list_attempts"});
    a = b.ask("unknown");
    REQUIRE(a.is_there());
    CHECK(a.error() == errc::store_failed);
}

TEST_CASE("an event that went to many endpoints has all its outcomes", "[webhook][outcome]") {
    outcome_bed b;
    constexpr std::size_t endpoints = 600;  // more than the outbox lists at once
    for (std::size_t i = 0; i < endpoints; ++i)
        b.bed->add(b.bad.url("/hook?" + std::to_string(i)), {.id = std::to_string(i)});
    b.bed->publish();
    const auto a = b.ask();
    CHECK_FALSE(a.is_there());
    b.broken = 204;
    b.exhaust();
    REQUIRE(a.is_there());
    REQUIRE(a.all().size() == endpoints);
    for (const auto& o : a.all()) CHECK(o.how == ending::delivered);
}

TEST_CASE("with its context a question ends that owns its sender", "[webhook][outcome]") {
    outcome_bed b;
    b.add_bad();
    b.bed->publish();
    const auto alive = std::make_shared<int>(0);
    auto owned = std::make_shared<webhook::sender>(std::move(*b.bed->sender));
    auto& s = *owned;
    s.async_outcome("/test", "id-1", [alive, owned = std::move(owned)](auto, auto) {});
    b.w.run_ready();
    CHECK(alive.use_count() == 2);
    b.bed->hooks.clear();
    b.w.destroy_context();
    CHECK(alive.use_count() == 1);
}

TEST_CASE("an end that comes while the outbox is looked at stands against what the look had seen",
          "[webhook][outcome]") {
    webhook::detail::outcome_question q({.source = "/s", .id = "id-1"}, nullptr);
    const store::outbox_listed owed{
        {.key = 7, .endpoint = "good"}, store::outbox_state::claimed, {}};
    q.begin_look();
    q.end(7, {.endpoint = "good", .how = ending::delivered, .attempts = 1, .status = 200});
    q.see(owed, false);
    q.end_look();
    CHECK(q.is_over());
    CHECK_FALSE(q.knows_nothing());
    q.begin_look();  // it was made again
    q.see(owed, false);
    q.end_look();
    CHECK_FALSE(q.is_over());
}

}  // namespace tidings::test
