// SPDX-License-Identifier: BSL-1.0
// What one owner may have, and how two requests at once share it.
#include "support/websub_bed.hpp"

#include <tidings/test/faulty_table.hpp>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using nlohmann::json;

authenticator by_name() {
    return [](const credentials& c, error_code&) {
        return principal{.name = std::string(c.authorization), .anonymous = false};
    };
}

/// A bed whose requests have a caller, and may be answered later.
struct quota_bed : hook_bed {
    explicit quota_bed(world& in, rest_hook::manager_options o = {})
        : hook_bed(in, with_names(std::move(o))) {
        w.run_ready();
    }
    static rest_hook::manager_options with_names(rest_hook::manager_options o) {
        o.authenticator = by_name();
        o.authorizer = allow_all();
        return o;
    }
    http::fields of(std::string_view who) const {
        return {{"Content-Type", "application/json"}, {"Authorization", who}};
    }
    http::response ask(std::string method, std::string_view path, const json& body,
                       std::string_view who = "ann") {
        auto r = w.request(std::move(method), url(path), body.dump(), of(who));
        w.run_ready();
        return r;
    }
    http::response make(std::string_view event, std::string_view who = "ann",
                        const json& further = json::object()) {
        json body{{"event", event}, {"target_url", target.url()}};
        body.update(further);
        return ask("POST", "", body, who);
    }
    std::string path_of(const http::response& r) {
        REQUIRE(r.status == 201);
        return '/' + json::parse(r.body).at("id").get<std::string>();
    }
};

/// A table that writes when the test says so, as one does that others are busy with.
class slow_table final : public store::table {
 public:
    bool waits = false;
    void write() {
        waits = false;
        for (auto& put : std::exchange(puts_, {})) put();
    }
    void start_get(std::string key, get_handler h) override {
        inner_->start_get(std::move(key), std::move(h));
    }
    void start_put(std::string key, std::string value, std::uint64_t expected,
                   put_handler h) override {
        auto put = [this, k = std::move(key), v = std::move(value), expected,
                    h = std::move(h)]() mutable {
            inner_->start_put(std::move(k), std::move(v), expected, std::move(h));
        };
        if (!waits) return put();
        puts_.emplace_back(std::move(put));
    }
    void start_erase(std::string key, std::uint64_t expected, erase_handler h) override {
        inner_->start_erase(std::move(key), expected, std::move(h));
    }
    void start_scan(std::string after, std::size_t max, scan_handler h) override {
        inner_->start_scan(std::move(after), max, std::move(h));
    }
    store::watch_handle watch(std::function<void(const store::row_change&)> f) override {
        return inner_->watch(std::move(f));
    }

 private:
    const std::shared_ptr<store::table> inner_ = store::make_memory_table();
    std::vector<unique_function<void()>> puts_;
};

bool says(const http::response& r, std::string_view what) {
    return r.body.find(what) != r.body.npos;
}

json note(std::size_t bytes) {
    return {{"metadata", {{"a", std::string(bytes, 'x')}}}};
}

}  // namespace

TEST_CASE("the rows of one owner hold no more bytes than they may", "[rest_hook]") {
    world w;
    quota_bed bed(w, {.max_bytes_per_principal = 2400});
    const auto first = bed.path_of(bed.make("a", "ann", note(400)));
    const auto second = bed.path_of(bed.make("b", "ann", note(400)));
    const auto no = bed.make("c", "ann", note(400));
    CHECK(no.status == 429);
    CHECK(says(no, "2400 bytes"));
    CHECK(bed.make("c", "bob", note(400)).status == 201);
    // What grows is bounded as well, and what shrinks or stays is taken.
    CHECK(bed.ask("PATCH", first, {{"metadata", {{"b", std::string(500, 'x')}}}}).status == 429);
    CHECK(bed.ask("PATCH", first, {{"state", "paused"}}).status == 200);
    CHECK(bed.ask("PATCH", first, {{"metadata", {{"a", nullptr}}}}).status == 200);
    CHECK(bed.ask("PATCH", second, {{"metadata", {{"b", std::string(300, 'x')}}}}).status == 200);
    CHECK(bed.ask("PATCH", second, {{"metadata", {{"c", std::string(500, 'x')}}}}).status == 429);
    CHECK(bed.ask("DELETE", first, nullptr).status == 204);
    CHECK(bed.ask("PATCH", second, {{"metadata", {{"c", std::string(500, 'x')}}}}).status == 200);
}

TEST_CASE("an owner makes no more subscriptions in a minute than it may", "[rest_hook]") {
    world w;
    quota_bed bed(w, {.max_creates_per_minute = 3});
    for (const auto* const event : {"a", "b", "c"}) CHECK(bed.make(event).status == 201);
    const auto no = bed.make("d");
    CHECK(no.status == 429);
    CHECK(no.fields.get("retry-after") == "20");
    CHECK(bed.make("d", "bob").status == 201);
    // What is refused before takes nothing.
    w.advance(19s);
    CHECK(bed.ask("POST", "", {{"event", "d"}}).status == 400);
    CHECK(bed.make("d").fields.get("retry-after") == "1");
    w.advance(1s);
    CHECK(bed.make("d").status == 201);
    CHECK(bed.make("e").status == 429);
    w.advance(5min);
    for (const auto* const event : {"e", "f", "g"}) CHECK(bed.make(event).status == 201);
    CHECK(bed.make("h").status == 429);
}

TEST_CASE("a subscription that is not made for another reason is none of those in a minute",
          "[rest_hook]") {
    world w;
    quota_bed bed(w, {.max_hooks_per_principal = 2, .max_creates_per_minute = 3});
    const auto first = bed.path_of(bed.make("a"));
    CHECK(bed.make("a").status == 409);
    CHECK(bed.make("b").status == 201);
    CHECK_FALSE(bed.make("c").fields.find("retry-after"));
    CHECK(bed.ask("DELETE", first, nullptr).status == 204);
    CHECK(bed.make("c").status == 201);
    CHECK(bed.ask("DELETE", first, nullptr).status == 404);
    // What has no token keeps no place.
    const auto second = bed.ask("GET", "", nullptr);
    for (const auto& hook : json::parse(second.body))
        CHECK(bed.ask("DELETE", '/' + hook.at("id").get<std::string>(), nullptr).status == 204);
    for (int i = 0; i < 3; ++i) CHECK(bed.make("d").fields.find("retry-after"));
    w.advance(20s);
    CHECK(bed.make("d").status == 201);
}

TEST_CASE("two changes at once do not make two subscriptions the same", "[rest_hook][faulty]") {
    world w;
    const auto slow = std::make_shared<slow_table>();
    const auto table = std::make_shared<faulty_table>(slow);
    quota_bed bed(w, {.table = table});
    const auto first = bed.path_of(bed.make("a"));
    const auto second = bed.path_of(bed.make("b"));
    std::vector<unsigned> answers;
    http::client client(w.io(), {.environment = w.environment()});
    const auto send = [&](std::string method, const std::string& path, const json& body) {
        client.async_request(
            bed.url(path),
            {.method = std::move(method), .fields = bed.of("ann"), .body = body.dump()},
            [&](error_code, http::response r) { answers.push_back(r.status); });
        w.run_ready();
    };
    slow->waits = true;
    send("PATCH", first, {{"event", "c"}});
    send("PATCH", second, {{"event", "c"}});
    send("POST", "", {{"event", "c"}, {"target_url", bed.target.url()}});
    CHECK(answers == std::vector<unsigned>{409, 409});
    slow->write();
    w.run_ready();
    CHECK(answers == std::vector<unsigned>{409, 409, 200});
    // Once it is written, or was not, others may have what it has left.
    CHECK(bed.ask("PATCH", second, {{"event", "a"}}).status == 200);
    table->plan().fail({.operation = "put", .error = errc::store_failed});
    CHECK(bed.ask("PATCH", second, {{"event", "d"}}).status == 503);
    CHECK(bed.ask("PATCH", first, {{"event", "d"}}).status == 200);
}

TEST_CASE("two changes at once take no more than their owner may have", "[rest_hook]") {
    world w;
    const auto table = std::make_shared<slow_table>();
    quota_bed bed(w, {.table = table, .max_bytes_per_principal = 2000});
    const auto first = bed.path_of(bed.make("a"));
    const auto second = bed.path_of(bed.make("b"));
    std::vector<unsigned> answers;
    http::client client(w.io(), {.environment = w.environment()});
    table->waits = true;
    for (const auto& path : {first, second}) {
        client.async_request(bed.url(path),
                             {.method = "PATCH", .fields = bed.of("ann"), .body = note(450).dump()},
                             [&](error_code, http::response r) { answers.push_back(r.status); });
        w.run_ready();
    }
    table->write();
    w.run_ready();
    CHECK(answers == std::vector<unsigned>{429, 200});
}

TEST_CASE("what waits at a hub is taken over within the quota of its new owner",
          "[rest_hook][websub]") {
    world w;
    callbacks target(w);
    auto o = hub_options();
    o.authenticator = by_name();
    o.authorizer = allow_all();
    websub_bed bed(w, target, std::move(o), {.max_hooks_per_principal = 1});
    const auto by = [&](std::string_view who, std::string_view topic) {
        const auto r = bed.post(
            websub_bed::form(bed.wanted("subscribe", topic)),
            {{"Content-Type", "application/x-www-form-urlencoded"}, {"Authorization", who}});
        w.advance(websub_bed::tick);
        return r.status;
    };
    CHECK(by("bob", "first") == 202);
    target.answer = [](http::exchange& x) { x.respond({.status = 503}); };
    CHECK(by("ann", "orders") == 202);
    CHECK(by("bob", "orders") == 429);
    CHECK(by("cid", "orders") == 202);
    CHECK(by("cid", "orders") == 202);
    CHECK(by("cid", "other") == 429);
    CHECK(by("ann", "other") == 202);
}

TEST_CASE("an end that others come before again and again is a conflict, and not a bad tag",
          "[rest_hook][websub][faulty]") {
    world w;
    callbacks target(w);
    const auto table = std::make_shared<faulty_table>();
    websub_bed bed(w, target, hub_options(), {.table = table});
    w.run_ready();
    REQUIRE(bed.subscribe() == 202);
    const auto path = "/hooks/" + bed.shown()[0].at("id").get<std::string>();
    const auto erase = [&](http::fields fields = {}) {
        return w.request("DELETE", url_of(*bed.server, path), "", std::move(fields)).status;
    };
    table->plan().fail({.operation = "put", .times = 5, .error = errc::store_conflict});
    CHECK(erase() == 409);
    CHECK(erase({{"If-Match", "\"1000\""}}) == 412);
    CHECK(erase() == 204);
}

}  // namespace tidings::test
