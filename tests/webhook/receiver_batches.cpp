// SPDX-License-Identifier: BSL-1.0
// Many events that come in one request.
#include "support/asking_sink.hpp"
#include "support/receive_bed.hpp"

#include <tidings/event_json.hpp>
#include <tidings/test/recorder.hpp>

#include <optional>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using texts = std::vector<std::string>;

constexpr std::string_view batch_type = "application/cloudevents-batch+json; charset=utf-8";

/// Events whose data is their id.
std::string batch_of(const texts& ids) {
    std::string body = "[";
    for (const auto& id : ids) {
        if (body.size() > 1) body += ',';
        body += cloudevent(id, R"(,"data":)" + id);
    }
    return body + ']';
}

struct batch_receiver {
    explicit batch_receiver(any_subscriber sink,
                            webhook::receiver_options o = {.verifier = receiver_verifier()})
        : bed(w, std::move(sink), std::move(o)) {}

    http::response post(std::string_view id, std::string body, std::string_view type = batch_type) {
        return bed.post_signed(id, std::move(body), type);
    }
    /// Posts, and does not wait for the answer.
    void start(std::string_view id, const std::string& body) {
        auto f = bed.sign(id, body);
        f.set("Content-Type", batch_type);
        client.async_request(bed.url(), {.method = "POST", .fields = std::move(f), .body = body},
                             [this](error_code ec, http::response r) {
                                 if (ec == errc::closed) return;  // the test is at its end
                                 CHECK_FALSE(ec);
                                 answers.push_back(std::move(r));
                             });
        w.run_ready();
    }

    world w;
    receive_bed bed;
    std::vector<http::response> answers;
    http::client client{w.io(), {.environment = w.environment()}};
};

}  // namespace

TEST_CASE("the events of a batch are delivered one by one, and all are answered", "[webhook]") {
    const auto seen = std::make_shared<recorder>();
    batch_receiver b(seen);
    const auto r = b.post("batch-1", batch_of({"1", "2", "3"}));
    CHECK(r.status == 202);
    CHECK(json::parse(r.body) == json{{"accepted", 3}, {"duplicates", 0}});
    REQUIRE(seen->count() == 3);
    CHECK(seen->events()[0]->text() == "1");
    CHECK(seen->events()[2]->text() == "3");
    CHECK(seen->events()[2]->topic() == "t");
    CHECK(seen->events()[2]->info().hops == 1);
    CHECK(b.post("batch-2", "[]").status == 202);
}

TEST_CASE("a batch that was accepted is known by its id, and its events by theirs", "[webhook]") {
    const auto seen = std::make_shared<recorder>();
    batch_receiver b(seen);
    CHECK(b.post("batch-1", batch_of({"1", "2"})).status == 202);
    b.w.advance(1s);  // another attempt
    const auto again = b.post("batch-1", batch_of({"1", "2"}));
    CHECK(again.status == 202);
    CHECK(json::parse(again.body) == json{{"duplicate", true}});
    CHECK(seen->count() == 2);
    const auto other = b.post("batch-2", batch_of({"2", "3", "3"}));
    CHECK(json::parse(other.body) == json{{"accepted", 1}, {"duplicates", 2}});
    CHECK(seen->count() == 3);
    CHECK(json::parse(b.post("batch-3", batch_of({"1", "3"})).body) ==
          json{{"accepted", 0}, {"duplicates", 2}});
    // One that came alone, too.
    CHECK(b.post("alone", cloudevent("4"), "application/cloudevents+json").status == 202);
    CHECK(json::parse(b.post("batch-4", batch_of({"4"})).body).at("duplicates") == 1);
}

TEST_CASE("a batch of which not all was taken is answered 503, and what was taken is not repeated",
          "[webhook]") {
    const auto sink = std::make_shared<asking_sink>();
    batch_receiver b(sink);
    const auto body = batch_of({"1", "2", "3"});
    b.start("batch-1", body);
    REQUIRE(sink->asked == texts{"1", "2", "3"});
    sink->answer("1");
    sink->answer("2", errc::missed);
    CHECK(b.answers.empty());
    sink->answer("3");
    b.w.run_ready();
    REQUIRE(b.answers.size() == 1);
    CHECK(b.answers[0].status == 503);
    CHECK(b.answers[0].fields.find("retry-after"));
    b.w.advance(5s);
    b.start("batch-1", body);
    CHECK(sink->asked == texts{"1", "2", "3", "2"});
    sink->answer("2");
    b.w.run_ready();
    REQUIRE(b.answers.size() == 2);
    CHECK(b.answers[1].status == 202);
    CHECK(json::parse(b.answers[1].body) == json{{"accepted", 1}, {"duplicates", 2}});
}

TEST_CASE("a batch is not promised while another request has one of its events", "[webhook]") {
    const auto sink = std::make_shared<asking_sink>();
    batch_receiver b(sink);
    b.start("batch-1", batch_of({"1"}));
    b.start("batch-2", batch_of({"1", "2"}));
    b.start("batch-2", batch_of({"1", "2"}));
    b.start("batch-3", batch_of({"1"}));
    CHECK(sink->asked == texts{"1", "2"});
    sink->answer("2");
    b.w.run_ready();
    REQUIRE(b.answers.size() == 3);
    for (const auto& r : b.answers) CHECK(r.status == 503);
    sink->answer("1");
    b.w.run_ready();
    CHECK(b.answers.back().status == 202);
    b.w.advance(1s);
    b.start("batch-2", batch_of({"1", "2"}));
    CHECK(json::parse(b.answers.back().body) == json{{"accepted", 0}, {"duplicates", 2}});
}

TEST_CASE("a batch is answered in time, and what was taken late is known", "[webhook]") {
    const auto sink = std::make_shared<asking_sink>();
    batch_receiver b(sink);
    b.start("batch-1", batch_of({"1", "2"}));
    sink->answer("1");
    b.w.advance(11s);
    REQUIRE(b.answers.size() == 1);
    CHECK(b.answers[0].status == 503);
    sink->answer("2");
    b.w.run_ready();
    b.start("batch-1", batch_of({"1", "2"}));
    REQUIRE(b.answers.size() == 2);
    CHECK(json::parse(b.answers[1].body) == json{{"duplicate", true}});
}

TEST_CASE("a subscriber that drops a question, or throws, has not taken the batch", "[webhook]") {
    SECTION("drops") {
        const auto sink = std::make_shared<asking_sink>();
        batch_receiver b(sink);
        b.start("batch-1", batch_of({"1", "2"}));
        sink->answer("1");
        sink->waiting.clear();
        b.w.advance(11s);
        REQUIRE(b.answers.size() == 1);
        CHECK(b.answers[0].status / 100 == 5);
        b.start("batch-1", batch_of({"1", "2"}));
        CHECK(sink->asked == texts{"1", "2", "2"});
    }
    SECTION("throws") {
        struct throwing final : subscriber {
            outcome deliver(const event_ptr&) noexcept override { return outcome::dropped; }
            int asked = 0;

         private:
            void start_deliver(event_ptr, deliver_handler h) override {
                if (++asked == 2) throw 7;
                std::move(h)(error_code(), outcome::delivered);
            }
        };
        const auto sink = std::make_shared<throwing>();
        batch_receiver b(sink);
        CHECK(b.post("batch-1", batch_of({"1", "2", "3"})).status == 503);
        b.w.advance(1s);
        const auto r = b.post("batch-1", batch_of({"1", "2", "3"}));
        CHECK(json::parse(r.body) == json{{"accepted", 2}, {"duplicates", 1}});
    }
}

TEST_CASE("a batch with something that is no event is refused as a whole", "[webhook]") {
    const auto seen = std::make_shared<recorder>();
    batch_receiver b(seen);
    CHECK(b.post("1", '[' + cloudevent("1") + ",{}]").status == 400);
    CHECK(b.post("2", cloudevent("1")).status == 400);
    CHECK(b.post("3", "").status == 400);
    CHECK(b.post("4", '[' + cloudevent("1") + ',' + cloudevent("2", R"(,"topic":"_a")") + ']')
              .status == 400);
    CHECK(b.post("5", batch_of({"1"}), "application/cloudevents-batch+avro").status == 415);
    CHECK(seen->count() == 0);
    // Nothing of it is known.
    CHECK(b.post("1", batch_of({"1"})).status == 202);
}

TEST_CASE("a batch has a bound in events and bytes", "[webhook]") {
    const auto seen = std::make_shared<recorder>();
    batch_receiver b(seen,
                     {.verifier = receiver_verifier(), .max_batch_events = 3, .max_accepting = 2});
    CHECK(b.post("1", batch_of({"1", "2", "3", "4"})).status == 413);
    CHECK(b.post("2", '[' + std::string(2'000'000, ' ') + ']').status == 413);
    // What is larger than what may be accepted at once is taken where it is alone.
    CHECK(b.post("3", batch_of({"1", "2", "3"})).status == 202);
    CHECK(seen->count() == 3);
}

TEST_CASE("the events of a batch count as those that are being accepted", "[webhook]") {
    const auto sink = std::make_shared<asking_sink>();
    batch_receiver b(sink, {.verifier = receiver_verifier(), .max_accepting = 4});
    b.start("1", batch_of({"1", "2", "3"}));
    b.start("2", batch_of({"4", "5"}));
    REQUIRE(b.answers.size() == 1);
    CHECK(b.answers[0].status == 503);
    sink->answer_all();
    b.w.run_ready();
    b.start("2", batch_of({"4", "5"}));
    CHECK(sink->waiting.size() == 2);
}

TEST_CASE("a receiver of another reader, or that wants none, takes no batch", "[webhook]") {
    const auto seen = std::make_shared<recorder>();
    SECTION("another reader") {
        batch_receiver b(seen, {.verifier = receiver_verifier(),
                                .reader = [](const http::request& r, error_code&) {
                                    return event("own", "/own", r.body);
                                }});
        CHECK(b.post("1", batch_of({"1", "2"})).status == 202);
        CHECK(seen->count() == 1);
    }
    SECTION("none") {
        batch_receiver b(seen, {.verifier = receiver_verifier(), .max_batch_events = 0});
        CHECK(b.post("1", batch_of({"1", "2"})).status == 415);
        CHECK(seen->count() == 0);
    }
}

TEST_CASE("a batch under another id repeats no event, where nothing but the body is signed",
          "[webhook]") {
    const auto seen = std::make_shared<recorder>();
    webhook::receiver_options o{
        .verifier = std::make_shared<webhook::hmac_verifier>(
            webhook::hmac_scheme{.signature_header = "x-signature", .prefix = ""},
            std::vector<std::string>{"key"})};
    batch_receiver b(seen, std::move(o));
    const std::string body = batch_of({"1"});
    http::fields f{{"Content-Type", std::string(batch_type)}};
    const webhook::hmac_signer signer({.signature_header = "x-signature", .prefix = ""}, {"key"});
    REQUIRE_FALSE(signer.sign({"id", b.w.clock().wall_now(), body}, f));
    f.append("webhook-id", "id");
    CHECK(b.bed.post(body, f).status == 202);
    f.set("webhook-id", "another");
    CHECK(json::parse(b.bed.post(body, f).body).at("duplicates") == 1);
    CHECK(seen->count() == 1);
}

TEST_CASE("a receiver that is closed in a batch delivers no more of it", "[webhook]") {
    world w;
    std::optional<webhook::receiver> receiver;
    int asked = 0;
    const auto close_first = [&](const event_ptr&) {
        if (++asked == 1) receiver->close();
    };
    receiver.emplace(close_first, webhook::receiver_options{.verifier = receiver_verifier()});
    http::server server(w.io(), {.environment = w.environment()});
    server.mount("/in", *receiver);
    server.start();
    const std::string body = batch_of({"1", "2"});
    webhook::standard_headers h;
    const webhook::standard_signer signer({webhook::secret(receiver_secret)});
    CHECK_FALSE(signer.sign("id", w.clock().wall_now(), body, h));
    const auto r = w.request("POST", url_of(server, "/in"), body,
                             {{"webhook-id", h.id},
                              {"webhook-timestamp", h.timestamp},
                              {"webhook-signature", h.signature},
                              {"Content-Type", std::string(batch_type)}});
    CHECK(r.status == 503);
    CHECK(asked == 1);
}

}  // namespace tidings::test
