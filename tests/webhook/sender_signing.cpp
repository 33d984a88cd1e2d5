// SPDX-License-Identifier: BSL-1.0
// Signatures that are made elsewhere: a delivery waits for its own without a connection, and what
// goes wrong with them is no attempt.
#include "support/webhook_bed.hpp"

#include <tidings/diagnostics.hpp>
#include <tidings/store/memory_outbox.hpp>
#include <tidings/webhook/no_signature.hpp>
#include <tidings/webhook/standard_signer.hpp>
#include <tidings/webhook/standard_verifier.hpp>

#include <stdexcept>
#include <thread>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using texts = std::vector<std::string>;

/// Holds every question until the test answers it.
class held_signer final : public webhook::async_signer {
 public:
    struct question {
        webhook::signing_request what;
        sign_handler done;
        /// As the Standard Webhooks secret of the test has it.
        void answer() {
            http::fields f;
            REQUIRE_FALSE(local().sign({what.id, what.attempt, *what.body}, f));
            done({}, std::move(f));
        }
    };
    static const webhook::standard_signer& local() {
        static const webhook::standard_signer s({webhook::secret(webhook_secret)});
        return s;
    }
    void start_sign(webhook::signing_request what, sign_handler done) override {
        ++asked;
        if (behave) return behave(std::move(what), std::move(done));
        held.push_back({std::move(what), std::move(done)});
    }
    bool sets(std::string_view field) const noexcept override { return field == "x-kms-key"; }
    void answer_all() {
        for (auto& q : std::exchange(held, {})) q.answer();
    }

    std::size_t asked = 0;
    std::vector<question> held;
    std::function<void(webhook::signing_request, sign_handler)> behave;
};

struct signing_bed {
    explicit signing_bed(const webhook::signing_options& signing = {}) {
        auto o = webhook_options(w);
        o.signing = signing;
        o.outbox = outbox;
        o.log = [this](const log_record& r) {
            logged.push_back(std::string(r.message) + ": " + r.error.message());
        };
        o.on_attempt = [this](const webhook::attempt& a) { bed.attempts.push_back(a); };
        bed.sender.emplace(w.io(), std::move(o));
    }
    webhook::endpoint add(webhook::endpoint_options o = {}) {
        o.url = target.url();
        o.async_signer = signer;
        auto e = bed.sender->endpoint(std::move(o));
        bed.hooks.push_back(bed.hub->subscribe(">", e));
        return e;
    }
    bool verifies(std::size_t i) const {
        const auto& r = target.requests.at(i);
        const auto find = [&](std::string_view name) { return r.fields.find(name); };
        return !webhook::standard_verifier({webhook::secret(webhook_secret)})
                    .verify(find, r.body, w.clock().wall_now());
    }
    std::size_t failures_logged() const {
        return static_cast<std::size_t>(std::count_if(
            logged.begin(), logged.end(),
            [](const auto& l) { return l.find("signing failed") != std::string::npos; }));
    }

    mutable world w;
    const std::shared_ptr<held_signer> signer = std::make_shared<held_signer>();
    const std::shared_ptr<store::outbox> outbox = store::make_memory_outbox();
    send_bed bed{w};
    world_sink target{w};
    std::vector<std::string> logged;
};

}  // namespace

TEST_CASE("a delivery waits for a signature that is made elsewhere, and holds no connection",
          "[webhook]") {
    signing_bed b;
    const auto e = b.add();
    b.bed.publish("1");
    REQUIRE(b.signer->held.size() == 1);
    CHECK(b.bed.sender->in_flight() == 0);
    CHECK(b.w.sim().connections() == 0);
    CHECK(*b.signer->held[0].what.body == "1");
    b.w.advance(5s);
    b.signer->answer_all();
    b.w.run_ready();
    REQUIRE(b.target.requests.size() == 1);
    CHECK(b.verifies(0));
    // The time that was signed, not that of the sending.
    CHECK(b.target.requests[0].fields.get("webhook-timestamp") == "1767225600");
    CHECK(e.counters().delivered == 1);
    REQUIRE(b.bed.attempts.size() == 1);
    CHECK(b.bed.attempts[0].number == 1);
}

TEST_CASE("each attempt has a signature of its own", "[webhook]") {
    signing_bed b;
    b.signer->behave = [](webhook::signing_request what, auto done) {
        held_signer::question{std::move(what), std::move(done)}.answer();
    };
    b.target.answer = answering({500, 204});
    b.add();
    b.bed.publish("1");
    b.w.advance(6s);
    CHECK(b.signer->asked == 2);
    REQUIRE(b.target.requests.size() == 2);
    CHECK(b.verifies(1));
    CHECK(b.target.requests[0].fields.get("webhook-signature") !=
          b.target.requests[1].fields.get("webhook-signature"));
    CHECK(b.target.requests[0].fields.get("webhook-id") ==
          b.target.requests[1].fields.get("webhook-id"));
}

TEST_CASE("signatures are asked for as far ahead as attempts may be under way, and no further",
          "[webhook]") {
    signing_bed b;
    b.add({.max_in_flight = 3});
    for (int i = 0; i < 8; ++i) b.bed.publish(std::to_string(i));
    CHECK(b.signer->asked == 3);
    // The later ones first: they wait for the first.
    b.signer->held[2].answer();
    b.signer->held[1].answer();
    b.w.run_ready();
    CHECK(b.target.requests.empty());
    b.signer->held[0].answer();
    b.w.run_ready();
    CHECK(bodies_of(b.target) == texts{"0", "1", "2"});
    while (!b.signer->held.empty()) {
        b.signer->answer_all();
        b.w.run_ready();
    }
    CHECK(b.target.requests.size() == 8);
    CHECK(b.signer->asked == 8);
}

TEST_CASE("a signature that fails is no attempt: it is asked for again, and logged once",
          "[webhook]") {
    signing_bed b;
    std::string expected;
    SECTION("by an error") {
        b.signer->behave = [](auto, auto done) { done(errc::timed_out, {}); };
        expected = "a deadline passed";
    }
    SECTION("without a field") {
        b.signer->behave = [](auto, auto done) { done({}, {}); };
    }
    SECTION("with a field that is none") {
        b.signer->behave = [](auto, auto done) { done({}, {{"X-Mine", "1\r\n"}}); };
    }
    SECTION("with a field of HTTP's") {
        b.signer->behave = [](auto, auto done) { done({}, {{"Host", "elsewhere"}}); };
    }
    SECTION("by dropping the handler") {
        b.signer->behave = [](auto, auto) {};
    }
    SECTION("by throwing") {
        b.signer->behave = [](auto, auto) { throw std::runtime_error("no key"); };
    }
    SECTION("from another thread, which drops the handler") {
        b.signer->behave = [](auto, auto done) {
            std::thread([d = std::move(done)]() mutable { const auto last = std::move(d); }).join();
        };
    }
    const auto e = b.add();
    b.bed.publish("1");
    CHECK(b.signer->asked == 1);
    for (int i = 0; i < 7; ++i) b.w.advance(1s);
    CHECK(b.signer->asked == 4);  // after 1, 2 and 4 s
    CHECK(b.failures_logged() == 1);
    CHECK(b.bed.attempts.empty());
    CHECK(e.counters().failed_attempts == 0);
    CHECK_FALSE(e.disabled());
    CHECK(b.target.requests.empty());
    const auto owed = listed(b.w, *b.outbox);
    REQUIRE(owed.size() == 1);
    CHECK(owed[0].entry.attempts == 0);

    b.signer->behave = nullptr;
    b.w.advance(40s);
    b.signer->answer_all();
    b.w.run_ready();
    REQUIRE(b.target.requests.size() == 1);
    CHECK(b.verifies(0));
    b.signer->behave = [](auto, auto done) { done(errc::timed_out, {}); };
    b.bed.publish("2");
    CHECK(b.failures_logged() == 2);  // it had worked meanwhile
}

TEST_CASE("a signer that does not answer in time has failed, and its late answer has no effect",
          "[webhook]") {
    signing_bed b({.timeout = 10s});
    b.add();
    b.bed.publish("1");
    b.w.advance(9s);
    CHECK(b.failures_logged() == 0);
    b.w.advance(2s);
    CHECK(b.failures_logged() == 1);
    b.w.advance(2s);
    REQUIRE(b.signer->held.size() == 2);
    b.signer->held[0].answer();
    b.w.run_ready();
    CHECK(b.target.requests.empty());
    b.signer->held[1].answer();
    b.w.run_ready();
    CHECK(b.target.requests.size() == 1);
}

TEST_CASE("what the signer of a replaced endpoint makes is not sent", "[webhook]") {
    signing_bed b;
    const auto e = b.add();
    b.bed.publish("1");
    REQUIRE(b.signer->held.size() == 1);
    const auto other = std::make_shared<held_signer>();
    webhook::endpoint_options o;
    o.url = b.target.url();
    o.async_signer = other;
    o.replace = true;
    const auto again = b.bed.sender->endpoint(std::move(o));
    b.w.run_ready();
    const bool fails = GENERATE(false, true);
    CAPTURE(fails);
    if (fails)
        b.signer->held[0].done(errc::webhook_signing_failed, {});
    else
        b.signer->answer_all();
    b.w.run_ready();
    CHECK(b.target.requests.empty());
    REQUIRE(other->held.size() == 1);
    other->answer_all();
    b.w.run_ready();
    REQUIRE(b.target.requests.size() == 1);
    CHECK(b.verifies(0));
    CHECK(b.failures_logged() == 0);
}

TEST_CASE("a second answer of a signer has no effect", "[webhook]") {
    signing_bed b;
    b.signer->behave = [](webhook::signing_request what, auto done) {
        held_signer::question q{std::move(what), std::move(done)};
        q.answer();
        q.done(errc::timed_out, {});
        q.answer();
    };
    b.add();
    b.bed.publish("1");
    b.bed.publish("2");
    CHECK(bodies_of(b.target) == texts{"1", "2"});
    CHECK(b.failures_logged() == 0);
}

TEST_CASE("a signature that is older than a minute is made again", "[webhook]") {
    signing_bed b;
    const auto wait = GENERATE(59s, 61s);
    CAPTURE(wait.count());
    std::vector<http::exchange> held;
    auto o = webhook_options(b.w);
    o.max_connections = 1;
    o.first_byte_timeout = o.request_timeout = 10min;
    b.bed.sender.emplace(b.w.io(), std::move(o));
    world_sink hangs(b.w);
    hangs.answer = [&](http::exchange& x) { held.push_back(std::move(x)); };
    auto busy =
        b.bed.sender->endpoint({.url = hangs.url(), .secret = webhook_secret, .id = "busy"});
    auto signing =
        b.bed.sender->endpoint({.url = b.target.url(), .async_signer = b.signer, .id = "signed"});
    b.bed.hooks.push_back(b.bed.hub->subscribe("busy", busy));
    b.bed.hooks.push_back(b.bed.hub->subscribe("signed", signing));
    b.bed.publish("1", "signed");
    REQUIRE(b.signer->held.size() == 1);
    b.bed.publish("x", "busy");  // has the only connection
    REQUIRE(held.size() == 1);
    b.signer->answer_all();
    b.w.advance(wait);
    CHECK(b.target.requests.empty());
    held[0].respond({.status = 204});
    held.clear();
    b.w.run_ready();
    const bool old = wait > 60s;
    CHECK(b.signer->asked == (old ? 2 : 1));
    CHECK(b.target.requests.size() == (old ? 0 : 1));
    b.signer->answer_all();
    b.w.run_ready();
    REQUIRE(b.target.requests.size() == 1);
    CHECK(b.verifies(0));
}

TEST_CASE("a signer is asked so much at a time, and endpoints take turns at it", "[webhook]") {
    signing_bed b({.max_concurrent = 2});
    std::vector<webhook::endpoint> all;
    for (int i = 0; i < 5; ++i) all.push_back(b.add({.id = std::to_string(i)}));
    b.bed.publish("x");
    for (std::size_t left = 5; left > 0;) {
        CHECK(b.signer->held.size() == std::min<std::size_t>(left, 2));
        auto first = std::move(b.signer->held.front());
        b.signer->held.erase(b.signer->held.begin());
        first.answer();
        b.w.run_ready();
        --left;
    }
    CHECK(b.target.requests.size() == 5);
    CHECK(b.signer->asked == 5);
}

TEST_CASE("one signer that hangs holds up no other", "[webhook]") {
    signing_bed b({.max_concurrent = 1});
    b.add({.id = "hangs"});
    const auto other = std::make_shared<held_signer>();
    other->behave = [](webhook::signing_request what, auto done) {
        held_signer::question{std::move(what), std::move(done)}.answer();
    };
    const auto e =
        b.bed.sender->endpoint({.url = b.target.url(), .async_signer = other, .id = "works"});
    b.bed.hooks.push_back(b.bed.hub->subscribe(">", webhook::endpoint(e)));
    b.bed.publish("1");
    b.bed.publish("2");
    CHECK(b.target.requests.size() == 2);
}

TEST_CASE("a sender may end while a signer is asked, and within the question", "[webhook]") {
    signing_bed b;
    b.add();
    SECTION("before its answer") {
        b.bed.publish("1");
        b.bed.sender.reset();
        b.w.run_ready();
    }
    SECTION("within the question") {
        b.signer->behave = [&](webhook::signing_request what, auto done) {
            b.signer->held.push_back({std::move(what), std::move(done)});
            b.bed.sender.reset();
        };
        b.bed.publish("1");
    }
    SECTION("within the question, which is answered") {
        b.signer->behave = [&](webhook::signing_request what, auto done) {
            b.bed.sender.reset();
            held_signer::question{std::move(what), std::move(done)}.answer();
        };
        b.bed.publish("1");
    }
    SECTION("before the handler is dropped") {
        b.bed.publish("1");
        b.bed.sender.reset();
        b.w.run_ready();
        b.signer->held.clear();
    }
    SECTION("after its context") {
        b.bed.publish("1");
        b.bed.hooks.clear();
        b.bed.hub.reset();
        b.bed.sender.reset();
    }
    b.signer->answer_all();
    b.w.run_ready();
    CHECK(b.target.requests.empty());
    for (const auto& l : listed(b.w, *b.outbox)) {
        CHECK(l.state == store::outbox_state::pending);
        CHECK(l.entry.attempts == 0);
    }
}

TEST_CASE("a drain waits for signatures that are being made, and not for those that failed",
          "[webhook]") {
    signing_bed b;
    const bool fails = GENERATE(false, true);
    if (fails) b.signer->behave = [](auto, auto done) { done(errc::timed_out, {}); };
    b.add();
    b.bed.publish("1");
    std::optional<error_code> drained;
    b.bed.sender->async_drain([&](error_code ec) { drained = ec; });
    b.w.run_ready();
    CHECK(drained.has_value() == fails);
    b.signer->answer_all();
    b.w.run_ready();
    REQUIRE(drained.has_value());
    CHECK_FALSE(*drained);
    CHECK(b.target.requests.size() == (fails ? 0 : 1));
}

TEST_CASE("an endpoint has one signer, whose fields are not its own", "[webhook]") {
    signing_bed b;
    error_code ec;
    diagnostics detail;
    b.bed.sender->endpoint(
        {.url = b.target.url(), .signer = webhook::no_signature(), .async_signer = b.signer}, ec,
        detail);
    CHECK(ec == errc::invalid_argument);
    CHECK(detail.message() == "two signers");
    b.bed.sender->endpoint(
        {.url = b.target.url(), .async_signer = b.signer, .fields = {{"x-kms-key", "1"}}}, ec,
        detail);
    CHECK(ec == errc::webhook_reserved_field);
    CHECK(detail.message() == "the field x-kms-key");
}

}  // namespace tidings::test
