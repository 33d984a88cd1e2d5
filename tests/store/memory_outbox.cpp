// SPDX-License-Identifier: BSL-1.0
#include "support/outbox_conformance.hpp"

#include <tidings/store/memory_outbox.hpp>

namespace tidings::test {

TEST_CASE("the memory outbox is an outbox", "[store]") {
    outbox_conformance({"memory", store::make_memory_outbox});
}

TEST_CASE("the oldest of what is owed is known, whatever has ended before it", "[store]") {
    using namespace std::chrono_literals;
    outbox_bed o({"memory", store::make_memory_outbox});
    CHECK_FALSE(o.of().stats().oldest);
    o.append_all({o.entry("a", "1")}, 1s);
    o.append_all({o.entry("b", "2")}, 2s);
    o.append_all({o.entry("a", "3")}, 3s);
    CHECK(o.of().stats().oldest == o.at(1s));
    const auto first = o.claim(1);
    o.finish({{first.entries.at(0).key, outbox_bed::state::dead, 1, o.at(), {}, {}}});
    CHECK(o.of().stats().oldest == o.at(2s));
    const auto second = o.claim(1);
    o.finish({{second.entries.at(0).key, outbox_bed::state::done, 1, o.at(), {}, {}}});
    CHECK(o.of().stats().oldest == o.at(3s));
    CHECK(o.redeliver({.last_key = first.entries[0].key}).count == 1);
    CHECK(o.of().stats().oldest == o.at(1s));
    o.claim_and_finish(outbox_bed::state::done, 9s);
    CHECK_FALSE(o.of().stats().oldest);
}

TEST_CASE("erasing an owner leaves what is of others, also where an endpoint has changed hands",
          "[store]") {
    outbox_bed o({"memory", store::make_memory_outbox});
    o.open({{.id = "a", .owner = "one"}, {.id = "b", .owner = "two"}, {.id = "c"}});
    o.open({{.id = "a", .owner = "two"}, {.id = "b", .owner = "one"}, {.id = "d", .owner = "one"}});
    o.open({{.id = "d"}});
    for (const char* id : {"a", "b", "c", "d"}) o.append(id, id);
    o.erase("one");
    CHECK(o.listed_ids() == outbox_bed::texts{"a", "c", "d"});
    o.erase("");
    CHECK(o.listed_ids() == outbox_bed::texts{"a"});
    o.erase("two");
    CHECK(o.listed_ids().empty());
}

TEST_CASE("the longest age is for ever", "[store]") {
    using namespace std::chrono_literals;
    const auto ever = std::chrono::milliseconds::max();
    outbox_bed o({"memory", [=](store::outbox_options options) {
                      options.total.max_age = options.each.max_age = ever;
                      options.dead.max_age = options.attempts.max_age = ever;
                      options.keep_unknown = ever;
                      return store::make_memory_outbox(std::move(options));
                  }});
    o.append_all({o.entry("a", "1"), o.entry("b", "2")}, 1s);
    const auto first = o.claim(1);
    o.finish({{first.entries.at(0).key, outbox_bed::state::dead, 1, o.at(), {}, {}}});
    CHECK(o.retain(1h * 24 * 365).dead.empty());
    CHECK(o.of().stats().owed == 1);
    CHECK(o.listed_ids().size() == 2);
}

TEST_CASE("entries of an outbox in memory share their body", "[store]") {
    const auto body = std::make_shared<const std::string>("shared, not copied");
    outbox_bed o({"memory", store::make_memory_outbox});
    {
        auto m = std::make_shared<store::outbox_message>();
        m->body = body;
        auto e = o.entry("a", "1");
        e.message = std::move(m);
        CHECK_FALSE(o.try_append({e, e}));
    }
    CHECK(body.use_count() == 2);
    const auto claimed = o.claim();
    CHECK(claimed.entries.at(1).message->body == body);
    CHECK(body.use_count() == 2);
    o.finish({{claimed.entries[0].key, outbox_bed::state::done, 1, o.at(), {}, {}}});
    CHECK(o.of().stats().owed_bytes > body->size());
}

TEST_CASE("what an entry keeps alive beside its body counts", "[store]") {
    outbox_bed o({"memory", store::make_memory_outbox});
    store::outbox_message m{.body = std::make_shared<const std::string>("small")};
    m.body_footprint = 1'000'000;
    auto e = o.entry("a", "1");
    e.message = std::make_shared<const store::outbox_message>(m);
    CHECK_FALSE(o.try_append({e}));
    CHECK(o.of().stats().owed_bytes > 1'000'000);
}

TEST_CASE("an outbox destroys what it drops when others can use it", "[store]") {
    outbox_bed o({"memory", store::make_memory_outbox});
    std::size_t seen = 99;
    {
        auto e = o.entry("a", "1");
        auto m = std::make_shared<store::outbox_message>();
        // As a C++ value in an event may: its destructor asks the outbox.
        m->body = std::shared_ptr<const std::string>(new std::string("x"), [&](auto* p) {
            delete p;
            seen = o.of().stats().owed;
        });
        e.message = std::move(m);
        CHECK_FALSE(o.try_append({std::move(e)}));
    }
    o.claim_and_finish(outbox_bed::state::done);
    CHECK(seen == 0);
}

}  // namespace tidings::test
