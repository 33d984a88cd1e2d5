// SPDX-License-Identifier: BSL-1.0
// Subscriptions that want some of the events of their topics.
#include "support/rest_hook_bed.hpp"

#include <tidings/store/memory_outbox.hpp>
#include <tidings/store/memory_table.hpp>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using texts = std::vector<std::string>;

json exact(const std::string& name, const std::string& value) {
    return {{"exact", {{name, value}}}};
}

template <class... Filters>
json list(const Filters&... all) {
    auto made = json::array();
    (made.push_back(all), ...);
    return made;
}

struct filter_bed : hook_bed {
    using hook_bed::hook_bed;

    http::response ask(std::string method, std::string_view path, const json& body = nullptr) {
        return w.request(std::move(method), url(path), body.is_null() ? "" : body.dump(),
                         {{"Content-Type", "application/json"}});
    }
    json wanting(const json& topics, const json& filters) const {
        return {{"topics", topics}, {"target_url", target.url()}, {"filters", filters}};
    }
    json make(const json& topics, const json& filters) {
        const auto r = ask("POST", "", wanting(topics, filters));
        INFO(r.body);
        REQUIRE(r.status == 201);
        return json::parse(r.body);
    }
    void order(std::string_view topic, const json& data, std::string_view type = "order") {
        hub->publish(topic, event(type, "/shop", data.dump(), "application/json"));
        w.run_ready();
    }
    texts seen() {
        texts bodies;
        for (const auto& r : std::exchange(target.requests, {})) bodies.push_back(r.body);
        return bodies;
    }
};

const json paid = {{"state", "paid"}};
const json open = {{"state", "open"}};

}  // namespace

TEST_CASE("events that a filter does not want are never owed", "[rest_hook]") {
    world w;
    const auto outbox = store::make_memory_outbox();
    auto sending = hook_sender_options(w);
    sending.outbox = outbox;
    filter_bed bed(w, {}, std::move(sending));
    bed.target.answer = [](http::exchange& x) { x.respond({.status = 500}); };
    const auto wanted = list(exact("data.state", "paid"), json{{"prefix", {{"type", "order"}}}});
    CHECK(bed.make("orders.>", wanted).at("filters") == wanted);
    bed.order("orders.1", open);
    bed.order("orders.1", paid, "refund");
    CHECK(bed.seen().empty());
    CHECK(outbox->stats().owed == 0);
    bed.order("orders.1", paid);
    CHECK(bed.seen() == texts{paid.dump()});
    CHECK(outbox->stats().owed == 1);
    CHECK(bed.logged->empty());
}

TEST_CASE("a bus explains which events a subscription wants", "[rest_hook][explain]") {
    world w;
    filter_bed bed(w);
    const auto shown = [&](std::string_view topic) {
        texts filters;
        for (const auto& s : bed.hub->explain(topic).subscriptions) filters.push_back(s.filter);
        return filters;
    };
    const auto wanted = exact("data.state", "paid");
    const std::string id = bed.make({"a", "b"}, list(wanted)).at("id");
    CHECK(shown("a") == texts{wanted.dump()});
    CHECK(shown("b") == texts{wanted.dump()});
    CHECK(shown("c").empty());
    bed.order("a", open);
    CHECK(to_string(bed.hub->explain("a")).find("subscriber, only " + wanted.dump()) !=
          std::string::npos);
    const auto more = list(wanted, exact("type", "order"));
    CHECK(bed.ask("PATCH", '/' + id, {{"filters", more}}).status == 200);
    CHECK(shown("a") == texts{json{{"all", more}}.dump()});
    CHECK(bed.ask("PATCH", '/' + id, {{"filters", json::array()}}).status == 200);
    CHECK(shown("a") == texts{""});
}

TEST_CASE("filters are changed without a break, and removed", "[rest_hook]") {
    world w;
    filter_bed bed(w);
    const std::string id = bed.make({"a"}, list(exact("data.state", "paid"))).at("id");
    const auto changed = [&](std::string method, const json& body) {
        const auto r = bed.ask(std::move(method), '/' + id, body);
        INFO(r.body);
        REQUIRE(r.status == 200);
        CHECK(json::parse(bed.get('/' + id).body).at("filters") ==
              json::parse(r.body).at("filters"));
        bed.order("a", paid);
        bed.order("a", open);
        return json::parse(r.body).at("filters");
    };
    CHECK(changed("PATCH", {{"description", "mine"}}).size() == 1);
    CHECK(bed.seen() == texts{paid.dump()});
    CHECK(
        changed("PATCH", {{"filters", list(json{{"not", exact("data.state", "paid")}})}}).size() ==
        1);
    CHECK(bed.seen() == texts{open.dump()});
    CHECK(changed("PATCH", {{"filters", nullptr}}) == list());
    CHECK(bed.seen() == texts{paid.dump(), open.dump()});
    CHECK(changed("PUT", bed.wanting({"a"}, list(exact("type", "other")))).size() == 1);
    CHECK(bed.seen().empty());
    CHECK(changed("PATCH", {{"filters", list()}}) == list());
    CHECK(bed.seen().size() == 2);
    changed("PATCH", {{"filters", list(exact("type", "other"))}});
    CHECK(changed("PUT", {{"event", "a"}, {"url", bed.target.url()}}) == list());
    CHECK(bed.seen().size() == 2);
}

TEST_CASE("a filter holds for an event that is on its way when it changes", "[rest_hook]") {
    world w;
    filter_bed bed(w);
    const std::string id = bed.make({"a"}, list()).at("id");
    bed.ask("PATCH", '/' + id, {{"filters", list(exact("type", "order"))}});
    bed.hub->publish("a", event("order", "/shop", "1"));
    bed.hub->publish("a", event("other", "/shop", "2"));
    bed.hub->publish("a", event("order", "/shop", "3"));
    const auto r = bed.ask("PATCH", '/' + id, {{"description", "changed meanwhile"}});
    CHECK(r.status == 200);
    w.run_ready();
    CHECK(bed.seen() == texts{"1", "3"});
}

TEST_CASE("an event of several patterns is filtered, and delivered once", "[rest_hook]") {
    world w;
    filter_bed bed(w);
    bed.make({"orders.*", "orders.>", "orders.1"}, list(exact("data.state", "paid")));
    bed.order("orders.1", paid);
    bed.order("orders.1", open);
    CHECK(bed.seen() == texts{paid.dump()});
}

TEST_CASE("subscriptions that differ in their filters are several", "[rest_hook]") {
    world w;
    filter_bed bed(w);
    const json one = exact("type", "a"), other = exact("type", "b");
    const std::string id = bed.make({"a"}, list(one, other)).at("id");
    CHECK(bed.ask("POST", "", bed.wanting({"a"}, list(other, one))).status == 409);
    CHECK(bed.ask("POST", "", bed.wanting({"a"}, list(other, one, other))).status == 409);
    const std::string second = bed.make({"a"}, list(one)).at("id");
    const std::string third = bed.make({"a"}, list()).at("id");
    const auto clash = bed.ask("PATCH", '/' + third, {{"filters", list(one)}});
    CHECK(clash.status == 409);
    CHECK(json::parse(clash.body).at("detail").get<std::string>().find(second) !=
          std::string::npos);
    CHECK(bed.ask("DELETE", '/' + second).status == 204);
    CHECK(bed.ask("PATCH", '/' + third, {{"filters", list(one)}}).status == 200);
}

TEST_CASE("pings, tests and what an operator sends again pass by the filters", "[rest_hook]") {
    world w;
    filter_bed bed(w);
    const std::string id = bed.make({"a"}, list(exact("type", "never"))).at("id");
    CHECK(bed.ask("POST", '/' + id + "/ping").status == 202);
    CHECK(bed.ask("POST", '/' + id + "/test", json::object()).status == 202);
    w.run_ready();
    CHECK(bed.seen().size() == 2);
}

TEST_CASE("filters are those of the row, after a restart and in another manager", "[rest_hook]") {
    world w;
    const auto table = store::make_memory_table();
    filter_bed one(w, {.table = table});
    filter_bed other(w, {.table = table});
    w.run_ready();
    const std::string id = one.make({"a"}, list(exact("data.state", "paid"))).at("id");
    other.order("a", paid);
    other.order("a", open);
    CHECK(one.seen() == texts{paid.dump()});
    CHECK(other.ask("PATCH", '/' + id, {{"filters", list(exact("data.state", "open"))}}).status ==
          200);
    w.run_ready();
    one.order("a", paid);
    one.order("a", open);
    CHECK(one.seen() == texts{open.dump()});
    filter_bed later(w, {.table = table});
    w.run_ready();
    later.order("a", paid);
    later.order("a", open);
    CHECK(one.seen() == texts{open.dump()});
}

}  // namespace tidings::test
