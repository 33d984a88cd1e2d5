// SPDX-License-Identifier: BSL-1.0
// Webhooks that come in: verified, read, delivered once.
#include "support/receive_bed.hpp"

#include <tidings/event_json.hpp>
#include <tidings/test/recorder.hpp>

#include <map>
#include <stdexcept>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using nlohmann::json;

}  // namespace

TEST_CASE("an unsigned webhook to a loopback address comes to this machine's name", "[webhook]") {
    const bool is_signed = GENERATE(false, true);
    world w;
    const auto seen = std::make_shared<recorder>();
    receive_bed bed(w, seen,
                    is_signed ? webhook::receiver_options{.verifier = receiver_verifier()}
                              : webhook::receiver_options{.allow_unsigned = true});
    w.sim().add_name("rebound.example", {"127.0.0.1"});
    const auto post = [&](std::string_view id, const std::string& host) {
        const auto port = std::to_string(bed.server.local_endpoint().port);
        const auto url = "http://" + host + ':' + port + "/in";
        return w.request("POST", url, "{}", bed.sign(id, "{}")).status;
    };
    CHECK(post("1", "127.0.0.1") == 202);
    CHECK(post("2", "rebound.example") == (is_signed ? 202 : 421));
    CHECK(seen->events().size() == (is_signed ? 2 : 1));
}

TEST_CASE("a signed request becomes an event, and is answered when that was accepted",
          "[webhook]") {
    world w;
    const auto seen = std::make_shared<recorder>();
    receive_bed bed(w, seen);
    const auto r = bed.post_signed("msg_1", R"({"total":99})");
    CHECK(r.status == 202);
    CHECK(json::parse(r.body) == json{{"id", "msg_1"}, {"topic", "webhook.received"}});
    REQUIRE(seen->count() == 1);
    const auto e = seen->events()[0];
    CHECK(e->topic() == "webhook.received");
    CHECK(e->id() == "msg_1");
    CHECK(e->type() == "webhook.received");
    CHECK(e->source() == "/webhooks");
    CHECK(e->text() == R"({"total":99})");
    CHECK(e->content_type() == "application/json");
    CHECK(e->info().hops == 1);
    CHECK(e->info().origin != 0);
}

TEST_CASE("what is not signed as it must be is refused with 401", "[webhook]") {
    world w;
    const auto seen = std::make_shared<recorder>();
    receive_bed bed(w, seen);
    const std::string body = "{}";
    const auto good = bed.sign("id", body);
    const auto refused = [&](const std::string& text, const http::fields& fields, errc why) {
        const auto r = bed.post(text, fields);
        CHECK(r.status == 401);
        CHECK(r.fields.get("content-type") == "application/problem+json");
        CHECK(json::parse(r.body).at("detail") == make_error_code(why).message());
    };
    refused(body, {}, errc::webhook_missing_header);
    for (const auto* name : {"webhook-id", "webhook-timestamp", "webhook-signature"}) {
        auto f = good;
        f.erase(name);
        refused(body, f, errc::webhook_missing_header);
        f = good;
        f.append(name, good.get(name));  // which of the two would be meant?
        refused(body, f, errc::webhook_missing_header);
    }
    refused("{} ", good, errc::webhook_no_matching_signature);
    auto f = good;
    f.set("webhook-id", "other");
    refused(body, f, errc::webhook_no_matching_signature);
    f = good;
    f.set("webhook-timestamp", "soon");
    refused(body, f, errc::webhook_invalid_timestamp);
    w.advance(6min);
    refused(body, good, errc::webhook_timestamp_too_old);
    w.clock().set_wall(w.clock().wall_now() - 12min);
    refused(body, good, errc::webhook_timestamp_too_new);
    CHECK(seen->count() == 0);
    w.clock().set_wall(w.clock().wall_now() + 6min);
    CHECK(bed.post(body, good).status == 202);
}

TEST_CASE("a receiver without a verifier must be asked for", "[webhook]") {
    world w;
    const auto seen = std::make_shared<recorder>();
    CHECK_THROWS_AS(webhook::receiver(seen, {}), std::invalid_argument);
    CHECK_THROWS_AS(webhook::receiver(std::shared_ptr<subscriber>(), {.allow_unsigned = true}),
                    std::invalid_argument);
    receive_bed bed(w, seen, {.allow_unsigned = true});
    CHECK(bed.post("x", {}).status == 202);
    CHECK(bed.post("x", {}).status == 202);  // without an id nothing is a repetition
    CHECK(seen->count() == 2);
}

TEST_CASE("CloudEvents are taken in either mode, others as data", "[webhook]") {
    world w;
    const auto seen = std::make_shared<recorder>();
    receive_bed bed(w, seen);
    CHECK(bed.post_signed("1", cloudevent("a", R"(,"topic":"orders.1","data":7)"),
                          "application/cloudevents+json")
              .status == 202);
    auto f = bed.sign("2", "bytes");
    for (const auto& [name, value] : http::fields{{"ce-specversion", "1.0"},
                                                  {"ce-id", "b"},
                                                  {"ce-type", "x.y"},
                                                  {"ce-source", "/s"},
                                                  {"Content-Type", "text/plain"}})
        f.set(name, value);
    CHECK(bed.post("bytes", f).status == 202);
    REQUIRE(seen->count() == 2);
    CHECK(seen->events()[0]->topic() == "orders.1");
    CHECK(seen->events()[0]->text() == "7");
    CHECK(seen->events()[1]->topic() == "x.y");
    CHECK(seen->events()[1]->text() == "bytes");
}

TEST_CASE("what is no event is refused with 400", "[webhook]") {
    world w;
    const auto seen = std::make_shared<recorder>();
    receive_bed bed(w, seen);
    const auto body = GENERATE(
        as<std::string>(), "", "{", "{}", R"({"specversion":"1.0"})", cloudevent(""),
        cloudevent("a", R"(,"topic":"tidings.gap")"), cloudevent("a", R"(,"topic":"_x")"),
        R"({"specversion":"1.0","type":"tidings.gap","source":"/s","id":"a","topic":"a"})",
        cloudevent("a", R"(,"topic":"a..b")"), cloudevent("a", R"(,"topic":"a.>")"),
        cloudevent("a", R"(,"hops":16)"), cloudevent("a", R"(,"hops":-1)"),
        cloudevent("a", R"(,"hops":"x")"), cloudevent("a", R"(,"data":1,"data_base64":"AA==")"));
    CAPTURE(body);
    const auto r = bed.post_signed("1", body, "application/cloudevents+json");
    CHECK(r.status == 400);
    CHECK(json::parse(r.body).contains("detail"));
    CHECK(bed.post_signed("1", body, "application/cloudevents-batch+json").status == 400);
    CHECK(seen->count() == 0);
    // It may come again in order.
    CHECK(bed.post_signed("1", cloudevent("a"), "application/cloudevents+json").status == 202);
}

TEST_CASE("the hops of an event are counted on", "[webhook]") {
    world w;
    const auto seen = std::make_shared<recorder>();
    receive_bed bed(w, seen);
    bed.post_signed("1", cloudevent("a", R"(,"hops":15)"), "application/cloudevents+json");
    REQUIRE(seen->count() == 1);
    CHECK(seen->events()[0]->info().hops == 16);
}

TEST_CASE("a hop count in text that is too large does not wrap to a small one",
          "[webhook][fault-15]") {
    const auto* const hops = GENERATE("4294967295", "4294967296", "99999999999999999999");
    world w;
    const auto seen = std::make_shared<recorder>();
    webhook::receiver_options o;
    o.verifier = receiver_verifier();
    o.reader = [hops](const http::request&, error_code&) {
        event e("test", "/test", "x");
        e.extension("hops", std::string(hops));
        return e;
    };
    receive_bed bed(w, seen, std::move(o));
    bed.post_signed("1", "x", "text/plain");
    CHECK(seen->count() == 0);
}

TEST_CASE("only POST is taken, and no more than the limit", "[webhook]") {
    world w;
    const auto seen = std::make_shared<recorder>();
    receive_bed bed(w, seen, {.allow_unsigned = true, .max_body_bytes = 10});
    const auto get = w.request("GET", bed.url());
    CHECK(get.status == 405);
    CHECK(get.fields.get("allow") == "POST");
    CHECK(bed.post(std::string(11, 'x'), {}).status == 413);
    CHECK(bed.post(std::string(10, 'x'), {}).status == 202);
    CHECK(seen->count() == 1);
}

TEST_CASE("a reader of one's own decides, and may fail", "[webhook]") {
    world w;
    const auto seen = std::make_shared<recorder>();
    receive_bed bed(w, seen,
                    {.allow_unsigned = true,
                     .reader =
                         [](const http::request& r, error_code& ec) {
                             if (r.body == "bad") ec = errc::invalid_argument;
                             if (r.body == "worse") throw std::runtime_error("reader");
                             return event("mine", "/mine", r.body);
                         },
                     .topic = topic_rule::literal("here")});
    CHECK(bed.post("bad", {}).status == 400);
    CHECK(bed.post("worse", {}).status == 400);
    CHECK(bed.post("good", {}).status == 202);
    REQUIRE(seen->count() == 1);
    CHECK(seen->events()[0]->topic() == "here");
}

TEST_CASE("two senders at once are told apart", "[webhook]") {
    world w;
    const auto slow = std::make_shared<slow_subscriber>();
    receive_bed bed(w, slow);
    http::client one(w.io(), {.environment = w.environment()});
    http::client other(w.io(), {.environment = w.environment()});
    std::map<std::string, std::string> told;
    const auto post = [&](http::client& from, const std::string& id) {
        from.async_request(bed.url(), {.method = "POST", .fields = bed.sign(id, id), .body = id},
                           [&told, id](error_code, const http::response& r) {
                               told[id] = r.status == 202 ? json::parse(r.body).value("id", "")
                                                          : std::to_string(r.status);
                           });
    };
    for (const auto* id : {"1", "3"}) post(one, id);
    for (const auto* id : {"2", "4"}) post(other, id);
    w.run_until([&] { return slow->waiting.size() == 4; });
    // The last that came is accepted first, and one is not.
    while (!slow->waiting.empty()) {
        auto [e, handler] = std::move(slow->waiting.back());
        slow->waiting.pop_back();
        const bool refused = e->id() == "3";
        std::move(handler)(error_code(), refused ? outcome::dropped : outcome::queued);
        w.run_ready();
    }
    w.run_until([&] { return told.size() == 4; });
    CHECK(told ==
          std::map<std::string, std::string>{{"1", "1"}, {"2", "2"}, {"3", "503"}, {"4", "4"}});
}

TEST_CASE("text that no event may hold is refused with the reason", "[webhook]") {
    world w;
    const auto seen = std::make_shared<recorder>();
    receive_bed bed(w, seen, {.allow_unsigned = true});
    struct row {
        std::string id, type, body, content_type;
    };
    const std::string structured = "application/cloudevents+json";
    const auto r = GENERATE_COPY(values<row>({
        // Percent-encoded, as the HTTP binding has it.
        {"a%0D%0Ab", "t", "x", "text/plain"},
        {"a%00b", "t", "x", "text/plain"},
        {"a%7Fb", "t", "x", "text/plain"},
        {"a%FF", "t", "x", "text/plain"},
        {"a", "t%C0%80", "x", "text/plain"},
        {"a", "t\xff", "x", "text/plain"},
        // In JSON.
        {"", "", cloudevent("a\\u000ab"), structured},
        {"", "", cloudevent("a\\u0000b"), structured},
        {"", "", cloudevent("a\\ud800"), structured},
        {"", "", cloudevent("a\n"), structured},
        {"", "", cloudevent("a\xff"), structured},
        {"", "", cloudevent("a", ",\"data\":\"\xc3\x28\""), structured},
    }));
    CAPTURE(r.id, r.type, r.body);
    http::fields f{{"Content-Type", r.content_type}};
    if (!r.id.empty()) {
        f.set("ce-specversion", "1.0");
        f.set("ce-id", r.id);
        f.set("ce-type", r.type);
        f.set("ce-source", "/s");
    }
    const auto refused = bed.post(r.body, f);
    CHECK(refused.status == 400);
    CHECK(refused.fields.get("content-type") == "application/problem+json");
    const auto problem = json::parse(refused.body);
    CHECK(problem.at("title") == "Not an event");
    CHECK_FALSE(problem.at("detail").get<std::string>().empty());
    CHECK(seen->count() == 0);
}

TEST_CASE("an id in a field of its own is checked as well", "[webhook]") {
    world w;
    const auto seen = std::make_shared<recorder>();
    receive_bed bed(w, seen, {.allow_unsigned = true});
    CHECK(bed.post("x", {{"webhook-id", "a\xff"}}).status == 400);
    // The data is bytes, whatever they are.
    CHECK(bed.post("\xff\r\n", {{"webhook-id", "a"}, {"Content-Type", "text/plain"}}).status ==
          202);
    REQUIRE(seen->count() == 1);
    CHECK(seen->events()[0]->text() == "\xff\r\n");
}

TEST_CASE("what the user's code throws in a receiver is logged, and the event comes again",
          "[webhook]") {
    struct throwing_verifier final : webhook::verifier {
        error_code verify(const webhook::header_lookup&, std::string_view,
                          std::chrono::system_clock::time_point) const noexcept override {
            return {};
        }
        std::string attempt_id(const webhook::header_lookup&) const override {
            if (throws) throw std::runtime_error("attempt_id");
            return {};
        }
        bool throws = false;
    };
    struct throwing_subscriber final : subscriber {
        outcome deliver(const event_ptr&) noexcept override { return outcome::queued; }
        int left = 1;

     private:
        void start_deliver(event_ptr, deliver_handler h) override {
            if (left-- > 0) throw std::runtime_error("start_deliver");
            std::move(h)(error_code(), outcome::queued);
        }
        net::any_io_executor default_executor() const noexcept override {
            return net::system_executor();
        }
    };
    world w;
    std::vector<std::string> logged;
    const auto check = std::make_shared<throwing_verifier>();
    webhook::receiver_options o;
    o.verifier = check;
    o.log = [&](const log_record& r) { logged.emplace_back(r.message); };
    std::string expected;
    const auto sink = std::make_shared<throwing_subscriber>();
    unsigned status = 503;
    SECTION("the verifier") {
        check->throws = true;
        sink->left = 0;
        expected = "attempt_id";
    }
    SECTION("the subscriber") {
        expected = "start_deliver";
    }
    SECTION("the reader") {
        o.reader = [n = 0](const http::request&, error_code&) mutable {
            if (n++ == 0) throw std::runtime_error("reader");
            return event("t", "/s").id("1");
        };
        sink->left = 0;
        expected = "reader";
        status = 400;
    }
    receive_bed bed(w, sink, std::move(o));
    CHECK(bed.post("1", {{"webhook-id", "1"}}).status == status);
    CHECK(logged == std::vector{expected});
    check->throws = false;
    CHECK(bed.post("1", {{"webhook-id", "1"}}).status == 202);
}

TEST_CASE("a receiver repeats the secret of a question for intent that it agrees to", "[webhook]") {
    world w;
    const auto seen = std::make_shared<recorder>();
    const auto ask = [&](receive_bed& bed, std::string_view id) {
        return bed.post({}, {{"X-Hook-Secret", "s"}, {"X-Hook-Subscription", id}});
    };
    receive_bed without(w, seen);
    CHECK(ask(without, "mine").status == 401);
    receive_bed bed(w, seen,
                    {.verifier = receiver_verifier(), .intent = [](const http::request& r) {
                         if (r.fields.get("x-hook-subscription") == "odd")
                             throw std::runtime_error("no");
                         return r.fields.get("x-hook-subscription") == "mine";
                     }});
    const auto agreed = ask(bed, "mine");
    CHECK(agreed.status == 200);
    CHECK(agreed.fields.get("x-hook-secret") == "s");
    for (const auto* const other : {"theirs", "odd"}) {
        const auto refused = ask(bed, other);
        CHECK(refused.status == (other == std::string_view("odd") ? 503 : 404));
        CHECK_FALSE(refused.fields.find("x-hook-secret"));
    }
    CHECK(bed.post_signed("1", "{}").status == 202);
    CHECK(bed.post({}, {{"X-Hook-Subscription", "mine"}}).status == 401);
    CHECK(seen->count() == 1);
}

}  // namespace tidings::test
