// SPDX-License-Identifier: BSL-1.0
// An authorizer that answers later: each subscription and change waits for it, no longer than it
// may, and what is closed meanwhile writes nothing.
#include "support/websub_bed.hpp"

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using nlohmann::json;

/// What an authorizer was asked of topics; it answers when the test does.
struct open_questions {
    authorizer ask() {
        return
            [this](principal who, action what, std::string topic, decision_handler<permission> h) {
                if (what == action::manage) return h({}, true);
                topics.push_back(who.name + ' ' + topic);
                open.push_back(std::move(h));
            };
    }
    /// The oldest.
    void answer(world& w, permission p, error_code ec = {}) {
        REQUIRE_FALSE(open.empty());
        auto h = std::move(open.front());
        open.erase(open.begin());
        h(ec, std::move(p));
        w.run_ready();
    }

    std::vector<std::string> topics{};
    std::vector<decision_handler<permission>> open{};
};

std::size_t rows_of(world& w, store::table& t) {
    std::size_t rows = 0;
    t.start_scan({}, 100, {w.io().get_executor(), [&](error_code, std::vector<store::row> all) {
                               rows = all.size();
                           }});
    w.run_ready();
    return rows;
}

/// A manager of which a test has a handle, and requests whose answers come later.
struct later_bed {
    later_bed(world& in, open_questions& asked, std::chrono::milliseconds timeout = 5s)
        : w(in),
          hub(w.io()),
          sender(w.io(), hook_sender_options(w)),
          manager(hub, sender,
                  {.table = table,
                   .authorizer = asked.ask(),
                   .auth_timeout = timeout,
                   .environment = w.environment()}),
          server(w.io(), {.environment = w.environment()}),
          target(w),
          client(w.io(), {.environment = w.environment()}) {
        server.mount("/hooks", manager);
        server.mount("/hub",
                     rest_hook::websub_hub(manager, {.public_url = "https://hub.example/hub",
                                                     .topic_prefix = "https://hub.example/topics/",
                                                     .authorizer = asked.ask()}));
        server.start();
        w.run_ready();
    }

    void send(std::string method, std::string_view path, std::string body,
              std::string type = "application/json") {
        answer.reset();
        client.async_request(url_of(server, path),
                             {.method = std::move(method),
                              .fields = {{"Content-Type", std::move(type)}},
                              .body = std::move(body)},
                             [this](error_code, http::response r) { answer = std::move(r); });
        w.run_ready();
    }
    std::string body(const json& topics) const {
        return json{{"topics", topics}, {"target_url", target.url()}}.dump();
    }
    std::string make(open_questions& asked, const json& topics) {
        send("POST", "/hooks", body(topics));
        for (std::size_t i = 0; i < topics.size(); ++i) asked.answer(w, true);
        REQUIRE(answer);
        REQUIRE(answer->status == 201);
        asked.topics.clear();
        return "/hooks/" + json::parse(answer->body).at("id").get<std::string>();
    }

    world& w;
    std::optional<http::response> answer;
    const std::shared_ptr<store::table> table = store::make_memory_table();
    bus hub;
    webhook::sender sender;
    rest_hook::manager manager;
    http::server server;
    world_sink target;
    http::client client;
};

using texts = std::vector<std::string>;

}  // namespace

TEST_CASE("a subscription waits until the authorizer has answered for each of its topics",
          "[rest_hook]") {
    world w;
    open_questions asked;
    later_bed bed(w, asked);
    bed.send("POST", "/hooks", bed.body({"a", "b.>"}));
    CHECK(asked.topics == texts{" a"});
    asked.answer(w, true);
    CHECK(asked.topics == texts{" a", " b.>"});
    CHECK_FALSE(bed.answer);
    CHECK(rows_of(w, *bed.table) == 0);
    asked.answer(w, {true, w.clock().wall_now() + 100s});
    REQUIRE(bed.answer);
    CHECK(bed.answer->status == 201);
    CHECK(json::parse(bed.answer->body).at("expiration_date") == "2026-01-01T00:01:40Z");
    CHECK(rows_of(w, *bed.table) == 1);

    bed.send("POST", "/hooks", bed.body({"c"}));
    asked.answer(w, false);
    REQUIRE(bed.answer);
    CHECK(bed.answer->status == 403);
    CHECK(rows_of(w, *bed.table) == 1);
}

TEST_CASE("a change of topics waits for the authorizer, and so does a replacement", "[rest_hook]") {
    world w;
    open_questions asked;
    later_bed bed(w, asked);
    const auto path = bed.make(asked, {"a"});
    const auto topics = [&] {
        bed.send("GET", path, "");
        return json::parse(bed.answer->body).at("topics");
    };
    bed.send("PATCH", path, R"({"description":"x"})");
    CHECK(bed.answer->status == 200);
    CHECK(asked.topics.empty());
    for (const auto* const method : {"PATCH", "PUT"}) {
        CAPTURE(method);
        bed.send(method, path, bed.body({"b"}));
        CHECK(std::exchange(asked.topics, {}) == texts{" b"});
        CHECK_FALSE(bed.answer);
        asked.answer(w, false);
        REQUIRE(bed.answer);
        CHECK(bed.answer->status == 403);
        CHECK(topics() == json{"a"});
    }
    bed.send("PATCH", path, bed.body({"b"}));
    asked.answer(w, true);
    CHECK(bed.answer->status == 200);
    CHECK(topics() == json{"b"});
    // The same topics are asked for again, since what was granted may be no more.
    bed.send("PUT", path, bed.body({"b"}));
    asked.answer(w, true);
    CHECK(bed.answer->status == 200);
}

TEST_CASE("an authorizer that does not answer in time grants nothing", "[rest_hook]") {
    world w;
    open_questions asked;
    later_bed bed(w, asked, 3s);
    const auto path = bed.make(asked, {"a"});
    const auto waits = [&](std::string method, std::string_view to) {
        bed.send(std::move(method), to, bed.body({"b"}));
        w.advance(2900ms);
        CHECK_FALSE(bed.answer);
        w.advance(200ms);
        REQUIRE(bed.answer);
        CHECK(bed.answer->status == 503);
        CHECK_FALSE(bed.answer->fields.get("retry-after").empty());
        asked.answer(w, true);  // too late
    };
    waits("POST", "/hooks");
    waits("PATCH", path);
    waits("PUT", path);
    CHECK(rows_of(w, *bed.table) == 1);
    bed.send("GET", path, "");
    CHECK(json::parse(bed.answer->body).at("topics") == json{"a"});
}

TEST_CASE("a manager that is closed while an authorizer thinks writes nothing", "[rest_hook]") {
    world w;
    open_questions asked;
    later_bed bed(w, asked);
    const auto path = bed.make(asked, {"a"});
    std::string before;
    bed.table->start_get(path.substr(7), {w.io().get_executor(), [&](error_code, store::row r) {
                                              before = std::move(r.value);
                                          }});
    w.run_ready();
    SECTION("over a new one") {
        bed.send("POST", "/hooks", bed.body({"b"}));
    }
    SECTION("over a change") {
        bed.send("PATCH", path, bed.body({"b"}));
    }
    SECTION("over a hub's") {
        bed.send("POST", "/hub",
                 websub_bed::form({{"hub.callback", bed.target.url()},
                                   {"hub.mode", "subscribe"},
                                   {"hub.topic", "https://hub.example/topics/b"}}),
                 "application/x-www-form-urlencoded");
    }
    REQUIRE(asked.open.size() == 1);
    CHECK_FALSE(bed.answer);
    bed.manager.close();
    if (!asked.open.empty()) asked.answer(w, true);
    w.advance(10s);
    REQUIRE(bed.answer);
    CHECK(bed.answer->status == 503);
    CHECK(rows_of(w, *bed.table) == 1);
    std::string after;
    bed.table->start_get(path.substr(7), {w.io().get_executor(), [&](error_code, store::row r) {
                                              after = std::move(r.value);
                                          }});
    w.run_ready();
    CHECK(after == before);
}

}  // namespace tidings::test
