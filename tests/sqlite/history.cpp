// SPDX-License-Identifier: BSL-1.0
#include "support/history_conformance.hpp"
#include "support/power_vfs.hpp"
#include "support/sqlite_bed.hpp"

#include <tidings/bus.hpp>
#include <tidings/event_json.hpp>

#include <atomic>
#include <fstream>

namespace tidings::test {

namespace {

namespace files = std::filesystem;

/// A history that owns its database and folder.
struct whole_history {
    explicit whole_history(std::size_t max_events, std::size_t cache_bytes, io::clock& clock)
        : store(options(folder, cache_bytes, clock), {{.pattern = "uncovered.>", .max_events = 0},
                                                      {.pattern = ">", .max_events = max_events}}) {
    }
    static sqlite::database_options options(const temporary_folder& f, std::size_t cache_bytes,
                                            io::clock& clock) {
        auto o = store_options(f.file("store.db"));
        o.cache_bytes = cache_bytes;
        o.clock = &clock;
        return o;
    }
    temporary_folder folder;
    stored_history store;
};

/// A clock by whose wall a millisecond passes whenever it is looked at.
class hurried_clock final : public io::clock {
 public:
    io::steady_time now() const noexcept override { return io::system_clock().now(); }
    io::system_time wall_now() const noexcept override {
        return io::system_time(std::chrono::hours(1) + std::chrono::milliseconds(++looks_));
    }
    std::unique_ptr<io::timer> make_timer(net::any_io_executor executor) override {
        return io::system_clock().make_timer(std::move(executor));
    }

 private:
    mutable std::atomic<int> looks_ = 0;
};

TEST_CASE("the history in a file is a history", "[sqlite][threads][history]") {
    const auto cache = GENERATE(std::size_t{0}, std::size_t{1} << 20);
    const auto current = std::make_shared<std::weak_ptr<whole_history>>();
    history_conformance(
        {"sqlite",
         [=](std::size_t max_events, io::clock& clock) {
             const auto made = std::make_shared<whole_history>(max_events, cache, clock);
             *current = made;
             return std::shared_ptr<history>(made, made->store.events.get());
         },
         [=](history&) { CHECK_FALSE(drain(*current->lock()->store.db)); }, cache != 0});
}

TEST_CASE("what is in the cache is read without the file", "[sqlite][history]") {
    power_vfs vfs;
    const temporary_folder folder;
    auto o = store_options(folder.file("store.db"));
    o.vfs = power_vfs::name;
    o.cache_bytes = GENERATE(std::size_t{0}, std::size_t{1} << 20);
    stored_history f(o);
    const auto at = f.add("a", "1");
    for (const char* text : {"2", "3"}) f.add("a", text);
    CHECK_FALSE(drain(*f.db));
    const auto reads = vfs.reads();
    CHECK(show(f.read(at).events) == texts{"a=2", "a=3"});
    CHECK((vfs.reads() == reads) == (o.cache_bytes != 0));
}

TEST_CASE("an ordinary restart is no gap, and brings what was committed", "[sqlite][history]") {
    const auto cache = GENERATE(std::size_t{0}, std::size_t{1} << 20);
    const temporary_folder folder;
    auto o = store_options(folder.file("store.db"));
    o.cache_bytes = cache;
    stored_history first(o);
    const auto a = first.add("a", "1");
    const auto b = first.add("b", "2");
    first.close();

    stored_history second(o);
    CHECK_FALSE(second.events->head().has_epoch_of(a));
    auto s = second.read(a);
    CHECK_FALSE(s.gap);
    CHECK(show(s.events) == texts{"b=2"});
    CHECK(*s.events[0]->position() == b);
    s = second.read(b);
    CHECK_FALSE(s.gap);
    CHECK(s.events.empty());
    CHECK(s.at_end);
    const auto c = second.add("c", "3");
    CHECK(c.number() > b.number());
    s = second.read(a);
    CHECK_FALSE(s.gap);
    CHECK(show(s.events) == texts{"b=2", "c=3"});
    s = second.read({});
    CHECK(show(s.events) == texts{"a=1", "b=2", "c=3"});
    second.close();

    stored_history third(o);
    CHECK_FALSE(third.read(a).gap);
    CHECK_FALSE(third.read(c).gap);
}

TEST_CASE("a restored backup has gaps for what came after it", "[sqlite][history]") {
    const temporary_folder folder;
    const auto o = store_options(folder.file("store.db"));
    stored_history before(o);
    const auto a = before.add("a", "1");
    const auto b = before.add("b", "2");
    REQUIRE_FALSE(wait_for([&](auto h) { before.db->async_backup(folder.file("copy"), h); }));
    const auto c = before.add("c", "3");
    before.close();

    stored_history restored(store_options(folder.file("copy")));
    CHECK_FALSE(restored.read(a).gap);
    CHECK_FALSE(restored.read(b).gap);
    auto s = restored.read(c);
    CHECK(s.gap);
    CHECK(s.events.empty());
    const auto other = restored.add("d", "4");
    CHECK(other.number() > c.number());
    s = restored.read(c);
    CHECK(s.gap);
    CHECK(show(s.events) == texts{"d=4"});

    // Each of the two goes its own way: a position of one says nothing to the other.
    stored_history original(o);
    CHECK(original.read(other).gap);
    CHECK_FALSE(original.read(c).gap);
    const auto own = original.add("e", "5");
    CHECK(restored.read(own).gap);
}

TEST_CASE("a second copy of the file goes on in an epoch of its own", "[sqlite][history]") {
    const temporary_folder folder;
    stored_history one(store_options(folder.file("one.db")));
    const auto a = one.add("a", "1");
    one.close();
    files::copy_file(folder.file("one.db"), folder.file("two.db"));

    stored_history first(store_options(folder.file("one.db")));
    stored_history second(store_options(folder.file("two.db")));
    const auto b = first.add("b", "2");
    const auto c = second.add("c", "3");
    CHECK_FALSE(first.read(a).gap);
    CHECK_FALSE(second.read(a).gap);
    CHECK(first.read(c).gap);
    CHECK(second.read(b).gap);
}

TEST_CASE("an event is read from the file as it was published", "[sqlite][history]") {
    const temporary_folder folder;
    auto o = store_options(folder.file("store.db"));
    o.cache_bytes = 0;
    stored_history f(o);
    event whole("com.acme.order", "/shop", std::string_view("{\"total\":99}"), "application/json");
    whole.id("own").subject("42").data_schema("/schema").time(
        event_time(std::chrono::microseconds(1'700'000'000'123'456)));
    whole.extension("text", "a \"b\"").extension("yes", attribute_value(true));
    whole.extension("number", attribute_value(std::int32_t{-7}));
    const std::string bytes("\0\xff\r\n", 4);
    event binary("b", "/s", std::as_bytes(std::span(bytes)), "application/octet-stream");
    REQUIRE_FALSE(f.append("a", std::move(whole)).first);
    REQUIRE_FALSE(f.append("b", std::move(binary)).first);
    REQUIRE_FALSE(f.append("c", event("none", "/s")).first);
    REQUIRE_FALSE(f.append("d", event("empty", "/s", "")).first);
    REQUIRE_FALSE(f.append("e", event::of("value", "/s", 7, as_json)).first);

    const auto s = f.read({});
    REQUIRE(s.events.size() == 5);
    const auto& e = s.events[0];
    CHECK(e->type() == "com.acme.order");
    CHECK(e->source() == "/shop");
    CHECK(e->id() == "own");
    CHECK(e->subject() == "42");
    CHECK(e->data_schema() == "/schema");
    CHECK(e->content_type() == "application/json");
    CHECK(e->text() == "{\"total\":99}");
    CHECK(e->time() == "2023-11-14T22:13:20.123456Z");
    REQUIRE(e->event().extensions().size() == 3);
    CHECK(*e->extension("text") == attribute_value("a \"b\""));
    CHECK(*e->extension("yes") == attribute_value(true));
    CHECK(*e->extension("number") == attribute_value(std::int32_t{-7}));
    CHECK(s.events[1]->text() == bytes);
    CHECK_FALSE(s.events[2]->has_data());
    CHECK(s.events[3]->has_data());
    CHECK(s.events[3]->text().empty());
    CHECK(s.events[4]->text() == "7");
    // An id that was made is made once.
    CHECK_FALSE(s.events[1]->id().empty());
    CHECK(f.read({}).events[1]->id() == s.events[1]->id());
    CHECK(f.append("v", event::of("value", "/s", 7)).first == errc::event_no_wire_form);
    CHECK(f.read({}).events.size() == 5);
}

TEST_CASE("an event that came with an id is found after a restart while it is held",
          "[sqlite][history]") {
    const temporary_folder folder;
    const auto o = store_options(folder.file("store.db"));
    stored_history first(o, 2);
    const auto at = first.append("a", made("1").id("one")).second;
    first.add("a", "2");
    first.close();
    stored_history second(o, 2);
    CHECK(second.events->find("/test", "one") == at);
    CHECK_FALSE(second.events->find("/test", "two"));
    second.add("a", "3");
    CHECK_FALSE(second.events->find("/test", "one"));
}

TEST_CASE("what the rules have no room for is a gap after a restart, too", "[sqlite][history]") {
    const temporary_folder folder;
    const auto o = store_options(folder.file("store.db"));
    const std::vector<history_rule> rules{{.pattern = "noisy.*", .max_events = 2},
                                          {.pattern = ">", .max_events = 2}};
    stored_history first(o, rules);
    const auto start = first.add("quiet", "0");
    for (const char* text : {"1", "2", "3", "4"}) first.add("noisy.a", text);
    first.close();

    stored_history second(o, rules);
    auto s = second.read(start);
    CHECK(s.gap);
    CHECK(show(s.events) == texts{"noisy.a=3", "noisy.a=4"});
    second.add("quiet", "5");
    second.close();

    // Under other rules what is held goes by the new ones, and what was lost stays lost.
    stored_history third(o, {{.pattern = "quiet", .max_events = 9}});
    s = third.read({});
    CHECK(show(s.events) == texts{"quiet=0", "quiet=5"});
    CHECK(third.read(start).gap);
    third.close();
    stored_history fourth(o, rules);
    CHECK(show(fourth.read({}).events) == texts{"quiet=0", "quiet=5"});
    CHECK(fourth.read(start).gap);
}

TEST_CASE("a rule of bytes and one of age hold in the file", "[sqlite][history]") {
    using namespace std::chrono_literals;
    const temporary_folder folder;
    manual_clock clock;
    auto o = store_options(folder.file("store.db"));
    o.clock = &clock;
    stored_history f(o, {{.pattern = "old", .max_events = 99, .max_age = 10s},
                         {.pattern = ">", .max_events = 99, .max_bytes = 10'000}});
    const auto first = f.add("old", "1");
    clock.advance(6s);
    f.add("old", "2");
    for (int i = 0; i < 4; ++i) f.add("large", std::string(4'000, 'x'));
    CHECK(f.read({}).events.size() == 4);
    clock.advance(6s);
    const auto s = f.read({});
    REQUIRE(s.events.size() == 3);
    CHECK(show(s.events[0]) == "old=2");
    CHECK(f.read(first).gap);
}

TEST_CASE("a read does not wait for what becomes too old after it was asked", "[sqlite][history]") {
    const temporary_folder folder;
    hurried_clock clock;
    auto o = store_options(folder.file("store.db"));
    o.clock = &clock;
    stored_history f(
        o, {{.pattern = ">", .max_events = 999, .max_age = std::chrono::milliseconds(200)}});
    for (int i = 0; i < 100; ++i) f.add("a", "x");
    CHECK(f.read({}).events.size() > 20);
}

TEST_CASE("a bus over the file shows nothing before its commit, and resumes after a restart",
          "[sqlite][threads][history]") {
    const temporary_folder folder;
    const auto o = store_options(folder.file("store.db"));
    position seen_first;
    texts seen;
    const auto run = [&](auto&& program) {
        net::io_context io;
        sqlite::database db(io, o);
        bus hub(io, {.history = {.implementation = sqlite::make_history(
                                     db, {{.pattern = ">", .max_events = 100}})}});
        program(io, hub);
    };
    run([&](net::io_context& io, bus& hub) {
        const auto all = hub.subscribe(">", [&](const event_ptr& e) {
            REQUIRE(e->position());
            if (seen_first.empty()) seen_first = *e->position();
            seen.push_back(show(e));
        });
        for (const char* text : {"1", "2", "3"}) {
            const auto r = hub.publish("a", made(text));
            CHECK_FALSE(r.position);
            CHECK(r.matched == 0);
        }
        receipt exact;
        hub.async_publish("b", made("4"), [&](error_code ec, receipt r) {
            CHECK_FALSE(ec);
            exact = r;
        });
        io.run();
        CHECK(seen == texts{"a=1", "a=2", "a=3", "b=4"});
        CHECK(exact.matched == 1);
        REQUIRE(exact.position);
        CHECK(*exact.position == hub.head());
    });
    seen.clear();
    run([&](net::io_context& io, bus& hub) {
        const auto all = hub.subscribe(">", [&](const event_ptr& e) { seen.push_back(show(e)); },
                                       {.after = seen_first});
        hub.publish("c", made("5"));
        REQUIRE(run_io_until(io, [&] { return seen.size() >= 4; }));
        CHECK(seen == texts{"a=2", "a=3", "b=4", "c=5"});
    });
}

}  // namespace

}  // namespace tidings::test
