// SPDX-License-Identifier: BSL-1.0
// Webhooks that come in: verified, read, delivered once.
#include "support/world.hpp"

#include <tidings/bus.hpp>
#include <tidings/event_json.hpp>
#include <tidings/inlet/impl/recent_ids.hpp>
#include <tidings/test/recorder.hpp>
#include <tidings/webhook/receiver.hpp>
#include <tidings/webhook/sender.hpp>

#include <map>
#include <stdexcept>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using nlohmann::json;

const std::string secret = "whsec_" + std::string(32, 'R');

std::shared_ptr<const webhook::verifier> verifier() {
    return std::make_shared<webhook::standard_verifier>(std::vector{webhook::secret(secret)});
}

/// A subscriber whose answer the test gives.
class slow_subscriber final : public subscriber {
 public:
    outcome deliver(const event_ptr&) noexcept override { return outcome::queued; }
    std::vector<std::pair<event_ptr, deliver_handler>> waiting;

 private:
    void start_deliver(event_ptr e, deliver_handler h) override {
        waiting.emplace_back(std::move(e), std::move(h));
    }
};

/// A server with a receiver that delivers to a subscriber.
struct receive_bed {
    receive_bed(world& in, any_subscriber sink,
                webhook::receiver_options o = {.verifier = verifier()})
        : w(in),
          server(w.io(), {.environment = w.environment()}) {
        server.mount("/in", webhook::receiver(std::move(sink), std::move(o)));
        server.start();
    }
    std::string url() const { return url_of(server, "/in"); }

    http::fields sign(std::string_view id, std::string_view body) {
        webhook::standard_headers h;
        const webhook::standard_signer signer({webhook::secret(secret)});
        CHECK_FALSE(signer.sign(id, w.clock().wall_now(), body, h));
        return {{"webhook-id", h.id},
                {"webhook-timestamp", h.timestamp},
                {"webhook-signature", h.signature}};
    }
    http::response post(std::string body, http::fields fields) {
        return w.request("POST", url(), std::move(body), std::move(fields));
    }
    http::response post_signed(std::string_view id, std::string body,
                               std::string_view content_type = "application/json") {
        auto f = sign(id, body);
        f.set("Content-Type", content_type);
        return post(std::move(body), std::move(f));
    }

    world& w;
    http::server server;
};

std::string cloudevent(std::string_view id, std::string_view extra = {}) {
    return R"({"specversion":"1.0","type":"t","source":"/s","id":")" + std::string(id) + "\"" +
           std::string(extra) + "}";
}

}  // namespace

TEST_CASE("an unsigned webhook to a loopback address comes to this machine's name", "[webhook]") {
    const bool is_signed = GENERATE(false, true);
    world w;
    const auto seen = std::make_shared<recorder>();
    receive_bed bed(w, seen,
                    is_signed ? webhook::receiver_options{.verifier = verifier()}
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
    o.verifier = verifier();
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

TEST_CASE("a delivery that comes again is answered and not delivered again", "[webhook]") {
    world w;
    const auto seen = std::make_shared<recorder>();
    receive_bed bed(
        w, seen,
        {.verifier = verifier(), .max_remembered_bytes = 4 * detail::recent_ids::entry_bytes});
    CHECK(bed.post_signed("1", "x").status == 202);
    const auto again = bed.post_signed("1", "x");
    CHECK(again.status == 202);
    CHECK(json::parse(again.body) == json{{"duplicate", true}});
    CHECK(seen->count() == 1);
    bed.post_signed("2", "x");
    bed.post_signed("3", "x");
    CHECK(bed.post_signed("2", "x").body == again.body);
    CHECK(bed.post_signed("1", "x").body != again.body);  // pushed out
    CHECK(seen->count() == 4);
}

TEST_CASE("what the subscriber did not accept must come again", "[webhook]") {
    world w;
    const auto seen = std::make_shared<recorder>();
    receive_bed bed(w, seen);
    const auto answer = GENERATE(outcome::dropped, outcome::closed);
    seen->answer(answer);
    const auto r = bed.post_signed("1", "x");
    CHECK(r.status == 503);
    CHECK(r.fields.get("retry-after") == "1");
    seen->answer(outcome::queued);
    CHECK(json::parse(bed.post_signed("1", "x").body).contains("id"));
    CHECK(seen->count() == 1);
}

TEST_CASE("nothing is promised of an event that is being accepted", "[webhook]") {
    world w;
    const auto slow = std::make_shared<slow_subscriber>();
    receive_bed bed(w, slow);
    http::client client(w.io(), {.environment = w.environment()});
    std::optional<unsigned> first;
    client.async_request(bed.url(), {.method = "POST", .fields = bed.sign("1", "x"), .body = "x"},
                         [&](error_code, http::response r) { first = r.status; });
    w.run_until([&] { return slow->waiting.size() == 1; });
    CHECK(bed.post_signed("1", "x").status == 503);
    CHECK(slow->waiting.size() == 1);
    CHECK_FALSE(first);
    std::move(slow->waiting[0].second)(error_code(errc::store_failed), outcome::dropped);
    w.run_until([&] { return first.has_value(); });
    CHECK(*first == 503);
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

TEST_CASE("GitHub's webhooks become events by name and action", "[webhook]") {
    world w;
    const auto seen = std::make_shared<recorder>();
    const std::string key = "It's a Secret to Everybody";
    receive_bed bed(w, seen,
                    {.verifier = std::make_shared<webhook::github_verifier>(std::vector{key}),
                     .reader = webhook::read_github(),
                     .topic = webhook::github_topic()});
    const auto post = [&](std::string_view name, std::string_view id, std::string body) {
        http::fields f{{"X-Hub-Signature-256", webhook::github_sign(key, body)},
                       {"X-GitHub-Event", std::string(name)},
                       {"X-GitHub-Delivery", std::string(id)},
                       {"Content-Type", "application/json"}};
        if (name.empty()) f.erase("X-GitHub-Event");
        if (id.empty()) f.erase("X-GitHub-Delivery");
        return bed.post(std::move(body), std::move(f));
    };
    const std::string body =
        R"({ "action" : "opened", "repository": {"full_name":"octo\/cat"}, "n":1.0 })";
    CHECK(post("pull_request", "guid-1", body).status == 202);
    CHECK(post("push", "guid-2", "{}").status == 202);
    CHECK(post("push", "guid-2", "{}").status == 202);
    // A stranger's text adds no token.
    CHECK(post("a.b>*", "guid-3", R"({"action":"x.y"})").status == 202);
    CHECK(post("", "guid-4", "{}").status == 400);
    CHECK(post("push", "", "{}").status == 400);
    CHECK(post("push", "guid-5", "{").status == 400);
    for (const auto* const doubled :
         {R"({"action":"opened","action":"closed"})", R"({"action":"opened","\u0061ction":1})",
          R"({"repository":{"full_name":"a/b"},"repository":{"full_name":"c/d"}})",
          R"({"repository":{"full_name":"a/b","full_name":"c/d"}})"}) {
        INFO(doubled);
        CHECK(post("issues", "guid-7", doubled).status == 400);
    }
    http::fields f{{"X-GitHub-Event", "push"}, {"X-GitHub-Delivery", "guid-6"}};
    CHECK(bed.post("{}", f).status == 401);
    f.set("X-Hub-Signature-256", "sha256=" + std::string(64, '0'));
    const auto forged = bed.post("{}", f);
    CHECK(forged.status == 401);
    CHECK(json::parse(forged.body).at("detail") ==
          make_error_code(errc::webhook_no_matching_signature).message());

    REQUIRE(seen->count() == 3);
    const auto e = seen->events()[0];
    CHECK(e->topic() == "github.pull_request.opened");
    CHECK(e->type() == "com.github.pull_request.opened");
    CHECK(e->source() == "https://github.com/octo/cat");
    CHECK(e->id() == "guid-1");
    CHECK(e->text() == body);
    CHECK(seen->events()[1]->topic() == "github.push");
    CHECK(seen->events()[2]->topic() == "github.a~2eb~3e~2a.x~2ey");
}

TEST_CASE("a topic of GitHub's has the tokens of an event and an action, and no more",
          "[webhook][fault-29]") {
    const auto rule = webhook::github_topic();
    const auto topic_of = [&](std::string_view type) {
        error_code ec;
        auto topic = rule.resolve(event(type, "/s"), {}, ec);
        return ec ? ec.message() : topic;
    };
    CHECK(topic_of("com.github.push") == "github.push");
    CHECK(topic_of("com.github.issues.opened") == "github.issues.opened");
    for (const auto* const other : {"com.github.issues.opened.closed", "com.github.", "com.github",
                                    "x", "com.gitlab.push", "com.github.a..b"})
        CHECK(topic_of(other) == make_error_code(errc::bad_topic).message());
}

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
    const auto hook =
        here.subscribe(">", sender.endpoint({.url = bed.url(), .secret = secret, .form = form}));
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
    const auto to_b = a.subscribe(">", sender.endpoint({.url = at_b.url(), .secret = secret}));
    const auto to_a = b.subscribe(">", sender.endpoint({.url = at_a.url(), .secret = secret}));
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

TEST_CASE("no signature that was seen brings a second event", "[webhook]") {
    world w;
    const auto seen = std::make_shared<recorder>();
    receive_bed bed(w, seen);
    auto f = bed.sign("1", "bytes");
    const auto make_event = [&](std::string id) {
        f.set("ce-specversion", "1.0");
        f.set("ce-id", id);
        f.set("ce-type", "t");
        f.set("ce-source", "/s");
        return bed.post("bytes", f);
    };
    CHECK(make_event("a").status == 202);
    CHECK(json::parse(make_event("a").body) == json{{"duplicate", true}});
    const auto replayed = make_event("b");
    CHECK(replayed.status == 401);
    CHECK(json::parse(replayed.body).at("detail") == "it came with another event");
    for (const auto* name : {"ce-specversion", "ce-id", "ce-type", "ce-source"}) f.erase(name);
    CHECK(bed.post("bytes", f).status == 401);  // nor as an event of another form
    CHECK(seen->count() == 1);
    // An honest sender whose event has the same id, from another source, signs its next attempt
    // anew.
    w.advance(1s);
    f = bed.sign("1", "bytes");
    CHECK(make_event("b").status == 202);
    CHECK(seen->count() == 2);
}

TEST_CASE("a signature whose event was not accepted may come again", "[webhook]") {
    world w;
    const auto seen = std::make_shared<recorder>();
    receive_bed bed(w, seen);
    seen->answer(outcome::dropped);
    CHECK(bed.post_signed("1", "x").status == 503);
    seen->answer(outcome::queued);
    CHECK(bed.post_signed("1", "x").status == 202);
}

TEST_CASE("a subscriber that does not answer holds nobody up", "[webhook]") {
    world w;
    const auto slow = std::make_shared<slow_subscriber>();
    receive_bed bed(w, slow, {.verifier = verifier(), .accept_timeout = 3s});
    http::client client(w.io(), {.environment = w.environment()});
    std::optional<http::response> first;
    client.async_request(bed.url(), {.method = "POST", .fields = bed.sign("1", "x"), .body = "x"},
                         [&](error_code, http::response r) { first = std::move(r); });
    w.run_until([&] { return slow->waiting.size() == 1; });
    w.advance(2900ms);
    CHECK_FALSE(first);
    w.advance(200ms);
    REQUIRE(first);
    CHECK(first->status == 503);
    CHECK(first->fields.get("retry-after") == "1");
    // What became of it is still unknown.
    CHECK(bed.post_signed("1", "x").status == 503);
    CHECK(slow->waiting.size() == 1);
    const int end = GENERATE(0, 1, 2);
    CAPTURE(end);
    auto handler = std::move(slow->waiting[0].second);
    slow->waiting.clear();
    if (end == 0) std::move(handler)(error_code(), outcome::queued);
    if (end == 1) std::move(handler)(error_code(errc::store_failed), outcome::dropped);
    if (end == 2) handler = {};  // forgotten
    w.run_ready();
    if (end == 0) {
        CHECK(json::parse(bed.post_signed("1", "x").body) == json{{"duplicate", true}});
        return;
    }
    std::optional<unsigned> again;
    client.async_request(bed.url(), {.method = "POST", .fields = bed.sign("1", "x"), .body = "x"},
                         [&](error_code, const http::response& r) { again = r.status; });
    w.run_until([&] { return slow->waiting.size() == 1; });
    std::move(slow->waiting[0].second)(error_code(), outcome::queued);
    w.run_until([&] { return again.has_value(); });
    CHECK(*again == 202);
}

TEST_CASE("a receiver whose subscriber stalls holds no more than it may", "[webhook][fault-1]") {
    world w;
    const auto slow = std::make_shared<slow_subscriber>();
    const bool by_bytes = GENERATE(false, true);
    CAPTURE(by_bytes);
    webhook::receiver_options o;
    o.verifier = verifier();
    o.accept_timeout = 3s;
    o.max_accepting = by_bytes ? 1000 : 2;
    o.max_accepting_bytes = by_bytes ? 25'000 : 1'000'000;
    receive_bed bed(w, slow, std::move(o));
    http::client client(w.io(), {.environment = w.environment()});
    const auto shared = std::make_shared<std::map<std::string, http::response>>();
    auto& answers = *shared;
    const auto post = [&](const std::string& id) {
        client.async_request(
            bed.url(),
            {.method = "POST",
             .fields = bed.sign(id, std::string(10'000, 'x')),
             .body = std::string(10'000, 'x')},
            [shared, id](error_code, http::response r) { (*shared)[id] = std::move(r); });
        w.run_ready();
    };
    post("1");
    post("2");
    CHECK(slow->waiting.size() == 2);
    post("3");
    CHECK(slow->waiting.size() == 2);
    REQUIRE(answers.count("3") == 1);
    CHECK(answers["3"].status == 503);
    CHECK(answers["3"].fields.get("retry-after") == "1");
    // That the senders were answered gives no room: the subscriber still has the events.
    w.advance(3100ms);
    CHECK(answers["1"].status == 503);
    post("4");
    CHECK(answers["4"].status == 503);
    CHECK(slow->waiting.size() == 2);
    // A late acceptance makes room, and its event is taken.
    std::move(slow->waiting[0].second)(error_code(), outcome::queued);
    w.run_ready();
    post("3");
    CHECK(slow->waiting.size() == 3);
    CHECK(slow->waiting[2].first->id() == "3");
    // A dropped question gives its room back, too.
    slow->waiting[1].second = {};
    w.run_ready();
    CHECK(json::parse(bed.post_signed("1", std::string(10'000, 'x')).body) ==
          json{{"duplicate", true}});
}

TEST_CASE("an event that is larger than what may be held is taken alone", "[webhook][fault-1]") {
    world w;
    const auto seen = std::make_shared<recorder>();
    receive_bed bed(w, seen, {.verifier = verifier(), .max_accepting_bytes = 100});
    CHECK(bed.post_signed("1", std::string(10'000, 'x')).status == 202);
    CHECK(bed.post_signed("2", std::string(10'000, 'x')).status == 202);
}

TEST_CASE("a receiver that is full refuses before the body is read", "[webhook][fault-1]") {
    world w;
    const auto slow = std::make_shared<slow_subscriber>();
    webhook::receiver_options o;
    o.allow_unsigned = true;
    o.max_accepting = 0;
    receive_bed bed(w, slow, std::move(o));
    const auto r = bed.post("x", {{"Expect", "100-continue"}});
    CHECK(r.status == 503);
    CHECK(r.fields.get("retry-after") == "1");
    CHECK(slow->waiting.empty());
}

TEST_CASE("a peer that leaves while its event is being accepted takes nothing back", "[webhook]") {
    world w;
    const auto slow = std::make_shared<slow_subscriber>();
    receive_bed bed(w, slow);
    {
        http::client client(w.io(), {.environment = w.environment()});
        client.async_request(bed.url(),
                             {.method = "POST", .fields = bed.sign("1", "x"), .body = "x"},
                             [](error_code, const http::response&) {});
        w.run_until([&] { return slow->waiting.size() == 1; });
    }
    w.run_ready();
    CHECK(bed.post_signed("1", "x").status == 503);
    std::move(slow->waiting[0].second)(error_code(), outcome::queued);
    w.run_ready();
    CHECK(json::parse(bed.post_signed("1", "x").body) == json{{"duplicate", true}});
    CHECK(slow->waiting.size() == 1);
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

}  // namespace tidings::test
