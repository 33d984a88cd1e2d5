// SPDX-License-Identifier: BSL-1.0
// The API and its client when the other side, or the table, does not do its part.
#include "support/careless_store.hpp"
#include "support/outbox_message.hpp"
#include "support/proof_bed.hpp"
#include "support/raw_target.hpp"

#include <tidings/rest_hook/client.hpp>
#include <tidings/store/memory_outbox.hpp>
#include <tidings/store/memory_table.hpp>
#include <tidings/test/faulty_table.hpp>

#include <algorithm>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using nlohmann::json;

/// A request whose answer is waited for elsewhere.
struct asking {
    asking(world& w, std::string method, std::string url, std::string body = {})
        : client(w.io(), {.environment = w.environment()}) {
        client.async_request(
            std::move(url),
            {.method = std::move(method),
             .fields = {{"Content-Type", "application/json"}},
             .body = std::move(body)},
            [into = held_](error_code, http::response r) { *into = std::move(r); });
        w.run_ready();
    }

 private:
    // The client's end is an answer, too, and comes when all of this is gone.
    const std::shared_ptr<std::optional<http::response>> held_ =
        std::make_shared<std::optional<http::response>>();

 public:
    http::client client;
    const std::optional<http::response>& answer = *held_;
};

std::size_t rows_of(world& w, store::table& t) {
    std::size_t rows = 0;
    t.start_scan({}, 1000, {w.io().get_executor(), [&](error_code, std::vector<store::row> r) {
                                rows = r.size();
                            }});
    w.run_ready();
    return rows;
}

rest_hook::client_options client_to(world& w, std::string url) {
    return {.api_url = std::move(url),
            .event = "orders.>",
            .target_url = "http://127.0.0.1:9/hook",
            .request_timeout = 7s,
            .environment = w.environment()};
}

}  // namespace

TEST_CASE("a table that does not answer a new subscription is waited for no longer than asked",
          "[rest_hook][faulty]") {
    world w;
    const auto sound = store::make_memory_table();
    const auto table = std::make_shared<faulty_table>(sound);
    hook_bed bed(w, {.table = table, .max_hooks = 1, .table_timeout = 3s});
    w.run_ready();
    table->plan().hold();
    if (GENERATE(false, true)) table->plan().fail({.operation = "put"});
    asking first(w, "POST", bed.url(), bed.body("a"));
    w.advance(2900ms);
    CHECK_FALSE(first.answer);
    w.advance(200ms);
    REQUIRE(first.answer);
    CHECK(first.answer->status == 503);
    CHECK(first.answer->fields.get("retry-after") == "1");
    CHECK_FALSE(json::parse(first.answer->body).at("detail").get<std::string>().empty());

    // A repetition takes the place; what was written late has no owner.
    table->plan().release();
    w.run_ready();
    const auto again = bed.post(bed.body("a"));
    CHECK(again.status == 201);
    w.run_ready();
    CHECK(json::parse(bed.get().body).size() == 1);
    CHECK(rows_of(w, *sound) == 1);
    CHECK(bed.hub->subscriptions() == 1);
    bed.publish("a");
    REQUIRE(bed.target.requests.size() == 1);
    CHECK(bed.target.requests[0].fields.get("x-hook-subscription") ==
          json::parse(again.body).at("id").get<std::string>());
}

TEST_CASE("a table that never answers keeps no request waiting", "[rest_hook][faulty]") {
    world w;
    const auto table = std::make_shared<faulty_table>();
    hook_bed bed(w, {.table = table, .table_timeout = 3s});
    w.run_ready();
    const std::string id = bed.create("a").at("id");
    table->plan().hold();
    asking created(w, "POST", bed.url(), bed.body("b"));
    asking deleted(w, "DELETE", bed.url('/' + id));
    w.advance(3100ms);
    for (const auto* a : {&created, &deleted}) {
        REQUIRE(a->answer);
        CHECK(a->answer->status == 503);
    }
    CHECK(bed.get().status == 200);
    bed.server.reset();
    w.run_ready();
    table->plan().discard();
}

TEST_CASE("a subscription that is erased late is gone then", "[rest_hook][faulty]") {
    world w;
    const auto table = std::make_shared<faulty_table>();
    hook_bed bed(w, {.table = table, .table_timeout = 3s});
    w.run_ready();
    const std::string id = bed.create("a").at("id");
    table->plan().hold();
    asking deleted(w, "DELETE", bed.url('/' + id));
    w.advance(3100ms);
    REQUIRE(deleted.answer);
    table->plan().release();
    w.run_ready();
    CHECK(bed.del(id).status == 404);
    CHECK(bed.hub->subscriptions() == 0);
}

TEST_CASE("what a subscription of a later page is owed waits until that is loaded",
          "[rest_hook][faulty]") {
    world w;
    const auto table = std::make_shared<faulty_table>();
    auto options = hook_sender_options(w);
    options.outbox = store::make_memory_outbox();
    const auto outbox = options.outbox;
    world_sink target(w);
    std::vector<store::outbox_entry> owed;
    for (int i = 1000; i < 1300; ++i) {  // more than a page
        const auto id = "hook_" + std::to_string(i);
        const json row{{"event", "a"},
                       {"target_url", target.url("/hook?" + id)},
                       {"secret", "whsec_" + std::string(32, 'S')}};
        table->start_put(id, row.dump(), 0,
                         {w.io().get_executor(), [](error_code, std::uint64_t) {}});
        if (i != 1000 && i != 1299) continue;
        store::outbox_entry e;
        e.endpoint = id;
        e.message_id = id;
        e.message = message_of("owed");
        e.due = w.clock().wall_now();
        owed.push_back(std::move(e));
    }
    outbox->start_append({.entries = std::move(owed)},
                         {w.io().get_executor(), [](error_code, const auto&) {}});
    w.run_ready();
    table->plan().hold();
    hook_bed bed(w, {.table = table}, std::move(options));
    w.run_ready();
    CHECK(table->plan().release_one());  // the first page
    w.run_ready();
    REQUIRE(target.requests.size() == 1);
    CHECK(target.requests[0].query() == "hook_1000");
    table->plan().release();
    w.run_ready();
    REQUIRE(target.requests.size() == 2);
    CHECK(target.requests[1].query() == "hook_1299");
}

TEST_CASE("a peer that closes in the midst of its request subscribes nothing", "[rest_hook]") {
    world w(GENERATE(transport::sim, transport::tcp));
    hook_bed bed(w);
    const auto body = bed.body("a");
    const std::string request =
        "POST /hooks HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) +
        "\r\nContent-Type: application/json\r\n\r\n" + body;
    const auto sent =
        GENERATE_COPY(std::size_t(10), request.size() - body.size(), request.size() - 1);
    CAPTURE(sent);
    io::stream_ptr peer;
    const auto cancel = w.environment().network->start_connect(
        w.io().get_executor(), {.host = "127.0.0.1", .port = bed.server->local_endpoint().port},
        [&](error_code ec, io::stream_ptr s) {
            CHECK_FALSE(ec);
            peer = std::move(s);
        });
    w.run_until([&] { return peer != nullptr; });
    bool written = false;
    peer->start_write(bytes_of(std::string_view(request).substr(0, sent)),
                      [&](error_code ec, std::size_t n) {
                          CHECK_FALSE(ec);
                          CHECK(n == sent);
                          written = true;
                      });
    w.run_until([&] { return written; });
    peer.reset();
    CHECK(bed.get().body == "[]");
    CHECK(bed.hub->subscriptions() == 0);
}

TEST_CASE("a peer that leaves before its answer has subscribed all the same", "[rest_hook]") {
    world w;
    const auto table = std::make_shared<faulty_table>();
    hook_bed bed(w, {.table = table});
    w.run_ready();
    table->plan().hold();
    {
        const asking left(w, "POST", bed.url(), bed.body("a"));
        CHECK(table->plan().held() == 1);
    }
    w.run_ready();
    table->plan().release();
    w.run_ready();
    const auto hooks = json::parse(bed.get().body);
    REQUIRE(hooks.size() == 1);
    CHECK(bed.post(bed.body("a")).status == 409);
    CHECK(bed.del(hooks[0].at("id").get<std::string>()).status == 204);
}

TEST_CASE("a malformed pattern is refused with the reason", "[rest_hook]") {
    world w;
    hook_bed bed(w);
    const auto pattern =
        GENERATE(as<std::string>(), "a..b", ".a", "a.", "a.>.b", ">a", "a b", "a\nb",
                 std::string(257, 'x'), "1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16.17");
    CAPTURE(pattern);
    const auto refused = bed.post(bed.body(pattern));
    CHECK(refused.status == 422);
    const auto problem = json::parse(refused.body);
    CHECK(problem.at("title") == "Bad event");
    CHECK_FALSE(problem.at("detail").get<std::string>().empty());
    CHECK(bed.get().body == "[]");
}

TEST_CASE("two clients subscribe, and end their own", "[rest_hook]") {
    world w;
    hook_bed bed(w);
    auto options = client_to(w, bed.url());
    rest_hook::client one(w.io(), options);
    options.target_url = "http://127.0.0.1:9/other";
    rest_hook::client other(w.io(), options);
    int made = 0;
    for (auto* c : {&one, &other})
        c->async_subscribe([&](error_code ec, const rest_hook::registration& r) {
            CHECK_FALSE(ec);
            CHECK_FALSE(r.id.empty());
            ++made;
        });
    w.run_until([&] { return made == 2; });
    CHECK(one.id() != other.id());
    CHECK(json::parse(bed.get().body).size() == 2);
    std::optional<error_code> ended;
    one.async_unsubscribe([&](error_code ec) { ended = ec; });
    w.run_until([&] { return ended.has_value(); });
    CHECK_FALSE(*ended);
    const auto left = json::parse(bed.get().body);
    REQUIRE(left.size() == 1);
    CHECK(left[0].at("id") == other.id());
}

TEST_CASE("a client says that there is no manager, or none that answers", "[rest_hook]") {
    world w(GENERATE(transport::sim, transport::tcp));
    raw_target silent(w);
    raw_target broken(w, "HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\n{\"id\":\"x\"");
    const auto [url, expected] = std::vector<std::pair<std::string, error_code>>{
        {"http://127.0.0.1:9/hooks", net::error::connection_refused},
        {silent.url("/hooks"), errc::connection_failed},
        {broken.url("/hooks"), errc::connection_failed}}[GENERATE(0U, 1U, 2U)];
    CAPTURE(url);
    rest_hook::client client(w.io(), client_to(w, url));
    std::optional<error_code> ended;
    client.async_subscribe([&](error_code ec, const rest_hook::registration& r) {
        CHECK(r.id.empty());
        ended = ec;
    });
    w.run_until([&] { return ended.has_value(); });
    CHECK(*ended == expected);
    CHECK(client.id().empty());
}

TEST_CASE("a client waits for an answer no longer than its request_timeout", "[rest_hook]") {
    world w;
    world_sink server(w);
    std::vector<http::exchange> held;
    server.answer = [&](http::exchange& x) { held.push_back(std::move(x)); };
    rest_hook::client client(w.io(), client_to(w, server.url()));
    std::optional<error_code> ended;
    client.async_subscribe([&](error_code ec, const rest_hook::registration&) { ended = ec; });
    w.advance(6900ms);
    CHECK(held.size() == 1);
    CHECK_FALSE(ended);
    w.advance(200ms);
    CHECK(ended == error_code(errc::timed_out));
    CHECK(client.id().empty());
    held.clear();
}

TEST_CASE("a table that drops a handler, or throws, has failed, and no place stays taken",
          "[rest_hook]") {
    const auto how =
        GENERATE(carelessness::drops, carelessness::drops_afterwards, carelessness::throws);
    const auto table = std::make_shared<careless_table>();
    world w;
    table->plan.expect("scan", how);
    hook_bed bed(w, {.table = table, .max_hooks = 1});
    w.run_ready();
    CHECK(bed.get().status == 503);
    w.advance(2s);
    CHECK(bed.get().body == "[]");

    table->plan.expect("put", how);
    table->plan.expect("erase", how);  // of the row that may be there
    const asking refused(w, "POST", bed.url(), bed.body("a"));
    REQUIRE(refused.answer.has_value());
    CHECK(refused.answer->status == 503);
    w.advance(2s);
    CHECK(rows_of(w, *table) == 0);
    const std::string id = bed.create("a").at("id");

    table->plan.expect("erase", how);
    const asking kept(w, "DELETE", bed.url('/' + id));
    REQUIRE(kept.answer.has_value());
    CHECK(kept.answer->status == 503);
    CHECK((bed.del(id).status == 204 || how == carelessness::drops_afterwards));
    CHECK(bed.get().body == "[]");
    CHECK(bed.create("b").contains("id"));
    CHECK(table->plan.done());
}

TEST_CASE("a row that was read before its erasure is not served behind it", "[rest_hook][faulty]") {
    world w;
    const auto sound = store::make_memory_table();
    const auto table = std::make_shared<faulty_table>(sound);
    const bool confirms = GENERATE(false, true);
    proof_bed bed(w, asking_for(confirms ? rest_hook::proof::echo : rest_hook::proof::none, table));
    bed.target.answer = [](http::exchange& x) { x.respond({.status = 200}); };
    w.run_ready();
    const auto id = bed.make("a");
    const auto path = confirms ? "/confirm?token=" + bed.secret_asked() : std::string();
    table->plan().hold();
    table->plan().fail({.operation = "put", .error = errc::store_conflict});
    asking change(w, confirms ? "POST" : "PATCH", bed.url('/' + id + path),
                  R"({"updated_at":"2026-01-01T00:00:00Z"})");
    // The row that is read again is one of which nothing is to be changed.
    store::row row;
    sound->start_get(id, {w.io().get_executor(), [&](error_code, store::row r) { row = r; }});
    w.run_ready();
    auto value = json::parse(row.value);
    value["state"] = "active";
    value["updated_at"] = "2026-01-01T00:00:09Z";
    sound->start_put(
        id, value.dump(), row.revision,
        {w.io().get_executor(), [](error_code ec, std::uint64_t) { CHECK_FALSE(ec); }});
    w.run_ready();
    CHECK(bed.hub->subscriptions() == 1);
    REQUIRE(table->plan().release_one());
    w.run_ready();
    REQUIRE(table->plan().operations("get") == 1);
    sound->start_erase(id, 0, {w.io().get_executor(), [](error_code ec) { CHECK_FALSE(ec); }});
    w.run_ready();
    CHECK(bed.hub->subscriptions() == 0);
    table->plan().release();
    w.run_ready();
    REQUIRE(change.answer);
    CHECK(change.answer->status == 404);
    CHECK(bed.get('/' + id).status == 404);
    CHECK(bed.hub->subscriptions() == 0);
}

}  // namespace tidings::test
