// SPDX-License-Identifier: BSL-1.0
// A receiver gives the events of each source to its subscriber no faster than that source may.
#include "support/counting_metrics.hpp"
#include "support/receive_bed.hpp"

#include <tidings/inlet/impl/rate_limit.hpp>
#include <tidings/test/recorder.hpp>

#include <limits>
#include <stdexcept>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using texts = std::vector<std::string>;

/// A receiver of one event a second of each source, and of two at once.
struct rate_bed {
    webhook::receiver_options options() const {
        webhook::receiver_options o;
        o.verifier = receiver_verifier();
        o.source_rate = {.per_second = 1, .burst = 2};
        o.metrics = metrics;
        return o;
    }
    static std::string event_of(std::string_view source, std::string_view id) {
        return R"({"specversion":"1.0","type":"t","source":")" + std::string(source) +
               R"(","id":")" + std::string(id) + "\"}";
    }
    http::response post(std::string_view source, const std::string& id) {
        return bed.post_signed(id, event_of(source, id), "application/cloudevents+json");
    }
    http::response post_batch(std::string_view source, const texts& ids) {
        std::string body;
        for (const auto& id : ids) body += (body.empty() ? '[' : ',') + event_of(source, id);
        return bed.post_signed("batch", body + ']', "application/cloudevents-batch+json");
    }
    texts ids() const {
        texts all;
        for (const auto& e : seen->events()) all.emplace_back(e->id());
        return all;
    }

    world w;
    std::shared_ptr<recorder> seen = std::make_shared<recorder>();
    std::shared_ptr<counting_metrics> metrics = std::make_shared<counting_metrics>();
    receive_bed bed{w, seen, options()};
};

}  // namespace

TEST_CASE("a source that sends more than it may is told when to come again, others are not",
          "[webhook]") {
    rate_bed b;
    CHECK(b.post("/a", "1").status == 202);
    CHECK(b.post("/a", "2").status == 202);
    const auto refused = b.post("/a", "3");
    CHECK(refused.status == 429);
    CHECK(refused.fields.get("retry-after") == "1");
    CHECK(b.post("/b", "4").status == 202);
    // What came before is answered, and takes nothing of the rate.
    for (int i = 0; i < 3; ++i) CHECK(b.post("/a", "1").status == 202);
    b.w.advance(1s);
    CHECK(b.post("/a", "3").status == 202);
    CHECK(b.post("/a", "5").status == 429);
    CHECK(b.ids() == texts{"1", "2", "4", "3"});
    CHECK(b.metrics->value("webhooks_received result=limited") == 2);
}

TEST_CASE("of a batch as much is taken as its source may bring, and the rest when it is repeated",
          "[webhook]") {
    rate_bed b;
    const texts ids{"1", "2", "3", "4"};
    const auto first = b.post_batch("/a", ids);
    CHECK(first.status == 503);
    CHECK(first.fields.get("retry-after") == "1");
    CHECK(b.ids() == texts{"1", "2"});
    CHECK(b.post_batch("/a", ids).status == 429);
    b.w.advance(1s);
    CHECK(b.post_batch("/a", ids).status == 503);
    b.w.advance(1s);
    const auto last = b.post_batch("/a", ids);
    CHECK(last.status == 202);
    CHECK(last.body == R"({"accepted":1,"duplicates":3})");
    CHECK(b.ids() == ids);
    CHECK(b.post_batch("/a", ids).status == 202);
}

TEST_CASE("sources that a peer makes up are bounded, and share a rate beyond that", "[webhook]") {
    tidings::detail::rate_limit limit(1, 1, 2);
    io::steady_time now(1h);
    CHECK(limit.take("a", now) == 0ms);
    CHECK(limit.take("b", now) == 0ms);
    CHECK(limit.take("c", now) == 0ms);
    CHECK(limit.take("d", now) == 1s);
    CHECK(limit.take("a", now) == 1s);
    // What was quiet for long enough makes room.
    now += 1500ms;
    CHECK(limit.take("d", now) == 0ms);
    CHECK(limit.take("c", now) == 0ms);
    CHECK(limit.take("e", now) == 0ms);
    CHECK(limit.take("f", now) == 1s);
}

TEST_CASE("a receiver's rate that is none is refused", "[webhook]") {
    const auto rate = GENERATE(-1.0, 1e-9, std::numeric_limits<double>::infinity(),
                               std::numeric_limits<double>::quiet_NaN());
    webhook::receiver_options o;
    o.allow_unsigned = true;
    o.source_rate.per_second = rate;
    CHECK_THROWS_AS(webhook::receiver(std::make_shared<recorder>(), o), std::invalid_argument);
}

}  // namespace tidings::test
