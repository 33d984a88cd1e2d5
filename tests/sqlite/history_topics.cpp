// SPDX-License-Identifier: BSL-1.0
// Reads of a few topics among many: they bring what reads of everything bring, and do not read all
// that is held.
#include "support/sqlite_bed.hpp"
#include "support/statement_trace.hpp"

#include <tidings/impl/matches_any.hpp>

#include <algorithm>
#include <atomic>

namespace tidings::test {

namespace {

void fill(stored_history& f, const std::string& topic, int events) {
    for (int i = 0; i < events; ++i) {
        error_code ec;
        auto e = publication::make(topic, made(std::to_string(i)), {}, ec);
        f.events->append(pending_publication(std::move(e)), {});
    }
    CHECK_FALSE(drain(*f.db));
}

sqlite::database_options uncached(const temporary_folder& folder) {
    auto o = store_options(folder.file("store.db"));
    o.cache_bytes = 0;
    return o;
}

history_slice read_back(stored_history& f, position before, std::size_t max,
                        std::vector<std::string> patterns) {
    history_slice slice;
    bool ended = false;
    f.events->async_read_back(std::move(before), std::move(patterns), max,
                              net::bind_executor(f.io, [&](error_code ec, history_slice s) {
                                  CHECK_FALSE(ec);
                                  slice = std::move(s);
                                  ended = true;
                              }));
    REQUIRE(run_io_until(f.io, [&] { return ended; }));
    return slice;
}

}  // namespace

TEST_CASE("a read of a few topics does not read what is held of others", "[sqlite][history]") {
    std::atomic<std::size_t> rows = 0;
    const statement_trace trace([&](const statement_trace::call& c) {
        if (c.is_row && c.sql.find("FROM events WHERE") != c.sql.npos) ++rows;
    });
    const temporary_folder folder;
    stored_history f(uncached(folder), 100'000);
    f.add("shop.7.order", "first");
    fill(f, "other", 9'000);
    f.add("shop.7.order", "second");
    const auto [patterns, looked_at] = GENERATE(table<std::vector<std::string>, std::size_t>({
        {{"shop.7.order"}, 4},
        {{"shop.7.*"}, 4},
        {{"shop.>", "shop.*.order", "shop.8"}, 6},
        {{"nothing.here"}, 0},
    }));
    CAPTURE(patterns);
    rows = 0;
    const auto slice = f.read({}, 100, patterns);
    CHECK(slice.at_end);
    CHECK(slice.events.size() == (patterns[0] == "nothing.here" ? 0 : 2));
    CHECK(rows <= looked_at);
    rows = 0;
    CHECK(f.read(slice.next, 100, patterns).at_end);
    CHECK(rows <= looked_at);
    rows = 0;
    CHECK(read_back(f, {}, 100, patterns).events.size() == slice.events.size());
    CHECK(rows <= looked_at);
}

// What a read of all topics brings, and matches, is what a read by patterns brings.
TEST_CASE("reads by topic bring what reads of everything bring", "[sqlite][history]") {
    const temporary_folder folder;
    stored_history f(uncached(folder), 100'000);
    std::uint32_t seed = 7;
    const auto random = [&](std::uint32_t below) {
        seed = seed * 1664525 + 1013904223;
        return (seed >> 8) % below;
    };
    const std::vector<std::string> topics{"a", "a.b", "a.b.c", "a.c", "ab", "a-b", "b.c", "a.b.d"};
    for (int i = 0; i < 400; ++i) {
        const auto& topic = topics[random(static_cast<std::uint32_t>(topics.size()))];
        error_code ec;
        auto e = publication::make(topic, made(std::to_string(i)), {}, ec);
        f.events->append(pending_publication(std::move(e)), {});
    }
    fill(f, "many", 1'100);  // more than are looked up
    const auto all = f.read({}, 10'000).events;
    REQUIRE(all.size() == 1'500);
    const std::vector<std::vector<std::string>> asked{
        {"a"}, {"a.b"}, {"a.*"},  {"a.>"},  {"a.*.c"},     {"a.b", "a.>"}, {"b.c", "a", "a"}, {">"},
        {"*"}, {"*.c"}, {"none"}, {"many"}, {"many", "a"}, {"a.b", "*.c"}, {"man.*"}};
    for (const auto& patterns : asked) {
        CAPTURE(patterns);
        texts expected;
        for (const auto& e : all)
            if (detail::matches_any(patterns, e->topic())) expected.push_back(show(e));
        for (const auto max : {std::size_t{1}, std::size_t{7}, std::size_t{1'000}}) {
            texts forward;
            position from;
            for (bool at_end = false; !at_end;) {
                const auto s = f.read(from, max, patterns);
                CHECK(s.events.size() <= max);
                for (const auto& shown : show(s.events)) forward.push_back(shown);
                from = s.next;
                at_end = s.at_end;
            }
            CHECK((forward == expected));
            texts back;
            position before;
            for (bool at_end = false; !at_end;) {
                const auto s = read_back(f, before, max, patterns);
                CHECK(s.events.size() <= max);
                for (const auto& shown : show(s.events)) back.push_back(shown);
                before = s.next;
                at_end = s.at_end;
            }
            std::reverse(back.begin(), back.end());
            CHECK((back == expected));
        }
    }
}

}  // namespace tidings::test
