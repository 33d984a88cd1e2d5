// SPDX-License-Identifier: BSL-1.0
// A table that does not answer one operation: the rest of the manager goes on, and what is answered
// late counts.
#include "support/proof_bed.hpp"

#include <tidings/rest_hook/impl/ended_rows.hpp>
#include <tidings/rest_hook/impl/question_calendar.hpp>
#include <tidings/store/memory_table.hpp>
#include <tidings/test/faulty_table.hpp>

#include <deque>
#include <functional>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using nlohmann::json;

/// Keeps operations of one name on one key to itself until they are let go; they are done then.
class hanging_table final : public store::table {
 public:
    void hang(std::string operation, std::string key = {}) {
        operation_ = std::move(operation);
        key_ = std::move(key);
    }
    std::size_t hanging() const { return kept_.size(); }
    void let_go() {
        operation_.clear();
        for (auto& f : std::exchange(kept_, {})) f();
    }

    void start_get(std::string key, get_handler h) override {
        const auto name = key;
        run("get", name, std::move(h), [this, key = std::move(key)](get_handler done) mutable {
            inner_->start_get(std::move(key), std::move(done));
        });
    }
    void start_put(std::string key, std::string value, std::uint64_t expected,
                   put_handler h) override {
        const auto name = key;
        run("put", name, std::move(h),
            [this, key = std::move(key), value = std::move(value), expected](put_handler done) {
                inner_->start_put(key, value, expected, std::move(done));
            });
    }
    void start_erase(std::string key, std::uint64_t expected, erase_handler h) override {
        const auto name = key;
        run("erase", name, std::move(h),
            [this, key = std::move(key), expected](erase_handler done) {
                inner_->start_erase(key, expected, std::move(done));
            });
    }
    void start_scan(std::string after, std::size_t max, scan_handler h) override {
        run("scan", {}, std::move(h), [this, after = std::move(after), max](scan_handler done) {
            inner_->start_scan(after, max, std::move(done));
        });
    }
    store::watch_handle watch(std::function<void(const store::row_change&)> f) override {
        return inner_->watch(std::move(f));
    }

 private:
    template <class Handler, class F>
    void run(std::string_view operation, const std::string& key, Handler h, F f) {
        if (operation != operation_ || (!key_.empty() && key != key_)) return f(std::move(h));
        kept_.emplace_back([h = std::move(h), f = std::move(f)]() mutable { f(std::move(h)); });
    }

    const std::shared_ptr<store::table> inner_ = store::make_memory_table();
    std::string operation_{}, key_{};
    std::deque<unique_function<void()>> kept_{};
};

/// A manager whose table may hang, and the ends that its bus was told of.
struct hanging_bed : proof_bed {
    hanging_bed(world& in, const std::shared_ptr<hanging_table>& t,
                rest_hook::proof asks = rest_hook::proof::none)
        : proof_bed(in, with(t, asks)),
          watch(hub->subscribe("tidings.rest_hook.expiring", [to = told](const event_ptr& e) {
              to->emplace_back(e->subject());
          })) {
        w.run_ready();
    }
    static rest_hook::manager_options with(const std::shared_ptr<hanging_table>& t,
                                           rest_hook::proof asks) {
        auto o = asking_for(asks, t);
        o.table_timeout = 3s;
        o.proof.max_questions = 4;  // one of an owner
        return o;
    }
    std::string make_for(std::string_view event, std::chrono::seconds lease) {
        const json made{
            {"event", event}, {"target_url", target.url()}, {"lease_seconds", lease.count()}};
        const auto r = post(made.dump());
        REQUIRE(r.status == 201);
        return json::parse(r.body).at("id");
    }

    using texts = std::vector<std::string>;
    std::shared_ptr<texts> told = std::make_shared<texts>();
    subscription watch;
};

}  // namespace

TEST_CASE("an end whose mark has no answer holds up no other, and is announced with its answer",
          "[rest_hook][faulty]") {
    world w;
    const auto table = std::make_shared<hanging_table>();
    hanging_bed bed(w, table);
    const auto stuck = bed.make_for("a", 72h);
    const auto other = bed.make_for("b", 73h);
    const auto third = bed.make_for("c", 74h);
    table->hang("put", stuck);
    w.advance(48h);
    w.advance(3s + 20ms);
    w.advance(1h);
    CHECK(*bed.told == hanging_bed::texts{other});
    CHECK(table->hanging() == 1);
    CHECK(bed.logged->find("the table does not answer") != std::string::npos);
    w.advance(1h);
    CHECK(*bed.told == hanging_bed::texts{other, third});
    CHECK(table->hanging() == 1);
    table->let_go();
    w.run_ready();
    w.advance(1h);
    CHECK(*bed.told == hanging_bed::texts{other, third, stuck});
}

TEST_CASE("where a mark hangs and its subscription ends, nothing is announced of it",
          "[rest_hook][faulty]") {
    world w;
    const auto table = std::make_shared<hanging_table>();
    hanging_bed bed(w, table);
    const auto stuck = bed.make_for("a", 72h);
    table->hang("put", stuck);
    w.advance(50h);
    CHECK(table->hanging() == 1);
    SECTION("by a request") {
        CHECK(bed.del(stuck).status == 204);
    }
    SECTION("by its time") {
        w.advance(30h);
    }
    SECTION("with its manager") {
        bed.server.reset();
    }
    w.run_ready();
    table->let_go();
    w.run_ready();
    w.advance(1h);
    // The mark that the table made is not made by another manager: nothing is lost.
    CHECK(bed.told->size() == (bed.server ? 0 : 1));
    CHECK(bed.hub->subscriptions() == 1);
}

TEST_CASE("as many marks without an answer as there may be, and no further one",
          "[rest_hook][faulty]") {
    world w;
    const auto table = std::make_shared<hanging_table>();
    hanging_bed bed(w, table);
    for (int i = 0; i < 80; ++i) bed.make_for("a" + std::to_string(i), 72h);
    table->hang("put");
    w.advance(48h);
    for (int i = 0; i < 80; ++i) w.advance(4s);
    CHECK(table->hanging() == 64);
    table->let_go();
    for (int i = 0; i < 5; ++i) w.advance(1min);
    CHECK(bed.told->size() == 80);
}

TEST_CASE("a list that is not read in time is read again", "[rest_hook][faulty]") {
    world w;
    const auto table = std::make_shared<hanging_table>();
    std::string id;
    {
        hanging_bed bed(w, table);
        id = bed.make("a");
    }
    w.run_ready();
    table->hang("scan");
    hanging_bed bed(w, table);
    CHECK(bed.get().status == 503);
    w.advance(2900ms);
    CHECK(table->hanging() == 1);
    w.advance(200ms);
    w.advance(1100ms);
    CHECK(table->hanging() == 2);
    SECTION("both are answered late") {
        table->let_go();
        w.run_ready();
    }
    SECTION("the table works again, and the first two are never answered") {
        table->hang("");
        for (int i = 0; i < 10; ++i) w.advance(1s);
    }
    CHECK(bed.get('/' + id).status == 200);
    CHECK(bed.hub->subscriptions() == 2);
    // Nothing of it goes on.
    const auto before = table->hanging();
    w.advance(1h);
    CHECK(table->hanging() == before);
    table->let_go();
    w.run_ready();
    CHECK(bed.hub->subscriptions() == 2);
}

TEST_CASE("a table that is slow, and answers, is given longer", "[rest_hook][faulty]") {
    world w;
    const auto table = std::make_shared<hanging_table>();
    table->hang("scan");
    hanging_bed bed(w, table);
    for (int i = 0; i < 60; ++i) w.advance(1min);
    CHECK(table->hanging() >= 8);
    CHECK(table->hanging() <= 16);
    table->let_go();
    w.advance(2min);
    CHECK(bed.get().status == 200);
}

TEST_CASE("a question whose beginning has no answer takes no place, and is asked with its answer",
          "[rest_hook][proof][faulty]") {
    world w;
    const auto table = std::make_shared<hanging_table>();
    hanging_bed bed(w, table, rest_hook::proof::echo);
    bed.target.answer = [](http::exchange& x) { x.respond({.status = 500}); };
    const auto stuck = bed.make("a", "/hook?stuck");
    REQUIRE(bed.questions().size() == 1);
    table->hang("put", stuck);
    bed.target.answer = agree;
    for (int i = 0; i < 30; ++i) w.advance(1min);
    CHECK(table->hanging() == 1);
    CHECK(bed.questions().size() == 1);
    const auto other = bed.make("b", "/hook?other");
    CHECK(bed.state_of(other) == "active");
    CHECK(bed.state_of(stuck) == "pending");
    table->let_go();
    w.run_ready();
    CHECK(bed.questions().size() == 3);
    CHECK(bed.state_of(stuck) == "active");
    w.advance(1h);
    CHECK(bed.questions().size() == 3);
}

TEST_CASE("what ends while a reading hangs is held up to a bound, and then read again",
          "[rest_hook][faulty]") {
    rest_hook::detail::ended_rows ended;
    const auto began = ended.begin_reading();
    for (std::size_t i = 0; i < ended.most; ++i) ended.note(std::to_string(i), 1);
    const store::row other{.key = "other", .revision = 1};
    CHECK_FALSE(ended.is_over(other, began));
    CHECK_THROWS_AS(ended.note("other", 1), std::bad_alloc);
    ended.lose();
    CHECK(ended.is_over(other, began));
    const auto again = ended.begin_reading();
    CHECK_FALSE(ended.is_over(other, again));
    ended.note("other", 1);
    CHECK(ended.is_over(other, again));
}

TEST_CASE("a request whose row hangs is answered 503, others go on, and the answer counts late",
          "[rest_hook][faulty]") {
    world w;
    const auto table = std::make_shared<hanging_table>();
    hanging_bed bed(w, table);
    const auto id = bed.make("a");
    const auto other = bed.make("b", "/hook?other");
    const std::string method = GENERATE("POST", "PATCH", "DELETE");
    CAPTURE(method);
    const bool makes = method == "POST";
    table->hang(method == "DELETE" ? "erase" : "put", makes ? "" : id);
    std::optional<http::response> answer;
    http::client client(w.io(), {.environment = w.environment()});
    client.async_request(makes ? bed.url() : bed.url('/' + id),
                         {.method = method,
                          .fields = {{"Content-Type", "application/json"}},
                          .body = makes ? bed.body("c", "/hook?new") : R"({"description":"new"})"},
                         [&](error_code, http::response r) { answer = std::move(r); });
    w.run_ready();
    CHECK(table->hanging() == 1);
    if (!makes) {
        CHECK(bed.ask("PATCH", '/' + other, R"({"description":"x"})").status == 200);
        CHECK(bed.shown(other).at("description") == "x");
    }
    CHECK_FALSE(answer);
    w.advance(3100ms);
    REQUIRE(answer);
    CHECK(answer->status == 503);
    CHECK(answer->fields.get("retry-after") == "1");
    CHECK(answer->fields.get("content-type") == "application/problem+json");
    table->let_go();
    w.run_ready();
    if (method == "PATCH") CHECK(bed.shown(id).at("description") == "new");
    if (method == "DELETE") CHECK(bed.get('/' + id).status == 404);
    CHECK(json::parse(bed.get().body).size() == (method == "DELETE" ? 1 : 2));
}

TEST_CASE("a question that was begun is sent at its time, whatever is noted behind it",
          "[rest_hook][proof]") {
    using std::chrono::seconds;
    const auto at = [](int s) { return io::system_time(seconds(s)); };
    rest_hook::detail::question_calendar calendar;
    calendar.note("a", at(10), 7);
    calendar.note("a", at(20));
    CHECK_FALSE(calendar.take(at(9)));
    const auto due = calendar.take(at(10));
    REQUIRE(due);
    CHECK(due->begun == 7);
    CHECK_FALSE(calendar.take(at(30)));
    calendar.note("a", at(40));
    calendar.note("a", at(50));
    CHECK_FALSE(calendar.take(at(45)));
    CHECK(calendar.take(at(50))->begun == 0);
}

TEST_CASE("a manager that ends leaves no timer for a table that hangs", "[rest_hook][faulty]") {
    world w;
    const auto table = std::make_shared<hanging_table>();
    const bool asks = GENERATE(true, false);
    hanging_bed bed(w, table, asks ? rest_hook::proof::echo : rest_hook::proof::none);
    bed.target.answer = [](http::exchange& x) { x.respond({.status = 500}); };
    const auto stuck = asks ? bed.make("a") : bed.make_for("a", 72h);
    table->hang("put", stuck);
    for (int i = 0; i < 100 && table->hanging() == 0; ++i) w.advance(asks ? 1s : 1h);
    REQUIRE(table->hanging() == 1);
    const auto until = w.clock().now() + 3s;
    bed.sender.reset();
    bed.server.reset();
    bed.hub.reset();
    w.run_ready();
    const auto next = w.clock().next_deadline();
    CHECK((!next || *next > until));
    table->let_go();
    w.run_ready();
}

}  // namespace tidings::test
