// SPDX-License-Identifier: BSL-1.0
// Where the subscriptions of webhook endpoints go on after a restart: what the history has and the
// outbox had not got is delivered.
#include "support/store_folder.hpp"

#include <tidings/bus.hpp>
#include <tidings/http/client.hpp>
#include <tidings/http/server.hpp>
#include <tidings/rest_hook/manager.hpp>
#include <tidings/store/memory_table.hpp>
#include <tidings/store/sqlite/history.hpp>
#include <tidings/store/sqlite/outbox.hpp>
#include <tidings/test/faulty_outbox.hpp>
#include <tidings/test/run_until.hpp>
#include <tidings/test/sink_server.hpp>
#include <tidings/webhook/sender.hpp>

#include <algorithm>
#include <optional>
#include <vector>

namespace tidings::test {

namespace {

using texts = std::vector<std::string>;

/// One run of a hub over a file. What is published without an endpoint is what a process that was
/// killed had in its history and not in its outbox.
struct hub_run {
    explicit hub_run(const std::string& path, std::size_t max_events = 1000)
        : db(io, store_options(path)),
          outbox(std::make_shared<faulty_outbox>(sqlite::make_outbox(db))),
          hub(std::in_place, io,
              bus_options{.history = {.implementation = sqlite::make_history(
                                          db, {{.pattern = ">", .max_events = max_events}})}}) {
        webhook::sender_options o;
        o.outbox = outbox;
        o.guard = {.allow_loopback = true, .schemes = {"http"}};
        o.log = [this](const log_record& r) { logged += std::string(r.message) + '\n'; };
        sender.emplace(io, std::move(o));
    }
    webhook::endpoint add(std::string id = "e") {
        return sender->endpoint({.url = target.url(),
                                 .secret = "whsec_" + std::string(32, 'S'),
                                 .id = std::move(id),
                                 .max_in_flight = 1,
                                 .order = webhook::delivery_order::endpoint});
    }
    void subscribe(std::string_view pattern = ">", std::string id = "e") {
        endpoint = add(std::move(id));
        hooks.push_back(hub->subscribe(pattern, *endpoint));
    }
    /// Completes when the history and the endpoints have it.
    void publish(std::string_view text, std::string_view topic = "a") {
        std::optional<error_code> answer;
        hub->async_publish(
            topic, event("test", "/test", text).id(std::string(text)),
            net::bind_executor(io, [&](error_code ec, const receipt&) { answer = ec; }));
        REQUIRE(run_io_until(io, [&] { return answer.has_value(); }));
        CHECK_FALSE(*answer);
    }
    position mark(std::string pattern = ">", std::string id = "e") {
        std::optional<position> at;
        outbox->async_position(std::move(pattern), std::move(id),
                               net::bind_executor(io, [&](error_code ec, position p) {
                                   CHECK_FALSE(ec);
                                   at = p;
                               }));
        REQUIRE(run_io_until(io, [&] { return at.has_value(); }));
        return *at;
    }
    void await_mark(const std::string& pattern = ">") {
        REQUIRE(run_io_until(io, [&] { return !mark(pattern).empty(); }));
    }
    /// Until so many came and nothing is owed.
    texts received(std::size_t count) {
        CHECK(run_io_until(
            io, [&] { return target.requests.size() >= count && outbox->stats().owed == 0; }));
        texts bodies;
        for (const auto& r : target.requests) bodies.push_back(r.body);
        return bodies;
    }

    net::io_context io;
    sqlite::database db;
    std::shared_ptr<faulty_outbox> outbox;
    sink_server target{io};
    std::string logged;
    std::optional<bus> hub;
    std::optional<webhook::sender> sender;
    std::optional<webhook::endpoint> endpoint;
    std::vector<subscription> hooks;
};

}  // namespace

TEST_CASE("what was in the history and not in the outbox when the process ended is delivered",
          "[sqlite]") {
    const temporary_folder folder;
    const auto path = folder.file("hub.db");
    {
        hub_run first(path);
        first.publish("before");
        first.subscribe();
        first.publish("1");
        CHECK(first.received(1) == texts{"1"});
    }
    {
        hub_run crashed(path);
        crashed.publish("2");
        crashed.publish("3");
    }
    std::string id;
    {
        hub_run second(path);
        second.subscribe();
        second.publish("4");
        CHECK(second.received(3) == texts{"2", "3", "4"});
        CHECK(second.endpoint->counters().gaps == 0);
        id = second.target.requests[0].fields.get("webhook-id");
        CHECK(id.starts_with("msg_"));
    }
    hub_run third(path);
    third.subscribe();
    third.publish("5");
    CHECK(third.received(1) == texts{"5"});
}

TEST_CASE("an endpoint over a file needs an id of its own", "[sqlite]") {
    const temporary_folder folder;
    hub_run run(folder.file("hub.db"));
    webhook::endpoint_options o{.url = run.target.url(), .secret = "whsec_" + std::string(32, 'S')};
    error_code ec;
    CHECK_FALSE(run.sender->endpoint(o, ec).active());
    CHECK(ec == errc::invalid_argument);
    CHECK_THROWS_WITH(run.sender->endpoint(o), Catch::Matchers::Contains("needs its id"));
    o.id = "e";
    CHECK(run.sender->endpoint(o, ec).active());
    CHECK_FALSE(ec);
}

TEST_CASE("an endpoint that was never sent anything goes on where it began", "[sqlite]") {
    const temporary_folder folder;
    const auto path = folder.file("hub.db");
    {
        hub_run first(path);
        first.publish("before");
        first.subscribe();
        first.await_mark();
    }
    {
        hub_run crashed(path);
        crashed.publish("1");
    }
    hub_run second(path);
    second.subscribe();
    CHECK(second.received(1) == texts{"1"});
    second.publish("2");
    CHECK(second.received(2) == texts{"1", "2"});
}

TEST_CASE("each subscription of an endpoint has a place of its own", "[sqlite]") {
    const temporary_folder folder;
    const auto path = folder.file("hub.db");
    {
        hub_run first(path);
        first.subscribe("a");
        first.hooks.push_back(first.hub->subscribe("b", *first.endpoint));
        first.await_mark("a");
        first.await_mark("b");
        first.publish("1", "a");
        CHECK(first.received(1) == texts{"1"});
    }
    {
        hub_run other(path);
        other.subscribe("a");
        other.publish("2", "b");
        other.publish("3", "a");
        CHECK(other.received(1) == texts{"3"});
    }
    hub_run second(path);
    second.subscribe("a");
    second.hooks.push_back(second.hub->subscribe("b", *second.endpoint));
    CHECK(second.received(1) == texts{"2"});
    second.publish("4", "a");
    CHECK(second.received(2) == texts{"2", "4"});
}

TEST_CASE("what the history has no more is announced, and what it has is delivered", "[sqlite]") {
    const temporary_folder folder;
    const auto path = folder.file("hub.db");
    {
        hub_run first(path, 2);
        first.subscribe();
        first.publish("1");
        CHECK(first.received(1) == texts{"1"});
    }
    {
        hub_run crashed(path, 2);
        for (const auto* text : {"2", "3", "4", "5"}) crashed.publish(text);
    }
    {
        hub_run second(path, 2);
        second.subscribe();
        CHECK(second.received(2) == texts{"4", "5"});
        CHECK(second.endpoint->counters().gaps == 1);
        CHECK(second.logged.find("has missed events") != std::string::npos);
    }
    hub_run third(path, 2);
    third.subscribe();
    third.publish("6");
    CHECK(third.received(1) == texts{"6"});
    CHECK(third.endpoint->counters().gaps == 0);
}

TEST_CASE("a subscription that ended and begins again in one process begins in the present",
          "[sqlite]") {
    const temporary_folder folder;
    hub_run run(folder.file("hub.db"));
    run.subscribe();
    run.publish("1");
    run.hooks.clear();
    run.publish("2");
    const auto before = run.mark();
    run.hooks.push_back(run.hub->subscribe(">", *run.endpoint));
    REQUIRE(run_io_until(run.io, [&] { return run.mark() != before; }));
    run.publish("3");
    CHECK(run.received(2) == texts{"1", "3"});
}

TEST_CASE("of an endpoint that was closed nothing is read on", "[sqlite]") {
    const temporary_folder folder;
    const auto path = folder.file("hub.db");
    {
        hub_run first(path);
        first.subscribe();
        first.publish("1");
        // What it still owed would be delivered by the next endpoint of this id.
        CHECK(first.received(1) == texts{"1"});
        first.endpoint->close();
        first.hooks.clear();
        CHECK(run_io_until(first.io, [&] { return first.mark().empty(); }));
    }
    {
        hub_run crashed(path);
        crashed.publish("2");
    }
    hub_run second(path);
    second.subscribe();
    second.publish("3");
    CHECK(second.received(1) == texts{"3"});
}

TEST_CASE("a subscription waits for an outbox that cannot say where it goes on", "[sqlite]") {
    const temporary_folder folder;
    const auto path = folder.file("hub.db");
    {
        hub_run first(path);
        first.subscribe();
        first.publish("1");
        CHECK(first.received(1) == texts{"1"});
    }
    {
        hub_run crashed(path);
        crashed.publish("2");
    }
    hub_run second(path);
    const auto* failing = GENERATE("position", "append");
    second.outbox->plan().fail({.operation = failing, .nth = 1, .times = 2});
    // A new one needs its place written down, an old one needs it read.
    second.subscribe(">", std::string(failing) == "append" ? "new" : "e");
    second.publish("3");
    const auto all = std::string(failing) == "append" ? texts{"3"} : texts{"2", "3"};
    CHECK(second.received(all.size()) == all);
    CHECK(second.outbox->plan().failures() == 2);
}

namespace {

/// A manager of REST hooks in a run of a hub, whose table is in memory.
struct hook_run {
    explicit hook_run(hub_run& in, std::shared_ptr<store::table> table = nullptr) : run(in) {
        server.mount("/hooks",
                     rest_hook::manager{*run.hub, *run.sender, {.table = std::move(table)}});
        server.start();
    }
    void ask(std::string method, std::string path, std::string body) {
        const auto port = std::to_string(server.local_endpoint().port);
        answer.reset();
        client.async_request("http://127.0.0.1:" + port + "/hooks" + path,
                             {.method = std::move(method),
                              .fields = {{"Content-Type", "application/json"}},
                              .body = std::move(body)},
                             [this](error_code ec, http::response r) {
                                 CHECK_FALSE(ec);
                                 answer = std::move(r);
                             });
    }
    /// Runs until the outbox was asked to write down so many places, each answer of it held.
    void await_places(std::size_t count) {
        auto& plan = run.outbox->plan();
        REQUIRE(run_io_until(run.io, [&] {
            if (plan.operations("append") < count) plan.release_one();
            return plan.operations("append") >= count;
        }));
        run.io.poll();
    }
    void await_answer() {
        REQUIRE(run_io_until(run.io, [&] { return answer.has_value(); }));
    }

    hub_run& run;
    http::server server{run.io, {}};
    http::client client{run.io};
    std::optional<http::response> answer;
};

std::string hook_on(const std::string& topics, const std::string& url) {
    return R"({"topics":)" + topics + R"(,"target_url":")" + url + "\"}";
}

}  // namespace

TEST_CASE("a REST hook is made, and changed, once it is stored where it begins", "[sqlite]") {
    const temporary_folder folder;
    hub_run run(folder.file("hub.db"));
    hook_run hooks(run);
    run.outbox->plan().hold();
    hooks.ask("POST", "", hook_on(R"(["a"])", run.target.url()));
    hooks.await_places(1);
    CHECK_FALSE(hooks.answer.has_value());
    run.outbox->plan().release();
    hooks.await_answer();
    REQUIRE(hooks.answer->status == 201);
    const auto at = std::string(hooks.answer->fields.get("location"));
    const auto id = at.substr(at.rfind('/') + 1);
    CHECK_FALSE(run.mark("a", id).empty());
    run.outbox->plan().hold();
    hooks.ask("PATCH", "/" + id, R"({"topics":["a","b"]})");
    hooks.await_places(2);
    CHECK_FALSE(hooks.answer.has_value());
    run.outbox->plan().release();
    hooks.await_answer();
    REQUIRE(hooks.answer->status == 200);
    CHECK_FALSE(run.mark("b", id).empty());
}

TEST_CASE("a REST hook whose beginning cannot be stored is refused, and gone", "[sqlite]") {
    const temporary_folder folder;
    hub_run run(folder.file("hub.db"));
    hook_run hooks(run);
    run.outbox->plan().hold();
    hooks.ask("POST", "", hook_on(R"(["a"])", run.target.url()));
    hooks.await_places(1);
    run.sender.reset();
    hooks.await_answer();
    CHECK(hooks.answer->status == 503);
    run.outbox->plan().release();
    hooks.ask("GET", "", "");
    hooks.await_answer();
    CHECK(hooks.answer->body.find("target_url") == std::string::npos);
}

TEST_CASE("what a REST hook reads on from the history after a restart is filtered", "[sqlite]") {
    const temporary_folder folder;
    const auto path = folder.file("hub.db");
    const auto table = store::make_memory_table();
    std::string id, url;
    {
        hub_run first(path);
        hook_run hooks(first, table);
        first.io.poll();
        url = first.target.url();
        hooks.ask("POST", "",
                  R"({"topics":["a","b"],"filters":[{"not":{"exact":{"id":"2"}}}],"target_url":")" +
                      url + "\"}");
        hooks.await_answer();
        REQUIRE(hooks.answer->status == 201);
        const auto at = std::string(hooks.answer->fields.get("location"));
        id = at.substr(at.rfind('/') + 1);
        first.publish("1");
        CHECK(first.received(1) == texts{"1"});
    }
    {
        hub_run crashed(path);
        for (const auto* text : {"2", "3"}) crashed.publish(text);
        crashed.publish("4", "b");
    }
    hub_run second(path);
    std::optional<error_code> moved;  // to where the target is now
    table->start_get(id, {second.io.get_executor(), [&](error_code, store::row r) {
                              r.value.replace(r.value.find(url), url.size(), second.target.url());
                              table->start_put(id, r.value, r.revision,
                                               {second.io.get_executor(),
                                                [&](error_code ec, std::uint64_t) { moved = ec; }});
                          }});
    REQUIRE(run_io_until(second.io, [&] { return moved.has_value(); }));
    hook_run hooks(second, table);
    auto got = second.received(2);
    second.publish("5");
    got = second.received(3);
    std::sort(got.begin(), got.end());
    CHECK(got == texts{"3", "4", "5"});
}

TEST_CASE("a subscription of a sender that ended waits for nothing", "[sqlite]") {
    const temporary_folder folder;
    hub_run run(folder.file("hub.db"));
    run.outbox->plan().hold();
    run.subscribe();
    run.io.poll();
    run.sender.reset();
    std::optional<error_code> answer;
    run.hub->async_publish(
        "a", event("test", "/test", "1"),
        net::bind_executor(run.io, [&](error_code ec, const receipt&) { answer = ec; }));
    REQUIRE(run_io_until(run.io, [&] { return answer.has_value(); }));
    run.outbox->plan().release();
    CHECK_FALSE(run.hooks[0].active());
}

}  // namespace tidings::test
