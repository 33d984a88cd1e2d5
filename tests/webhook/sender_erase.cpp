// SPDX-License-Identifier: BSL-1.0
// What is erased of an owner while it is being delivered.
#include "support/webhook_bed.hpp"

#include <tidings/test/faulty_outbox.hpp>

#include <boost/asio/bind_executor.hpp>

namespace tidings::test {

namespace {

/// Two owners, each with an endpoint that is sent one event at a time, and a target that answers
/// when the test does.
struct erase_bed {
    erase_bed() : bed(w, options()) {
        target.answer = [this](http::exchange& x) { held.push_back(std::move(x)); };
        for (const char* who : {"mine", "theirs"})
            bed.add(target.url("/hook?" + std::string(who)),
                    {.id = who, .max_in_flight = 1, .owner = who});
    }
    webhook::sender_options options() {
        auto o = webhook_options(w);
        o.outbox = outbox;
        return o;
    }
    std::optional<error_code> erase(std::string owner) {
        std::optional<error_code> result;
        bed.sender->async_erase(std::move(owner),
                                net::bind_executor(w.io(), [&](error_code ec) { result = ec; }));
        w.run_ready();
        return result;
    }
    std::size_t asked_of(std::string_view who) const {
        return static_cast<std::size_t>(
            std::count_if(target.requests.begin(), target.requests.end(),
                          [&](const auto& r) { return r.query() == who; }));
    }
    void answer_all() {
        for (int turns = 0; !held.empty(); ++turns) {
            REQUIRE(turns < 20);
            auto now = std::exchange(held, {});
            for (auto& x : now) x.respond({.status = 204});
            w.run_ready();
        }
    }

    world w;
    std::shared_ptr<faulty_outbox> outbox = std::make_shared<faulty_outbox>();
    std::vector<http::exchange> held;
    world_sink target{w};
    send_bed bed;
};

}  // namespace

TEST_CASE("erasing an owner cuts off what is being delivered, and nothing of it is sent any more",
          "[webhook]") {
    erase_bed b;
    for (int i = 0; i < 3; ++i) b.bed.publish();
    REQUIRE(b.bed.sender->in_flight() == 2);
    CHECK(b.erase("mine") == error_code());
    CHECK(b.bed.sender->in_flight() == 1);
    for (const auto& l : listed(b.w, *b.outbox)) CHECK(l.entry.endpoint == "theirs");
    b.answer_all();
    CHECK(b.asked_of("mine") == 1);
    CHECK(b.asked_of("theirs") == 3);
    CHECK(b.outbox->stats().owed == 0);
    CHECK(b.outbox->stats().attempts == 0);
    CHECK(b.bed.attempts.size() == 3);
    CHECK(b.bed.logged.empty());
    b.bed.publish();
    b.answer_all();
    CHECK(b.asked_of("mine") == 2);  // the endpoint is there, still
}

TEST_CASE("what was cut off for an erasure that failed is sent again", "[webhook]") {
    erase_bed b;
    for (int i = 0; i < 2; ++i) b.bed.publish();
    b.outbox->plan().fail({.operation = "erase"});
    CHECK(b.erase("mine") == error_code(errc::store_failed));
    b.answer_all();
    CHECK(b.asked_of("mine") == 3);
    CHECK(b.outbox->stats().owed == 0);
    for (const auto& a : b.bed.attempts) CHECK(a.number == 1);
}

TEST_CASE("all of a batch that was cut off for an erasure that failed is sent again", "[webhook]") {
    erase_bed b;
    b.bed.add(b.target.url("/hook?many"), {.id = "many",
                                           .form = webhook::body_form::batch,
                                           .batch = {.max_events = 2},
                                           .owner = "many"});
    for (int i = 0; i < 2; ++i) b.bed.publish();
    REQUIRE(b.asked_of("many") == 1);
    b.outbox->plan().fail({.operation = "erase"});
    CHECK(b.erase("many") == error_code(errc::store_failed));
    b.answer_all();
    b.w.advance(std::chrono::minutes(1));
    b.answer_all();
    REQUIRE(b.asked_of("many") == 2);
    CHECK(b.outbox->stats().owed == 0);
}

TEST_CASE("a sender that has ended erases nothing and says so", "[webhook]") {
    erase_bed b;
    auto moved = std::move(*b.bed.sender);
    CHECK(b.erase("mine") == error_code(errc::closed));
    *b.bed.sender = std::move(moved);
}

}  // namespace tidings::test
