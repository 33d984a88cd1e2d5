// SPDX-License-Identifier: BSL-1.0
// How receivers end, and what is around them: callbacks, servers, senders, other buses.
#include "support/receive_bed.hpp"

#include <tidings/bus.hpp>
#include <tidings/event_json.hpp>
#include <tidings/test/recorder.hpp>
#include <tidings/webhook/sender.hpp>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;

}  // namespace

TEST_CASE("a receiver that was closed inside a callback calls nobody any more",
          "[webhook][fault-2]") {
    world w;
    const auto seen = std::make_shared<recorder>();
    std::optional<webhook::receiver> closer;
    std::string called;
    struct closing_verifier final : webhook::verifier {
        error_code verify(const webhook::header_lookup&, std::string_view,
                          std::chrono::system_clock::time_point) const noexcept override {
            f();
            return {};
        }
        std::function<void()> f;
    };
    const auto place = GENERATE(as<std::string>(), "", "verifier", "reader", "topic");
    const auto call = [&](const std::string& name) {
        called += name + ' ';
        if (name == place) closer->close();
    };
    const auto verifies = std::make_shared<closing_verifier>();
    verifies->f = [&] { call("verifier"); };
    closer.emplace(seen, webhook::receiver_options{.verifier = verifies,
                                                   .reader =
                                                       [&](const http::request& r, error_code& ec) {
                                                           call("reader");
                                                           return webhook::read_standard()(r, ec);
                                                       },
                                                   .topic = topic_rule::function([&](const event&) {
                                                       call("topic");
                                                       return std::string("a");
                                                   })});
    http::server server(w.io(), {.environment = w.environment()});
    server.mount("/in", webhook::receiver(*closer));
    server.start();
    const auto post = [&] {
        return w.request("POST", url_of(server, "/in"), "x", {{"webhook-id", "1"}}).status;
    };
    CAPTURE(place);
    CHECK(post() == (place.empty() ? 202 : 503));
    CHECK(seen->count() == (place.empty() ? 1 : 0));
    CHECK(called == (place == "verifier" ? "verifier "
                     : place == "reader" ? "verifier reader "
                                         : "verifier reader topic "));
    if (place.empty()) return;
    called.clear();
    CHECK(post() == 503);
    CHECK(called.empty());
}

TEST_CASE("a receiver releases what it was given when it closes, from inside a call too",
          "[webhook][fault-22]") {
    world w;
    // An object that is the subscriber, owns the receiver, and is captured by the callbacks.
    struct owner final : subscriber {
        outcome deliver(const event_ptr&) noexcept override {
            if (close_inside) in->close();
            return outcome::delivered;
        }
        std::optional<webhook::receiver> in;
        bool close_inside = false;
    };
    auto o = std::make_shared<owner>();
    const std::weak_ptr<owner> watched = o;
    o->in.emplace(o, webhook::receiver_options{
                         .allow_unsigned = true,
                         .reader = [o](const http::request& r,
                                       error_code& ec) { return webhook::read_standard()(r, ec); },
                         .topic = topic_rule::function([o](const event&) { return "a"; }),
                         .log = [o](const log_record&) {}});
    SECTION("closed from outside") {
        o->in->close();
        o.reset();
        CHECK(watched.expired());
    }
    SECTION("closed inside the subscriber") {
        http::server server(w.io(), {.environment = w.environment()});
        server.mount("/in", webhook::receiver(*o->in));
        server.start();
        o->close_inside = true;
        o.reset();
        CHECK(w.request("POST", url_of(server, "/in"), "x", {{"webhook-id", "1"}}).status == 202);
        CHECK(watched.expired());
    }
}

TEST_CASE("a receiver ends with its last handle", "[webhook][fault-22]") {
    const auto seen = std::make_shared<recorder>();
    std::optional<webhook::receiver> a(std::in_place, seen,
                                       webhook::receiver_options{.allow_unsigned = true});
    std::optional<webhook::receiver> b(*a);
    a.reset();
    CHECK(seen.use_count() == 2);
    CHECK(b->max_body_bytes() != 0);
    b.reset();
    CHECK(seen.use_count() == 1);
}

TEST_CASE("a sender's event arrives at another bus, once, however often it was sent", "[webhook]") {
    world w;
    bus there(w.io());
    const auto seen = std::make_shared<recorder>();
    const auto watch = there.subscribe(">", seen);
    receive_bed bed(w, there);
    bus here(w.io());
    webhook::sender sender(w.io(), {.guard = {.allow_loopback = true, .schemes = {"http"}},
                                    .environment = w.environment()});
    const auto form = GENERATE(webhook::body_form::binary, webhook::body_form::structured);
    const auto hook = here.subscribe(
        ">", sender.endpoint({.url = bed.url(), .secret = receiver_secret, .form = form}));
    here.publish("orders.1", event{"t", "/s", {{"total", 99}}});
    here.publish("orders.2", event("t", "/s", "text"));
    w.run_until([&] { return seen->count() == 2; });
    CHECK(seen->events()[0]->topic() == "orders.1");
    CHECK(seen->events()[0]->text() == R"({"total":99})");
    CHECK(seen->events()[1]->text() == "text");
}

TEST_CASE("two buses that send webhooks to each other do not go round for ever", "[webhook]") {
    world w;
    bus a(w.io());
    bus b(w.io());
    receive_bed at_a(w, a);
    receive_bed at_b(w, b);
    webhook::sender sender(w.io(), {.guard = {.allow_loopback = true, .schemes = {"http"}},
                                    .environment = w.environment()});
    const auto to_b =
        a.subscribe(">", sender.endpoint({.url = at_b.url(), .secret = receiver_secret}));
    const auto to_a =
        b.subscribe(">", sender.endpoint({.url = at_a.url(), .secret = receiver_secret}));
    int seen_a = 0;
    int seen_b = 0;
    const auto watch_a = a.subscribe(">", [&](const event_ptr&) { ++seen_a; });
    const auto watch_b = b.subscribe(">", [&](const event_ptr&) { ++seen_b; });
    a.publish("orders.1", event("t", "/s", "x"));
    w.run_ready();
    // Once round, until it is recognised.
    CHECK(seen_a <= 2);
    CHECK(seen_b == 1);
}

TEST_CASE("a server that ends while the subscriber thinks harms nobody", "[webhook]") {
    world w;
    const auto slow = std::make_shared<slow_subscriber>();
    std::optional<receive_bed> bed(std::in_place, w, slow);
    http::client client(w.io(), {.environment = w.environment()});
    std::optional<error_code> ended;
    client.async_request(bed->url(), {.method = "POST", .fields = bed->sign("1", "x"), .body = "x"},
                         [&](error_code ec, http::response) { ended = ec; });
    w.run_until([&] { return slow->waiting.size() == 1; });
    bed.reset();
    w.run_until([&] { return ended.has_value(); });
    CHECK(*ended == errc::connection_failed);
    std::move(slow->waiting[0].second)(error_code(), outcome::delivered);
    w.run_ready();
}

}  // namespace tidings::test
