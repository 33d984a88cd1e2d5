// SPDX-License-Identifier: BSL-1.0
// What is left in the outbox of subscriptions that have ended, and what is said of their end.
#include "support/rest_hook_bed.hpp"
#include "support/websub_bed.hpp"

#include <tidings/store/memory_outbox.hpp>
#include <tidings/store/memory_table.hpp>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using nlohmann::json;

/// An outbox whose rows of endpoints are counted.
struct counted_outbox {
    explicit counted_outbox(world& in, store::outbox_options o = {})
        : w(in),
          outbox(store::make_memory_outbox(o)) {}

    webhook::sender_options options() {
        auto o = hook_sender_options(w);
        o.outbox = outbox;
        return o;
    }
    std::size_t rows() {
        std::size_t n = 0;
        outbox->start_list_endpoints(
            {}, 100'000, {w.io().get_executor(), [&](error_code, auto page) { n = page.size(); }});
        w.run_ready();
        return n;
    }

    world& w;
    std::shared_ptr<store::outbox> outbox;
};

}  // namespace

TEST_CASE("subscriptions that come and go leave no row in the outbox", "[rest_hook]") {
    world w;
    counted_outbox kept(w);
    hook_bed bed(w, {}, kept.options());
    w.run_ready();
    const std::string stays = bed.create("stays").at("id");
    for (int i = 0; i < 10'000; ++i) {
        const std::string id = bed.create("a").at("id");
        REQUIRE(bed.del(id).status == 204);
    }
    w.run_ready();
    CHECK(kept.rows() == 1);
    bed.publish("stays");
    CHECK(bed.target.requests.size() == 1);
}

TEST_CASE("a subscription whose lease ends leaves no row in the outbox", "[rest_hook]") {
    world w;
    counted_outbox kept(w);
    hook_bed bed(w, {.default_lease = 60s}, kept.options());
    w.run_ready();
    bed.create("a");
    bed.publish("a");
    CHECK(kept.rows() == 1);
    w.advance(61s);
    CHECK(kept.rows() == 0);
}

TEST_CASE("a target that answers 410 ends its subscription with its row, and that is logged",
          "[rest_hook]") {
    world w;
    counted_outbox kept(w, {.dead = {.max_bytes = 0}});
    std::vector<std::string> lines;
    auto o = kept.options();
    o.log = [&](const log_record& r) { lines.emplace_back(r.message); };
    std::vector<std::string> changes;
    o.on_endpoint = [&](const webhook::endpoint_change& c) {
        if (c.what == webhook::endpoint_change::kind::gone) changes.push_back(c.endpoint);
    };
    hook_bed bed(w, {}, std::move(o));
    w.run_ready();
    const std::string id = bed.create("a").at("id");
    bed.target.answer = [](http::exchange& x) { x.respond({.status = 410}); };
    bed.publish("a");
    w.run_ready();
    CHECK(bed.get('/' + id).status == 404);
    CHECK(kept.rows() == 0);
    CHECK(bed.logged->find(id + " has ended: its target wants nothing more") != std::string::npos);
    CHECK(changes == std::vector<std::string>{id});
    CHECK(std::any_of(lines.begin(), lines.end(), [](const auto& l) {
        return l.find("has ended: it answered 410") != std::string::npos;
    }));
}

TEST_CASE("a subscription that its target has not confirmed leaves no row", "[rest_hook]") {
    world w;
    counted_outbox kept(w);
    hook_bed bed(w, {}, kept.options());
    w.run_ready();
    const std::string id = bed.create("a").at("id");
    CHECK(kept.rows() == 1);
    const auto answer = w.request("PATCH", bed.url('/' + id), R"({"proof":"echo"})",
                                  {{"Content-Type", "application/json"}});
    INFO(answer.body);
    REQUIRE(answer.status == 200);
    REQUIRE(json::parse(answer.body).at("state") == "pending");
    REQUIRE(bed.del(id).status == 204);
    CHECK(kept.rows() == 0);
}

TEST_CASE("what a subscription was owed keeps its row as long as a dead letter lasts",
          "[rest_hook]") {
    world w;
    counted_outbox kept(w, {.dead = {.max_age = 2h}});
    hook_bed bed(w, {}, kept.options());
    w.run_ready();
    const std::string id = bed.create("a").at("id");
    bed.target.answer = [](http::exchange& x) { x.respond({.status = 500}); };
    bed.publish("a");
    REQUIRE(bed.del(id).status == 204);
    w.run_ready();
    CHECK(kept.outbox->stats().owed == 0);
    CHECK(kept.outbox->stats().dead == 1);
    CHECK(kept.rows() == 1);
    // Bounds of time are applied as something is claimed.
    bed.target.answer = {};
    bed.create("other", "/other");
    w.advance(3h);
    bed.publish("other");
    w.advance(2h);
    bed.publish("other");
    w.run_ready();
    CHECK(kept.outbox->stats().dead == 0);
    CHECK(kept.rows() == 1);
}

TEST_CASE("a subscription by a hub that is unsubscribed leaves no row", "[rest_hook][websub]") {
    world w;
    callbacks target(w);
    counted_outbox kept(w);
    websub_bed bed(w, target, hub_options(), {}, {.outbox = kept.outbox});
    REQUIRE(bed.subscribe() == 202);
    bed.publish("orders");
    CHECK(kept.rows() == 1);
    REQUIRE(bed.ask("unsubscribe") == 202);
    w.advance(1s);
    CHECK(bed.shown().empty());
    CHECK(kept.rows() == 0);
}

TEST_CASE("a lease that ended while the manager was away is logged with what ended",
          "[rest_hook]") {
    world w;
    counted_outbox kept(w);
    const auto table = store::make_memory_table();
    std::string id;
    {
        hook_bed bed(w, {.table = table, .default_lease = 60s}, kept.options());
        w.run_ready();
        id = bed.create("a").at("id");
    }
    w.run_ready();
    w.advance(2min);
    hook_bed bed(w, {.table = table}, kept.options());
    w.run_ready();
    if (const auto shown = bed.get('/' + id); shown.status == 200)  // not yet erased
        CHECK(json::parse(shown.body).at("reason") == "its lease, or its permission, has ended");
    w.advance(1s);
    CHECK(bed.get('/' + id).status == 404);
    INFO(*bed.logged);
    CHECK(bed.logged->find("the lease of subscription " + id + " has ended") != std::string::npos);
    CHECK(bed.logged->find("cannot be served") == std::string::npos);
    CHECK(kept.rows() == 0);
}

}  // namespace tidings::test
