// SPDX-License-Identifier: BSL-1.0
// What a WebSub hub refuses, and what it ignores (W3C WebSub 5.1).
#include "support/websub_bed.hpp"

namespace tidings::test {

namespace {

using namespace std::chrono_literals;

pairs without(pairs all, std::string_view name) {
    std::erase_if(all, [&](const auto& p) { return p.first == name; });
    return all;
}
pairs with(pairs all, std::string name, std::string value) {
    all = without(std::move(all), name);
    all.emplace_back(std::move(name), std::move(value));
    return all;
}
pairs twice(pairs all, std::string_view name) {
    for (const auto& [known, value] : pairs(all))
        if (known == name) all.emplace_back(known, value);
    return all;
}

void check_text(const http::response& r, unsigned status) {
    INFO(r.body);
    CHECK(r.status == status);
    CHECK(r.fields.get("content-type").starts_with("text/plain"));
    CHECK(r.body.size() > 5);
}

}  // namespace

TEST_CASE("a request that is none is refused in plain text, and nobody is asked",
          "[rest_hook][websub]") {
    world w;
    callbacks target(w);
    websub_bed bed(w, target);
    const auto good = with(bed.wanted("subscribe"), "hub.secret", "s");
    const auto callback = bed.callback();
    const auto [what, all] = GENERATE_COPY(table<std::string, pairs>({
        {"nothing", {}},
        {"no callback", without(good, "hub.callback")},
        {"no mode", without(good, "hub.mode")},
        {"no topic", without(good, "hub.topic")},
        {"an empty callback", with(good, "hub.callback", "")},
        {"an empty topic", with(good, "hub.topic", "")},
        {"an unknown mode", with(good, "hub.mode", "Subscribe")},
        {"a mode of the hub's own", with(good, "hub.mode", "denied")},
        {"two callbacks", twice(good, "hub.callback")},
        {"two modes", twice(good, "hub.mode")},
        {"two topics", twice(good, "hub.topic")},
        {"two leases", twice(with(good, "hub.lease_seconds", "60"), "hub.lease_seconds")},
        {"two secrets", twice(good, "hub.secret")},
        {"a callback that is no URL", with(good, "hub.callback", "callback")},
        {"a callback elsewhere than on the web", with(good, "hub.callback", "ftp://127.0.0.1/x")},
        {"a callback that is called by nobody", with(good, "hub.callback", "http://10.0.0.1/x")},
        {"a callback with credentials", with(good, "hub.callback", "http://a:b@127.0.0.1/hook")},
        {"a callback with a line in it", with(good, "hub.callback", callback + "\r\nX: y")},
        {"a callback that is long",
         with(good, "hub.callback", callback + '?' + std::string(2048, 'x'))},
        {"a topic that breaks a Link",
         with(good, "hub.topic", "https://hub.example/topics/a>; rel=\"x\"")},
        {"a topic that is no URL", with(good, "hub.topic", "orders")},
        {"a secret that is long", with(good, "hub.secret", std::string(200, 's'))},
        {"a secret that is no text", with(good, "hub.secret", "\xff")},
        {"no lease at all", with(good, "hub.lease_seconds", "0")},
        {"a lease in the past", with(good, "hub.lease_seconds", "-1")},
        {"a lease of words", with(good, "hub.lease_seconds", "10 days")},
        {"nothing to publish", {{"hub.mode", "publish"}}},
    }));
    CAPTURE(what);
    check_text(bed.post(all), 400);
    w.advance(1h);
    CHECK(target.sink.requests.empty());
    CHECK(bed.shown().empty());
}

TEST_CASE("a body that is no form is refused", "[rest_hook][websub]") {
    world w;
    callbacks target(w);
    auto m = rest_hook::manager_options{.max_body_bytes = 4096};
    websub_bed bed(w, target, hub_options(), std::move(m));
    const auto body = websub_bed::form(bed.wanted("subscribe"));
    check_text(bed.post(body, {}), 415);
    check_text(bed.post(body, {{"Content-Type", "application/json"}}), 415);
    check_text(bed.post(body, {{"Content-Type", "application/x-www-form-urlencodedx"}}), 415);
    check_text(bed.post("hub.mode=%zz"), 400);
    CHECK(bed.post(body + "&x=" + std::string(5000, 'x')).status == 413);
    const auto got = w.request("GET", url_of(*bed.server, "/hub"));
    check_text(got, 405);
    CHECK(got.fields.get("allow") == "OPTIONS, POST");
    w.run_ready();
    CHECK(target.sink.requests.empty());
    CHECK(bed.post(body, {{"Content-Type", "Application/X-WWW-Form-Urlencoded; charset=UTF-8"}})
              .status == 202);
    w.run_ready();
    CHECK(target.asked().size() == 1);
}

TEST_CASE("a parameter that is not known is ignored, and one that is empty is none",
          "[rest_hook][websub]") {
    world w;
    callbacks target(w);
    websub_bed bed(w, target);
    CHECK(bed.subscribe({{"hub.verify", "async"},
                         {"hub.verify", "sync"},
                         {"foo", "\xff"},
                         {"hub.secret", ""},
                         {"hub.lease_seconds", ""}}) == 202);
    REQUIRE(target.asked().size() == 1);
    CHECK(callbacks::parameter(target.asked()[0], "hub.lease_seconds") == "864000");
    bed.publish("orders");
    REQUIRE(target.brought().size() == 1);
    CHECK_FALSE(target.brought()[0].fields.find("x-hub-signature"));
}

TEST_CASE("a secret of 199 bytes is taken", "[rest_hook][websub]") {
    world w;
    callbacks target(w);
    websub_bed bed(w, target);
    CHECK(bed.subscribe({{"hub.secret", std::string(199, 's')}}) == 202);
    bed.publish("orders");
    REQUIRE(target.brought().size() == 1);
    CHECK(target.brought()[0].fields.find("x-hub-signature"));
}

TEST_CASE("a topic that the hub does not have is not found", "[rest_hook][websub]") {
    world w;
    callbacks target(w);
    websub_bed bed(w, target);
    const auto topic =
        GENERATE(as<std::string>(), "https://hub.example/orders", "https://hub.example/topics/",
                 "https://hub.example/topics/a..b", "https://hub.example/topics/orders.%3E",
                 "https://hub.example/topics/%zz", "https://hub.example/topics/tidings.gap",
                 "https://hub.example.attacker.tld/topics/orders");
    const auto mode = GENERATE(as<std::string>(), "subscribe", "unsubscribe");
    check_text(bed.post(with(bed.wanted(mode), "hub.topic", topic)), 404);
    w.run_ready();
    CHECK(target.sink.requests.empty());
}

TEST_CASE("the application says what a topic URL stands for", "[rest_hook][websub]") {
    world w;
    callbacks target(w);
    auto o = hub_options();
    o.topic_prefix.clear();
    o.pattern_of = [](const std::string& url) -> std::string {
        if (url == "https://hub.example/topics/orders") return "shop.orders.>";
        if (url == "https://hub.example/topics/bad") return "a..b";
        if (url == "https://hub.example/topics/throws") throw std::runtime_error("no");
        return {};
    };
    websub_bed bed(w, target, std::move(o));
    CHECK(bed.ask("subscribe", {}, "bad") == 404);
    CHECK(bed.ask("subscribe", {}, "throws") == 404);
    CHECK(bed.ask("subscribe", {}, "others") == 404);
    CHECK(bed.logged->find("no") != std::string::npos);
    CHECK(bed.subscribe() == 202);
    bed.publish("shop.orders.1");
    CHECK(target.brought().size() == 1);
}

TEST_CASE("two topic URLs may stand for one pattern, and one that is no more is unsubscribed",
          "[rest_hook][websub]") {
    world w;
    callbacks target(w);
    auto o = hub_options();
    bool known = true;
    o.topic_prefix.clear();
    o.pattern_of = [&](const std::string&) { return std::string(known ? "orders.>" : ""); };
    websub_bed bed(w, target, std::move(o));
    CHECK(bed.ask("subscribe", {}, "one") == 202);
    CHECK(bed.ask("subscribe", {}, "other") == 202);
    CHECK(bed.shown().size() == 2);
    bed.publish("orders.1");
    CHECK(target.brought().size() == 2);
    known = false;
    CHECK(bed.ask("subscribe", {}, "one") == 404);
    CHECK(bed.ask("unsubscribe", {}, "third") == 404);
    CHECK(bed.ask("unsubscribe", {}, "one") == 202);
    CHECK(bed.shown().size() == 1);
}

TEST_CASE("a hub whose options contradict each other is not made", "[rest_hook][websub]") {
    world w;
    bus hub(w.io());
    webhook::sender sender(w.io(), hook_sender_options(w));
    rest_hook::manager manager(hub, sender, {.environment = w.environment()});
    const auto make = [&](auto change) {
        auto o = hub_options();
        change(o);
        rest_hook::websub_hub made(manager, std::move(o));
    };
    CHECK_NOTHROW(make([](auto&) {}));
    const auto refused = [&](auto change) { CHECK_THROWS_AS(make(change), std::invalid_argument); };
    refused([](auto& o) { o.public_url = ""; });
    refused([](auto& o) { o.public_url = "hub"; });
    refused([](auto& o) { o.public_url = "https://hub.example/>"; });
    refused([](auto& o) { o.topic_prefix = ""; });
    refused([](auto& o) { o.topic_prefix = "topics"; });
    refused([](auto& o) { o.pattern_of = [](const auto&) { return "a"; }; });
    refused([](auto& o) { o.min_lease = 0s; });
    refused([](auto& o) { o.verify_within = 0s; });
    refused([](auto& o) { o.verify_within = std::chrono::seconds::max(); });
    refused([](auto& o) { o.default_lease = 1s; });
    refused([](auto& o) { o.max_lease = 24h; });
    refused([](auto& o) { o.max_lease = std::chrono::hours(24 * 365 * 137); });
    auto gone = std::move(manager);
    CHECK_THROWS_AS(rest_hook::websub_hub(manager, hub_options()), std::invalid_argument);
    gone.close();
    CHECK_THROWS_AS(rest_hook::websub_hub(gone, hub_options()), std::invalid_argument);
}

TEST_CASE("publishing is the application's: where it takes no requests they are refused",
          "[rest_hook][websub]") {
    world w;
    callbacks target(w);
    websub_bed bed(w, target);
    const auto r =
        bed.post({{"hub.mode", "publish"}, {"hub.url", "https://hub.example/topics/orders"}});
    check_text(r, 501);
    CHECK(r.body.find("publishes on its bus") != std::string::npos);
}

TEST_CASE("a publisher's request is handed to the application, where that is granted",
          "[rest_hook][websub]") {
    world w;
    callbacks target(w);
    auto o = hub_options();
    std::vector<std::string> published;
    o.on_publish = [&](const std::string& url) {
        if (url.ends_with("broken")) throw std::runtime_error("cannot be fetched");
        published.push_back(url);
    };
    o.authorizer = [](const principal&, action what, std::string_view topic) {
        return what == action::publish && topic != "secret";
    };
    websub_bed bed(w, target, std::move(o));
    const std::string at = "https://hub.example/topics/";
    CHECK(
        bed.post({{"hub.mode", "publish"}, {"hub.url", at + "a"}, {"hub.url", at + "b"}}).status ==
        204);
    CHECK(bed.post({{"hub.mode", "publish"}, {"hub.topic", at + "c"}, {"hub.topic", at + "d"}})
              .status == 204);
    CHECK(published == std::vector<std::string>{at + "a", at + "b", at + "c", at + "d"});
    check_text(bed.post({{"hub.mode", "publish"}, {"hub.url", at + "a"}, {"hub.url", "b"}}), 404);
    check_text(bed.post({{"hub.mode", "publish"}, {"hub.url", at + "secret"}}), 403);
    check_text(bed.post({{"hub.mode", "publish"}, {"hub.url", at + "broken"}}), 500);
    CHECK(published.size() == 4);
    CHECK(bed.logged->find("cannot be fetched") != std::string::npos);
}

}  // namespace tidings::test
