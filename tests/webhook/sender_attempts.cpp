// SPDX-License-Identifier: BSL-1.0
// The log of attempts, and what is sent again by it and from dead letters.
#include "support/webhook_bed.hpp"

#include <tidings/store/memory_outbox.hpp>

#include <boost/asio/bind_executor.hpp>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using texts = std::vector<std::string>;

struct attempts_bed {
    explicit attempts_bed(webhook::attempt_options log = {}) : bed(w, options(log)) {}
    webhook::sender_options options(webhook::attempt_options log) {
        auto o = webhook_options(w);
        o.retry.delays = {0s, 5s};
        o.outbox = store::make_memory_outbox();
        o.attempts = log;
        o.health.open_after = 0;
        o.health.disable_after = 0;
        return o;
    }
    std::vector<store::outbox_attempt> attempts() {
        std::vector<store::outbox_attempt> found;
        bed.sender->outbox()->async_list_attempts(
            "", 0, 100, net::bind_executor(w.io(), [&](error_code, auto all) { found = all; }));
        w.run_ready();
        return found;
    }
    store::outbox_redelivered redeliver(store::outbox_selection of, bool as_new) {
        store::outbox_redelivered result;
        bed.sender->async_redeliver(of, as_new, [&](error_code ec, auto r) {
            CHECK_FALSE(ec);
            result = r;
        });
        w.run_ready();
        return result;
    }
    error_code resend(std::uint64_t key, bool as_new = false) {
        std::optional<error_code> result;
        bed.sender->async_resend(key, as_new, [&](error_code ec) { result = ec; });
        w.run_ready();
        REQUIRE(result.has_value());
        return *result;
    }
    std::string id_of(std::size_t request) {
        return std::string(target.requests.at(request).fields.get("webhook-id"));
    }

    world w;
    send_bed bed;
    world_sink target{w};
};

}  // namespace

TEST_CASE("an attempt that failed is in the log, with what the target answered", "[webhook]") {
    attempts_bed b;
    const auto endpoint = b.bed.add(b.target.url(), {.id = "e"});
    b.target.answer = [&](http::exchange& x) {
        x.respond({.status = 500, .fields = {{"X-Why", "mood"}}, .body = "not today"});
    };
    b.bed.publish("1");
    b.target.answer = nullptr;
    b.w.advance(5s);
    const auto all = b.attempts();
    REQUIRE(all.size() == 1);
    const auto& a = all[0];
    CHECK(a.endpoint == "e");
    CHECK(a.webhook_id == b.id_of(0));
    CHECK(a.number == 1);
    CHECK(a.status == 500);
    CHECK(a.error == errc::http_status);
    CHECK(a.timings.total == 0us);
    CHECK(a.response_head.find("X-Why: mood\r\n") != std::string::npos);
    CHECK(a.response_body == "not today");
    REQUIRE(a.message);
    CHECK(*a.message->body == "1");
}

TEST_CASE("an attempt that got no answer is in the log with the cause", "[webhook]") {
    attempts_bed b;
    const auto endpoint = b.bed.add("http://127.0.0.1:1/hook");
    b.bed.publish("1");
    const auto all = b.attempts();
    REQUIRE(all.size() == 1);
    CHECK(all[0].status == 0);
    CHECK(all[0].error);
    CHECK_FALSE(all[0].cause.empty());
}

TEST_CASE("an attempt at a refused address is in the log with the rule that refuses it",
          "[webhook]") {
    attempts_bed b;
    const auto [address, rule] = GENERATE(
        table<std::string, std::string>({{"10.1.2.3", ": a private network (allow_private)"},
                                         {"169.254.169.254", ": a provider's metadata service"}}));
    b.w.sim().add_name("inner.example", {address, "192.168.0.1"});
    const auto endpoint = b.bed.add("http://inner.example/hook");
    b.bed.publish("1");
    const auto all = b.attempts();
    REQUIRE(all.size() == 1);
    CHECK(all[0].error == errc::address_refused);
    CHECK(all[0].cause == all[0].error.message() + rule + " (connect)");
}

TEST_CASE("attempts that succeeded are in the log where that is asked for", "[webhook]") {
    attempts_bed b({.successes = true});
    const auto endpoint = b.bed.add(b.target.url());
    b.bed.publish("1");
    const auto all = b.attempts();
    REQUIRE(all.size() == 1);
    CHECK(all[0].status == 204);
    CHECK_FALSE(all[0].error);
}

TEST_CASE("the log of attempts holds no secret, and no more of an answer than it may",
          "[webhook]") {
    attempts_bed b({.max_head_bytes = 200, .max_body_bytes = 100});
    const auto endpoint =
        b.bed.add(b.target.url(), {.fields = {{"Authorization", "Bearer of-the-target"}}});
    b.target.answer = [&](http::exchange& x) {
        std::string body(90, 'x');
        body += webhook_secret + " and Bearer of-the-target" + std::string(1000, 'y');
        x.respond({.status = 400,
                   .fields = {{"Set-Cookie", "session=1"}, {"X-Long", std::string(500, 'z')}},
                   .body = body});
    };
    b.bed.publish("1");
    const auto all = b.attempts();
    REQUIRE(all.size() == 1);
    const auto& [head, body] = std::pair(all[0].response_head, all[0].response_body);
    CHECK(head.size() == 200);
    CHECK(head.find("session") == std::string::npos);
    CHECK(body.size() == 100);
    CHECK(body.find("whsec") == std::string::npos);
    CHECK(body.find("SSS") == std::string::npos);
    CHECK(body == std::string(90, 'x') + "*** and **");
}

TEST_CASE("dead letters are sent again, under their id or another", "[webhook]") {
    const bool as_new = GENERATE(false, true);
    attempts_bed b;
    const auto endpoint = b.bed.add(b.target.url(), {.id = "e"});
    b.target.answer = answering({500});
    for (int i = 0; i < 300; ++i) b.bed.publish(std::to_string(i));
    for (int i = 0; i < 20; ++i) b.w.advance(5s);
    REQUIRE(b.bed.sender->outbox()->stats().dead == 300);
    const auto asked = b.target.requests.size();
    const auto id = b.id_of(0);
    b.target.answer = nullptr;
    b.bed.publish("fresh");
    const auto r = b.redeliver({.endpoint = "e"}, as_new);
    CHECK(r.count == 300);
    CHECK(r.at_end);
    b.w.advance(5s);
    CHECK(b.bed.sender->outbox()->stats().owed == 0);
    CHECK(b.bed.sender->outbox()->stats().dead == 0);
    std::size_t again = 0;
    for (auto i = asked; i < b.target.requests.size(); ++i)
        if (b.target.requests[i].body == "0") {
            ++again;
            CHECK((b.id_of(i) == id) == !as_new);
            CHECK(b.id_of(i).starts_with(id));
        }
    CHECK(again == 1);
}

TEST_CASE("what an attempt sent is sent again, also when it was delivered", "[webhook]") {
    attempts_bed b({.successes = true});
    const auto endpoint = b.bed.add(b.target.url());
    b.bed.publish("1");
    const auto all = b.attempts();
    REQUIRE(all.size() == 1);
    CHECK_FALSE(b.resend(all[0].key));
    CHECK_FALSE(b.resend(all[0].key, true));
    CHECK(bodies_of(b.target) == texts{"1", "1", "1"});
    CHECK(b.id_of(1) == b.id_of(0));
    CHECK(b.id_of(2) != b.id_of(0));
    CHECK(b.resend(all[0].key + 100) == errc::not_found);
    b.bed.sender->async_drain([](error_code) {});
    b.w.run_ready();
    CHECK(b.resend(all[0].key) == errc::closed);
}

TEST_CASE("a target that says disable is sent nothing more, whatever its status", "[webhook]") {
    const auto status = GENERATE(200U, 400U, 503U);
    attempts_bed b;
    int gone = 0;
    const auto endpoint = b.bed.add(b.target.url(), {.on_gone = [&] { ++gone; }});
    b.target.answer = answering({status}, {{"Webhook-Delivery", "Disable"}});
    b.bed.publish("1");
    b.bed.publish("2");
    b.w.advance(10min);
    CHECK(b.target.requests.size() == 1);
    CHECK(gone == 1);
    CHECK_FALSE(endpoint.active());
    CHECK(endpoint.counters().delivered == (status == 200 ? 1U : 0U));
}

}  // namespace tidings::test
