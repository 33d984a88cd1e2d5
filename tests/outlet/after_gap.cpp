// SPDX-License-Identifier: BSL-1.0
// What follows a gap, by every service and client: the service's option, the request's parameter,
// the client's option.
#include "support/topic_bed.hpp"

#include <tidings/sse/client.hpp>
#include <tidings/sse/service.hpp>
#include <tidings/websocket/client.hpp>
#include <tidings/websocket/service.hpp>

namespace tidings::test {

namespace {

using wanted = std::optional<after_gap>;

/// A bus that holds four events, behind each service.
struct gap_place {
    explicit gap_place(world& in, after_gap served)
        : w(in),
          hub(w.io(), {.history = {.max_events = 4}, .clock = &w.clock()}),
          web(w.io(), {.environment = w.environment()}) {
        web.mount("/topics", rest::service(hub, {.max_batch = 3, .after_gap = served}));
        web.mount("/events", sse::service(hub, {.after_gap = served}));
        websocket::service_options o;
        o.after_gap = served;
        web.mount("/ws", websocket::service(hub, std::move(o)));
        web.start();
    }
    position publish(int count) {
        for (; count != 0; --count) hub.publish("a", made(std::to_string(++number)));
        w.run_ready();
        return hub.head();
    }
    template <class Options>
    Options reach(std::string_view scheme, std::string_view path, wanted what) {
        Options o;
        o.url = url_of(web, path);
        o.url.replace(0, 4, scheme);
        o.topics = {"a"};
        o.environment = w.environment();
        o.after_gap = what;
        return o;
    }

    world& w;
    bus hub;
    http::server web;
    int number = 0;
};

/// A client of each kind, by the place where it begins.
struct gap_client {
    std::string name;
    std::function<void(gap_place&, const position&, wanted, any_subscriber)> start;
    std::function<std::optional<position>()> reached;
    std::function<void()> end;
};

template <class Client, class Options, class Begin>
gap_client client_of(std::string name, std::string scheme, std::string path, Begin begin) {
    const auto held = std::make_shared<std::optional<Client>>();
    return {std::move(name),
            [=](gap_place& p, const position& after, wanted what, any_subscriber to) {
                auto o = p.reach<Options>(scheme, path, what);
                begin(o, after);
                held->emplace(p.w.io(), std::move(o), std::move(to));
                (*held)->start();
            },
            [=]() -> std::optional<position> { return (*held)->last_position(); },
            [=] { held->reset(); }};
}

std::vector<gap_client> every_client() {
    const auto after = [](auto& o, const position& p) { o.after = p; };
    return {
        client_of<websocket::client, websocket::client_options>("websocket", "ws", "/ws", after),
        client_of<sse::client, sse::client_options>(
            "sse", "http", "/events",
            [](auto& o, const position& p) { o.last_event_id = p.text(); }),
        client_of<rest::client, rest::client_options>("rest", "http", "/topics", after)};
}

/// Where it stands at the server. A client that reads answers makes its gaps itself.
position place_of(const event_ptr& e) {
    const auto& there = e->info().remote_position();
    return there.empty() ? e->position().value_or(position()) : there;
}

struct gap_row {
    after_gap served;
    wanted asked;
    bool held;
};

TEST_CASE("behind a gap a client gets what it asks for, or what the service does by itself",
          "[outlet][after_gap]") {
    const auto row = GENERATE(values<gap_row>({{after_gap::present, {}, false},
                                               {after_gap::present, after_gap::present, false},
                                               {after_gap::present, after_gap::held, true},
                                               {after_gap::held, {}, true},
                                               {after_gap::held, after_gap::present, false},
                                               {after_gap::held, after_gap::held, true}}));
    const bool is_foreign = GENERATE(false, true);
    for (auto& c : every_client()) {
        CAPTURE(c.name, is_foreign, row.held);
        world w;
        gap_place p(w, row.served);
        error_code ec;
        const auto first = p.publish(1);
        const auto after = is_foreign ? position::parse("other:3", ec) : first;
        p.publish(9);  // 7 to 10 are left
        const auto seen = std::make_shared<recorder>();
        c.start(p, after, row.asked, seen);
        w.advance(2s);
        CHECK(show(*seen) == (row.held ? texts{"gap", "a=7", "a=8", "a=9", "a=10"} : texts{"gap"}));
        CHECK(c.reached() == p.hub.head());
        p.publish(1);
        w.advance(2s);
        CHECK(show(*seen).back() == "a=11");
        CHECK(seen->events().size() == (row.held ? 6 : 2));
        CHECK(place_of(seen->events()[0]).number() == (row.held ? 6 : 10));
        seen->clear();
        c.end();
    }
}

TEST_CASE("a client that is given a gap's position goes on behind it, without another",
          "[outlet][after_gap]") {
    for (auto& c : every_client()) {
        CAPTURE(c.name);
        world w;
        gap_place p(w, after_gap::present);
        const auto after = p.publish(1);
        p.publish(9);
        const auto seen = std::make_shared<recorder>();
        c.start(p, after, after_gap::held, seen);
        w.advance(2s);
        REQUIRE(show(*seen).size() == 5);
        for (std::size_t i = 0; i < 5; ++i) {
            const auto stored = place_of(seen->events()[i]);
            CAPTURE(i, stored.text());
            auto again = every_client();
            auto& same = *std::find_if(again.begin(), again.end(),
                                       [&](const auto& a) { return a.name == c.name; });
            const auto rest = std::make_shared<recorder>();
            same.start(p, stored, after_gap::held, rest);
            w.advance(2s);
            const auto all = show(*seen);
            CHECK(show(*rest) ==
                  texts(all.begin() + static_cast<std::ptrdiff_t>(i) + 1, all.end()));
            rest->clear();
            same.end();
        }
        seen->clear();
        c.end();
    }
}

TEST_CASE("an answer brings the gap and what is left of the history together",
          "[outlet][rest][after_gap]") {
    world w;
    gap_place p(w, after_gap::present);
    const auto after = "?after=" + p.publish(1).text();
    p.publish(9);
    const auto get = [&](const std::string& query) {
        return w.request("GET", url_of(p.web, "/topics/a" + query));
    };
    const auto present = get(after);
    CHECK(present.body == "[]");
    CHECK(present.fields.get("tidings-gap") == "true");
    CHECK(present.fields.get("tidings-gap-position") == p.hub.head().text());

    const auto held = get(after + "&after_gap=held");
    CHECK(held.fields.get("tidings-gap") == "true");
    const std::string before(held.fields.get("tidings-gap-position"));
    const std::string next(held.fields.get("tidings-position"));
    CHECK(held.body.find(R"("7")") != std::string::npos);
    CHECK(held.fields.get("link").find("after_gap=held&after=") != std::string::npos);

    // What was read from the gap on is the same, and then goes on.
    const auto again = get("?after=" + before);
    CHECK_FALSE(again.fields.find("tidings-gap"));
    CHECK(again.body == held.body);
    CHECK(again.fields.get("tidings-position") == next);
    const auto rest = get("?after=" + next);
    CHECK_FALSE(rest.fields.find("tidings-gap"));
    CHECK(rest.body.find(R"("10")") != std::string::npos);

    // One that waits is answered at once, also where nothing is left.
    p.hub.publish("b", made("x"));
    for (int i = 0; i < 4; ++i) p.hub.publish("b", made("x"));
    const auto none = get(after + "&after_gap=held&wait=30s");
    CHECK(none.fields.get("tidings-gap") == "true");
    CHECK(none.body == "[]");
    CHECK(none.fields.get("tidings-gap-position") == p.hub.head().text());
}

TEST_CASE("an event too large for a client does not hide the gap before it",
          "[outlet][rest][after_gap]") {
    world w;
    gap_place p(w, after_gap::held);
    const auto after = p.publish(1);
    for (int i = 0; i < 5; ++i) p.hub.publish("a", made(std::string(4000, 'x')));
    const auto seen = std::make_shared<recorder>();
    auto o = p.reach<rest::client_options>("http", "/topics", {});
    o.after = after;
    o.max_response_bytes = 1000;
    rest::client client(w.io(), std::move(o), seen);
    client.start();
    for (int i = 0; i < 10; ++i) w.advance(40s);
    const auto events = seen->events();
    REQUIRE(events.size() == 5);
    CHECK(events[0]->topic() == gap_type);
    CHECK(std::all_of(events.begin() + 1, events.end(),
                      [](const auto& e) { return skipped_bytes(e).has_value(); }));
}

TEST_CASE("a request that asks for something else behind a gap is refused", "[outlet][after_gap]") {
    world w;
    gap_place p(w, after_gap::present);
    for (const auto* path : {"/topics/a?", "/events?topic=a&"})
        for (const auto* wrong :
             {"after_gap=", "after_gap=Held", "after_gap=all", "aftergap=held"}) {
            const auto r = w.request("GET", url_of(p.web, path + std::string(wrong)));
            CAPTURE(path, wrong, r.body);
            CHECK(r.status == 400);
            CHECK(r.body.find("after_gap") != std::string::npos);
        }
}

}  // namespace

}  // namespace tidings::test
