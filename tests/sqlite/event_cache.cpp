// SPDX-License-Identifier: BSL-1.0
#include "support/power_vfs.hpp"
#include "support/sqlite_bed.hpp"

#include <tidings/store/sqlite/impl/event_cache.hpp>

#include <iterator>

namespace tidings::test {

namespace {

using sqlite::detail::event_cache;

event_ptr numbered(std::uint64_t number) {
    publication_info info;
    info.position = position(1, number);
    error_code ec;
    auto e = publication::make("a", made("x"), std::move(info), ec);
    REQUIRE_FALSE(ec);
    return e;
}

/// Appends without waiting for each.
void append_many(stored_history& f, std::string_view topic, int count) {
    for (int i = 0; i < count; ++i) {
        error_code ec;
        auto e = publication::make(topic, made("x"), {}, ec);
        f.events->append(pending_publication(std::move(e)), {});
    }
    CHECK_FALSE(drain(*f.db));
}

TEST_CASE("the cache keeps no place for what was erased behind an old event", "[sqlite][history]") {
    event_cache cache(1 << 20);
    dropped_events gone;
    cache.add(numbered(1), 300, gone);  // of a quiet ring: it stays at the front
    for (std::uint64_t n = 2; n < 5'000; ++n) {
        cache.add(numbered(n), 300, gone);
        if (n > 10) cache.erase(n - 8, gone);
        gone = {};
    }
    CHECK(std::distance(cache.begin(), cache.end()) < 64);
    CHECK(cache.from() == 0);
    REQUIRE(cache.find(1));
    CHECK_FALSE(cache.find(4'991));
    for (std::uint64_t n = 4'992; n < 5'000; ++n) {
        REQUIRE(cache.find(n));
        CHECK(cache.find(n)->sequence() == n);
    }
}

TEST_CASE("a read passes the places of more erased events than a slice looks at",
          "[sqlite][history]") {
    const temporary_folder folder;
    constexpr int held = 5'000;
    stored_history f(store_options(folder.file("store.db")),
                     {{.pattern = "quiet", .max_events = 1}, {.pattern = ">", .max_events = held}});
    const auto old = f.add("quiet", "1");
    append_many(f, "noisy", held + 4'500);

    SECTION("towards the newest") {
        std::size_t read = 0;
        position from = old;
        bool at_end = false;
        for (int slices = 0; !at_end && slices < 20; ++slices) {
            const auto s = f.read(from);
            read += s.events.size();
            from = s.next;
            at_end = s.at_end;
        }
        CHECK(at_end);
        CHECK(read == held);
    }
    SECTION("towards the oldest") {
        std::size_t read = 0;
        position before = f.events->head();
        bool at_end = false;
        for (int slices = 0; !at_end && slices < 20; ++slices) {
            std::optional<history_slice> slice;
            f.events->async_read_back(before, {"quiet"}, 1000,
                                      net::bind_executor(f.io, [&](error_code ec, history_slice s) {
                                          CHECK_FALSE(ec);
                                          slice = std::move(s);
                                      }));
            REQUIRE(run_io_until(f.io, [&] { return slice.has_value(); }));
            read += slice->events.size();
            before = slice->next;
            at_end = slice->at_end;
        }
        CHECK(at_end);
        CHECK(read == 1);
    }
}

TEST_CASE("a C++ value counts in the cache with the bytes that were made of it",
          "[sqlite][history]") {
    power_vfs vfs;
    const temporary_folder folder;
    auto o = store_options(folder.file("store.db"));
    o.vfs = power_vfs::name;
    o.cache_bytes = 100'000;
    stored_history f(o);
    const auto to_bytes = [](int count, std::string& out) {
        out.assign(static_cast<std::size_t>(count), 'x');
        return error_code();
    };
    const auto first = f.append("a", event::of("value", "/s", 1, to_bytes)).second;
    for (int i = 0; i < 20; ++i)
        CHECK_FALSE(f.append("a", event::of("value", "/s", 20'000, to_bytes)).first);
    const auto reads = vfs.reads();
    CHECK(f.read(first).events.size() == 20);
    CHECK(vfs.reads() != reads);
}

}  // namespace

}  // namespace tidings::test
