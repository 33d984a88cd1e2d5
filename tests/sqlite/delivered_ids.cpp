// SPDX-License-Identifier: BSL-1.0
// Webhooks that are received into a file: each exactly once where the history is in it, whatever
// ends the program between.
#include "support/power_vfs.hpp"
#include "support/receiving_hub.hpp"

#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <random>
#include <set>
#include <tidings/test/recorder.hpp>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;

sqlite::database_options file_in(const temporary_folder& f) {
    return store_options(f.file("store.db"));
}

/// The rows of ids in a file that nobody has open.
int count_ids(const std::string& path) {
    ::sqlite3* db = nullptr;
    REQUIRE(::sqlite3_open(path.c_str(), &db) == SQLITE_OK);
    int count = -1;
    const auto read = [](void* to, int, char** values, char**) {
        *static_cast<int*>(to) = std::stoi(values[0]);
        return 0;
    };
    CHECK(::sqlite3_exec(db, "SELECT count(*) FROM ids", read, &count, nullptr) == SQLITE_OK);
    ::sqlite3_close(db);
    return count;
}

store::delivered_ids::key some_key(std::uint64_t n) {
    return {n, n};
}

TEST_CASE("a delivery is known after a restart, with the event that it brought", "[sqlite]") {
    const temporary_folder folder;
    {
        receiving_hub first(file_in(folder));
        CHECK(first.post("1").status == 202);
        CHECK(first.held() == texts{"1"});
    }
    receiving_hub second(file_in(folder));
    CHECK(receiving_hub::is_duplicate(second.post("1")));
    CHECK(second.post("2").status == 202);
    CHECK(second.held() == texts{"1", "2"});
    CHECK(second.logged.empty());
}

TEST_CASE("a signature brings no second event after a restart either", "[sqlite]") {
    const temporary_folder folder;
    const auto as_event = [](http::fields f, std::string id) {
        f.set("ce-specversion", "1.0");
        f.set("ce-id", std::move(id));
        f.set("ce-type", "t");
        f.set("ce-source", "/s");
        return f;
    };
    const auto f = receiving_hub::sign("1", "x");
    {
        receiving_hub first(file_in(folder));
        CHECK(first.post("x", as_event(f, "a")).status == 202);
    }
    receiving_hub second(file_in(folder));
    CHECK(second.post("x", as_event(f, "b")).status == 401);
    CHECK(second.held() == texts{"x"});
}

TEST_CASE("an event that is committed with its id is taken, whatever an outlet says", "[sqlite]") {
    const temporary_folder folder;
    receiving_hub hub(file_in(folder));
    const auto slow = std::make_shared<slow_subscriber>();
    const auto sick = hub.hub.subscribe(">", slow);
    std::optional<http::response> answer;
    http::client client(hub.io);
    client.async_request(hub.url(),
                         {.method = "POST", .fields = receiving_hub::sign("1", "1"), .body = "1"},
                         [&](error_code, http::response r) { answer = std::move(r); });
    REQUIRE(run_io_until(hub.io, [&] { return !slow->waiting.empty(); }));
    CHECK_FALSE(answer);
    std::move(slow->waiting[0].second)(error_code(errc::store_failed), outcome::dropped);
    REQUIRE(run_io_until(hub.io, [&] { return answer.has_value(); }));
    CHECK(answer->status == 202);
    CHECK(receiving_hub::is_duplicate(hub.post("1")));
    CHECK(hub.held() == texts{"1"});
}

TEST_CASE("of another subscriber an id is written behind its acceptance, and not before",
          "[sqlite]") {
    const temporary_folder folder;
    const auto slow = std::make_shared<slow_subscriber>();
    {
        receiving_hub first(file_in(folder), {}, slow);
        http::client client(first.io);
        client.async_request(
            first.url(), {.method = "POST", .fields = receiving_hub::sign("1", "1"), .body = "1"},
            [](error_code, const http::response&) {});
        REQUIRE(run_io_until(first.io, [&] { return slow->waiting.size() == 1; }));
        slow->waiting.clear();
    }
    CHECK(count_ids(file_in(folder).path) == 0);
    const auto seen = std::make_shared<recorder>();
    {
        receiving_hub second(file_in(folder), {}, seen);
        seen->answer(outcome::dropped);
        CHECK(second.post("1").status == 503);
        seen->answer(outcome::queued);
        CHECK(second.post("1").status == 202);
        CHECK(seen->count() == 1);
        CHECK(second.held().empty());
    }
    CHECK(count_ids(file_in(folder).path) == 2);  // of the event and of its signature
    receiving_hub third(file_in(folder), {}, seen);
    CHECK(receiving_hub::is_duplicate(third.post("1")));
    CHECK(seen->count() == 1);
}

TEST_CASE("an id that cannot be written is known as long as the process lives", "[sqlite]") {
    const temporary_folder folder;
    const auto seen = std::make_shared<recorder>();
    receiving_hub hub(file_in(folder), {}, seen);
    hub.db.close();
    CHECK(hub.post("1").status == 202);
    CHECK(hub.logged.find("in memory only") != hub.logged.npos);
    CHECK(receiving_hub::is_duplicate(hub.post("1")));
    CHECK(seen->count() == 1);
}

TEST_CASE("ids are bounded in bytes and in age, the oldest go first", "[sqlite]") {
    const temporary_folder folder;
    manual_clock clock;
    auto o = file_in(folder);
    o.clock = &clock;
    const auto add = [](store::delivered_ids& ids, std::uint64_t n) {
        CHECK_FALSE(wait_for([&](auto h) { ids.async_add({some_key(n)}, std::move(h)); }));
    };
    {
        net::io_context io;
        sqlite::database db(io, o);
        const auto ids = sqlite::make_delivered_ids(db, "a", {.max_bytes = 4 * 128, .max_age = 1h});
        const auto others = sqlite::make_delivered_ids(db, "b");
        add(*others, 1);
        for (std::uint64_t n = 1; n <= 6; ++n) add(*ids, n);
        add(*ids, 6);
        for (std::uint64_t n = 1; n <= 6; ++n) CHECK(ids->contains(some_key(n)) == (n > 2));
        CHECK(others->contains(some_key(1)));
        CHECK_THROWS_AS(sqlite::make_delivered_ids(db, "a"), std::invalid_argument);
    }
    CHECK(count_ids(o.path) == 5);
    clock.advance(2h);
    {
        net::io_context io;
        sqlite::database db(io, o);
        const auto ids = sqlite::make_delivered_ids(db, "a", {.max_bytes = 4 * 128, .max_age = 1h});
        for (std::uint64_t n = 1; n <= 6; ++n) CHECK_FALSE(ids->contains(some_key(n)));
        add(*ids, 7);
        CHECK(ids->contains(some_key(7)));
    }
    CHECK(count_ids(o.path) == 2);
}

TEST_CASE("an id that is known, or comes twice at once, is held once", "[sqlite]") {
    const temporary_folder folder;
    const auto o = file_in(folder);
    {
        net::io_context io;
        sqlite::database db(io, o);
        const auto ids = sqlite::make_delivered_ids(db, "a", {.max_bytes = 4 * 128});
        const auto add = [&](std::vector<store::delivered_ids::key> ks) {
            CHECK_FALSE(wait_for([&](auto h) { ids->async_add(ks, std::move(h)); }));
        };
        add({some_key(1), some_key(2), some_key(3)});
        add({some_key(1), some_key(4), some_key(4)});
        for (std::uint64_t n = 1; n <= 4; ++n) CHECK(ids->contains(some_key(n)));
    }
    CHECK(count_ids(o.path) == 4);
}

TEST_CASE("ids are keyed at random in each file, and stay as they are", "[sqlite]") {
    const temporary_folder one;
    const temporary_folder other;
    const auto key_in = [](const temporary_folder& f, const std::string& name) {
        net::io_context io;
        sqlite::database db(io, file_in(f));
        return sqlite::make_delivered_ids(db, name)->key_of("id");
    };
    const auto key = key_in(one, "a");
    CHECK(key_in(one, "a") == key);
    CHECK(key_in(one, "b") != key);
    CHECK(key_in(other, "a") != key);
}

TEST_CASE("a note of ids in another file is no business of a history", "[sqlite]") {
    const temporary_folder folder;
    stored_history f(store_options(folder.file("one.db")));
    publication_info info;
    std::shared_ptr<store::delivered_ids> ids;
    {
        net::io_context io;
        sqlite::database other(io, store_options(folder.file("other.db")));
        ids = sqlite::make_delivered_ids(other, "in");
        info.remote = new remote_origin({}, 0, ids->note({some_key(1)}));
    }
    error_code ec;
    auto e = publication::make("a", made("1"), info, ec);
    CHECK(e->footprint() > publication::make("a", made("1"), {}, ec)->footprint());
    bool kept = false;
    f.events->append(pending_publication(std::move(e)),
                     append_handler(f.io.get_executor(), [&](error_code why, const position&) {
                         CHECK_FALSE(why);
                         kept = true;
                     }));
    REQUIRE(run_io_until(f.io, [&] { return kept; }));
    CHECK_FALSE(ids->contains(some_key(1)));
}

/// Posts numbered deliveries from `next` on, some at a time, until it is killed; says of each when
/// it was answered 202.
[[noreturn]] void post_for_ever(const sqlite::database_options& o, int next, int out) {
    receiving_hub hub(o);
    http::client client(hub.io, {.max_connections = 4});
    std::function<void()> post_next = [&] {
        const auto number = next++;
        const auto text = std::to_string(number);
        client.async_request(
            hub.url(), {.method = "POST", .fields = receiving_hub::sign(text, text), .body = text},
            [&, number](error_code ec, const http::response& r) {
                if (ec || r.status != 202 || ::write(out, &number, sizeof number) < 0) ::_exit(1);
                post_next();
            });
    };
    for (int i = 0; i < 4; ++i) post_next();
    hub.io.run();
    ::_exit(1);
}

TEST_CASE("a sender that repeats what had no answer before SIGKILL brings each event exactly once",
          "[sqlite]") {
    constexpr int rounds = 10;
    const temporary_folder folder;
    const auto o = file_in(folder);
    std::mt19937 random(20261130);
    std::set<int> answered;
    std::size_t repeated = 0;
    for (int round = 0; round < rounds; ++round) {
        INFO("round " << round);
        // A sender knows no better: what it had no answer to comes again, and a little before that.
        int next = 0;
        while (answered.contains(next)) ++next;
        next = std::max(0, next - 5);
        int ends[2];
        REQUIRE(::pipe(ends) == 0);
        const auto child = ::fork();
        if (child == 0) post_for_ever(o, next, ends[1]);
        ::close(ends[1]);
        REQUIRE(child > 0);
        auto left = std::uniform_int_distribution<int>(1, 40)(random);
        int number = 0;
        for (; ::read(ends[0], &number, sizeof number) == sizeof number; --left) {
            if (!answered.insert(number).second) ++repeated;
            if (left == 0) ::kill(child, SIGKILL);
        }
        ::close(ends[0]);
        int status = 0;
        REQUIRE(::waitpid(child, &status, 0) == child);
        REQUIRE(WIFSIGNALED(status));
    }
    receiving_hub last(o);
    const auto held = last.held();
    const std::set<std::string> different(held.begin(), held.end());
    CHECK(held.size() == different.size());
    for (const int number : answered) CHECK(different.contains(std::to_string(number)));
    CHECK(answered.size() > rounds);
    CHECK(repeated > 0);
}

TEST_CASE("after a power cut at any sync a repetition brings each event exactly once", "[sqlite]") {
    constexpr int deliveries = 3;
    power_vfs vfs;
    const temporary_folder folder;
    auto o = file_in(folder);
    o.vfs = power_vfs::name;
    o.durable = sqlite::durability::power;
    std::vector<power_vfs::disk> cuts;
    {
        receiving_hub hub(o);
        vfs.on_sync([&](const power_vfs::disk& d) { cuts.push_back(d); });
        for (int n = 0; n < deliveries; ++n) CHECK(hub.post(std::to_string(n)).status == 202);
        vfs.on_sync({});
    }
    REQUIRE(cuts.size() >= deliveries);
    std::set<std::size_t> there_before;
    for (std::size_t i = 0; i < cuts.size(); ++i) {
        INFO("cut " << i << " of " << cuts.size());
        const temporary_folder left;
        power_vfs::restore(cuts[i], left.path().string());
        receiving_hub after(store_options(left.file("store.db")));
        const auto before = after.held();
        there_before.insert(before.size());
        for (int n = 0; n < deliveries; ++n) {
            const auto text = std::to_string(n);
            const bool known = std::find(before.begin(), before.end(), text) != before.end();
            CHECK(receiving_hub::is_duplicate(after.post(text)) == known);
        }
        CHECK(after.held() == texts{"0", "1", "2"});
    }
    CHECK(there_before.size() > 1);
}

}  // namespace

}  // namespace tidings::test
