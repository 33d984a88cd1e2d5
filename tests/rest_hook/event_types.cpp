// SPDX-License-Identifier: BSL-1.0
// The catalogue of event types: what an application may register, how the API shows it, and what
// it is good for.
#include "support/rest_hook_bed.hpp"

#include <tidings/rest_hook/impl/event_catalogue.hpp>
#include <tidings/rest_hook/websub_hub.hpp>
#include <tidings/store/memory_table.hpp>

#include <stdexcept>

namespace tidings::test {

namespace {

using nlohmann::json;

std::vector<rest_hook::event_type> shop_types() {
    return {{.name = "orders.>", .description = "all of an order", .example = R"({"any":1})"},
            {.name = "orders.paid",
             .description = "an order was paid",
             .schema = R"({"type":"object"})",
             .example = R"({"total":99})"},
            {.name = "carts.*.left", .description = "nobody has bought what is in it"}};
}

http::response ask(hook_bed& bed, std::string method, std::string_view path, std::string body = {},
                   http::fields fields = {}) {
    fields.set("Content-Type", "application/json");
    auto r = bed.w.request(std::move(method), bed.url(path), std::move(body), std::move(fields));
    bed.w.run_ready();
    return r;
}

/// Why a manager does not take these types; empty: it does.
std::string refused(rest_hook::manager_options o) {
    world w;
    bus hub(w.io());
    webhook::sender sender(w.io(), hook_sender_options(w));
    o.environment = w.environment();
    try {
        const rest_hook::manager made(hub, sender, std::move(o));
    } catch (const std::invalid_argument& e) {
        return e.what();
    }
    return {};
}

std::string refused(rest_hook::event_type t) {
    return refused(rest_hook::manager_options{.event_types = {std::move(t)}});
}

bool says(const std::string& text, std::string_view what) {
    return text.find(what) != text.npos;
}

}  // namespace

TEST_CASE("the catalogue is listed by name, in pages, and one is shown by its name",
          "[rest_hook]") {
    world w;
    hook_bed bed(w, {.event_types = shop_types()});
    const auto all = bed.get("/event-types");
    REQUIRE(all.status == 200);
    CHECK(all.fields.get("content-type") == "application/json");
    CHECK(all.fields.get("link").empty());
    CHECK(json::parse(all.body) ==
          json::parse(R"([{"name":"carts.*.left","description":"nobody has bought what is in it"},
                          {"name":"orders.>","description":"all of an order","example":{"any":1}},
                          {"name":"orders.paid","description":"an order was paid",
                           "schema":{"type":"object"},"example":{"total":99}}])"));
    CHECK(bed.get("/event-types/").body == all.body);

    const auto first = bed.get("/event-types?limit=2");
    CHECK(json::parse(first.body).size() == 2);
    CHECK(first.fields.get("link") ==
          "</hooks/event-types?limit=2&after=orders.%3E>; rel=\"next\"");
    const auto second = bed.get("/event-types?limit=2&after=orders.%3E");
    REQUIRE(json::parse(second.body).size() == 1);
    CHECK(json::parse(second.body)[0].at("name") == "orders.paid");
    CHECK(second.fields.get("link").empty());
    CHECK(bed.get("/event-types?after=zzz").status == 400);
    CHECK(bed.get("/event-types?state=x").status == 400);

    const auto one = bed.get("/event-types/orders.%3E");
    REQUIRE(one.status == 200);
    CHECK(json::parse(one.body) == json::parse(all.body)[1]);
    CHECK(bed.get("/event-types/orders").status == 404);
    CHECK(bed.get("/event-types/orders.paid/more").status == 404);
    for (const auto* const method : {"POST", "PUT", "PATCH", "DELETE"}) {
        CHECK(ask(bed, method, "/event-types").status == 405);
        CHECK(ask(bed, method, "/event-types/orders.paid").fields.get("allow") == "GET, HEAD");
    }
}

TEST_CASE("an event type may be called as an action of a subscription is", "[rest_hook]") {
    world w;
    hook_bed bed(w, {.event_types = {{.name = "confirm"}, {.name = "pause"}}});
    CHECK(bed.get("/event-types/confirm").status == 200);
    CHECK(bed.get("/event-types/pause").status == 200);
    CHECK(ask(bed, "POST", "/event-types/confirm").status == 405);
}

TEST_CASE("who may not manage subscriptions is not shown the catalogue", "[rest_hook]") {
    world w;
    hook_bed bed(w, {.authenticator = bearer_token("t"),
                     .authorizer = allow_all(),
                     .event_types = {{.name = "confirm"}}});
    CHECK(bed.get("/event-types").status == 401);
    CHECK(bed.get("/event-types/confirm").status == 401);
}

TEST_CASE("what a caller has of the catalogue is not sent again until it changes", "[rest_hook]") {
    world w;
    hook_bed bed(w, {.event_types = shop_types()});
    auto others = shop_types();
    others[0].description += ".";
    hook_bed changed(w, {.event_types = std::move(others)});
    for (const auto* const path :
         {"/event-types", "/event-types?limit=1", "/event-types/orders.paid"}) {
        CAPTURE(path);
        const std::string tag(bed.get(path).fields.get("etag"));
        CHECK(tag.size() > 2);
        const auto known = ask(bed, "GET", path, {}, {{"If-None-Match", "\"x\", W/" + tag}});
        CHECK(known.status == 304);
        CHECK(known.body.empty());
        CHECK(known.fields.get("etag") == tag);
        CHECK(ask(bed, "GET", path, {}, {{"If-None-Match", "\"x\""}}).status == 200);
        CHECK(ask(changed, "GET", path, {}, {{"If-None-Match", tag}}).status == 200);
    }
    // What a page holds depends on its limit.
    const std::string tag(bed.get("/event-types").fields.get("etag"));
    CHECK(ask(bed, "GET", "/event-types?limit=1", {}, {{"If-None-Match", tag}}).status == 200);
}

TEST_CASE("an event type that is none is refused where the manager is made", "[rest_hook]") {
    CHECK(refused({.name = "a.b", .schema = " true", .example = "[1]"}).empty());
    CHECK(says(refused({.name = "a..b"}), "event type \"a..b\""));
    CHECK(says(refused({.name = ""}), "event type"));
    CHECK(says(refused({.name = "a", .description = "\xff"}), "description"));
    for (const auto* const text : {"{", "1", "\"x\"", "null", "[]", "{} {}"}) {
        CAPTURE(text);
        CHECK(says(refused({.name = "a", .schema = text}), "schema"));
    }
    CHECK(says(refused({.name = "a", .example = "{\"a\":}"}), "example is not JSON"));
    const auto nested = [](std::size_t depth) {
        return refused({.name = "a", .example = std::string(depth, '[') + std::string(depth, ']')});
    };
    CHECK(says(nested(max_json_depth + 1), "too deep"));
    CHECK(nested(max_json_depth).empty());
    const auto long_text = '"' + std::string(16 * 1024 - 1, 'x') + '"';
    CHECK(says(refused({.name = "a", .example = long_text}), "max_body_bytes"));
    CHECK(refused({.name = "a", .example = long_text.substr(0, 16 * 1024 - 1) + '"'}).empty());
    CHECK(says(refused(rest_hook::manager_options{.event_types = {{.name = "a"}, {.name = "a"}}}),
               "twice"));
    CHECK(says(refused(rest_hook::manager_options{.known_types_only = true}), "known_types_only"));
    const auto bounded = [](std::size_t most) {
        return refused(rest_hook::manager_options{
            .event_types = {{.name = "a", .example = '"' + std::string(900, 'x') + '"'}},
            .max_event_type_bytes = most});
    };
    CHECK(says(bounded(900), "max_event_type_bytes"));
    CHECK(bounded(2000).empty());
}

TEST_CASE("where only known types are taken a subscription to another one is refused by its member",
          "[rest_hook]") {
    world w;
    hook_bed bed(w, {.event_types = shop_types(), .known_types_only = true});
    const auto no = bed.post(bed.body("invoices.paid"));
    REQUIRE(no.status == 422);
    CHECK(json::parse(no.body).at("member") == "event");
    CHECK(says(json::parse(no.body).at("detail"), "invoices.paid"));
    const json two{{"topics", {"orders.paid", "carts.left"}}, {"target_url", bed.target.url()}};
    CHECK(json::parse(bed.post(two.dump()).body).at("member") == "topics");
    for (const auto* const name : {"orders.sent", "orders.*", ">", "carts.7.left", "*.7.left"}) {
        CAPTURE(name);
        CHECK(bed.post(bed.body(name)).status == 201);
    }
    const std::string path = '/' + bed.create("orders.paid").at("id").get<std::string>();
    CHECK(ask(bed, "PATCH", path, R"({"event":"other"})").status == 422);
    CHECK(ask(bed, "PUT", path, bed.body("other")).status == 422);
    CHECK(ask(bed, "PATCH", path, R"({"event":"orders.1"})").status == 200);

    hook_bed all(w, {.event_types = shop_types()});
    CHECK(all.post(all.body("invoices.paid")).status == 201);
}

TEST_CASE("a subscription to a type that is known no more may be changed but for that",
          "[rest_hook]") {
    world w;
    const auto table = store::make_memory_table();
    std::string path;
    {
        hook_bed bed(w, {.table = table});
        w.run_ready();
        path = '/' + bed.create("invoices.paid").at("id").get<std::string>();
    }
    hook_bed bed(w, {.table = table, .event_types = shop_types(), .known_types_only = true});
    w.run_ready();
    CHECK(ask(bed, "PATCH", path, R"({"description":"x"})").status == 200);
    CHECK(ask(bed, "PATCH", path, R"({"topics":["invoices.paid","orders.paid"]})").status == 200);
    CHECK(ask(bed, "PUT", path, bed.body("invoices.paid")).status == 200);
    CHECK(ask(bed, "PATCH", path, R"({"topics":["invoices.sent"]})").status == 422);
}

TEST_CASE("a hub has no topic that is not in a catalogue beside which none is taken",
          "[rest_hook]") {
    world w;
    bus hub(w.io());
    webhook::sender sender(w.io(), hook_sender_options(w));
    rest_hook::manager hooks(
        hub, sender,
        {.event_types = shop_types(), .known_types_only = true, .environment = w.environment()});
    http::server server(w.io(), {.environment = w.environment()});
    server.mount("/hub", rest_hook::websub_hub{hooks,
                                               {.public_url = "http://hub.example/hub",
                                                .topic_prefix = "http://hub.example/t/"}});
    server.start();
    world_sink target(w);
    const auto subscribe = [&](const std::string& topic) {
        const auto r = w.request("POST", url_of(server, "/hub"),
                                 "hub.mode=subscribe&hub.topic=http://hub.example/t/" + topic +
                                     "&hub.callback=" + target.url(),
                                 {{"Content-Type", "application/x-www-form-urlencoded"}});
        w.run_ready();
        return r.status;
    };
    CHECK(subscribe("orders.paid") == 202);
    CHECK(subscribe("invoices.paid") == 404);
}

TEST_CASE("a test sends the example of the event type", "[rest_hook]") {
    world w;
    auto types = shop_types();
    types.push_back({.name = "*.*.*.moved", .example = R"({"x":0})"});
    hook_bed bed(w, {.event_types = std::move(types), .form = webhook::body_form::structured});
    const auto sent = [&](std::string_view event, const std::string& body) {
        const auto hook = bed.create(event, "/hook/" + std::to_string(bed.target.requests.size()));
        const auto path = '/' + hook.at("id").get<std::string>();
        const auto before = bed.target.requests.size();
        CHECK(ask(bed, "POST", path + "/test", body).status == 202);
        REQUIRE(bed.target.requests.size() == before + 1);
        const auto e = json::parse(bed.target.requests.back().body);
        return e.at("topic").get<std::string>() + ' ' + e.at("data").dump();
    };
    CHECK(sent("orders.paid", "") == R"(orders.paid {"total":99})");
    CHECK(sent("orders.sent", "") == R"(orders.sent {"any":1})");
    CHECK(sent("*.paid", "") == R"(orders.paid {"any":1})");
    CHECK(sent("orders.*", R"({"topic":"orders.paid"})") == R"(orders.paid {"total":99})");
    CHECK(sent("orders.>", R"({"topic":"orders.7"})") == R"(orders.7 {"any":1})");
    CHECK(sent("a.*.b.>", "") == R"(a.test.b.moved {"x":0})");
    // What the owner says, and what has no example, is as it was.
    CHECK(sent("orders.paid", R"({"data":5})") == "orders.paid 5");
    CHECK(says(sent("carts.1.left", ""), R"(carts.1.left {"hook":)"));
}

TEST_CASE("two patterns have the topic in common that both spell", "[rest_hook]") {
    using rest_hook::detail::common_topic;
    CHECK(common_topic("a.b", "a.b") == "a.b");
    CHECK(common_topic("a.*", "*.b") == "a.b");
    CHECK(common_topic("a.>", "a.*.c") == "a.test.c");
    CHECK(common_topic("a.b.c", ">") == "a.b.c");
    CHECK(common_topic(">", "a.>") == "a.test");
    CHECK(common_topic(">", ">") == "test");
    CHECK(common_topic("a.>", "a").empty());
    CHECK(common_topic("a.b", "a.c").empty());
    // The library's own are not for users to publish.
    CHECK(common_topic("tidings.>", "tidings.>").empty());
    const std::string half(200, 'x');
    CHECK(common_topic(half + ".*", "*." + half).empty());
}

}  // namespace tidings::test
