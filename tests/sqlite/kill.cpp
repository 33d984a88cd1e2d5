// SPDX-License-Identifier: BSL-1.0
#include "support/power_vfs.hpp"
#include "support/sqlite_bed.hpp"

#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <random>

namespace tidings::test {

namespace {

/// What the child says of each event that is durable.
struct report {
    std::uint64_t number;
    std::uint64_t offset;  // of its position
};

/// Appends numbered events, some at a time, until it is killed.
[[noreturn]] void append_for_ever(const sqlite::database_options& o, std::uint64_t next, int out) {
    net::io_context io;
    sqlite::database db(io, o);
    const auto events = sqlite::make_history(db, {{.pattern = ">", .max_events = 100'000}});
    std::function<void()> append_next = [&] {
        const auto number = next++;
        error_code ec;
        auto e = publication::make("a", made(std::to_string(number)), {}, ec);
        events->append(pending_publication(std::move(e)),
                       append_handler(io.get_executor(), [&, number](error_code why, position at) {
                           const report r{number, at.number()};
                           if (why || ::write(out, &r, sizeof r) != sizeof r) ::_exit(1);
                           append_next();
                       }));
    };
    for (int i = 0; i < 16; ++i) append_next();
    io.run();
    ::_exit(1);
}

TEST_CASE("what completed before SIGKILL is there, at its position, round after round",
          "[sqlite]") {
    constexpr int rounds = 10;
    const temporary_folder folder;
    auto o = store_options(folder.file("store.db"));
    o.durable = GENERATE(sqlite::durability::memory, sqlite::durability::process);
    std::mt19937 random(20261129);
    std::uint64_t next = 0;
    std::vector<report> reports;
    for (int round = 0; round < rounds; ++round) {
        INFO("round " << round);
        int ends[2];
        REQUIRE(::pipe(ends) == 0);
        const auto child = ::fork();
        if (child == 0) append_for_ever(o, next, ends[1]);
        ::close(ends[1]);
        REQUIRE(child > 0);
        auto left = std::uniform_int_distribution<int>(1, 150)(random);
        report r{};
        for (; ::read(ends[0], &r, sizeof r) == sizeof r; --left) {
            reports.push_back(r);
            if (left == 0) ::kill(child, SIGKILL);
        }
        ::close(ends[0]);
        int status = 0;
        REQUIRE(::waitpid(child, &status, 0) == child);
        REQUIRE(WIFSIGNALED(status));

        stored_history f(o, 100'000);
        std::uint64_t count = 0;
        std::map<std::uint64_t, std::string> by_offset;
        position from;
        for (bool at_end = false; !at_end;) {
            const auto s = f.read(from);
            for (const auto& e : s.events) {
                by_offset[e->sequence()] = std::string(e->text());
                // In order, without a hole: what had not completed may be there, too.
                CHECK(e->text() == std::to_string(count++));
            }
            from = s.next;
            at_end = s.at_end;
        }
        for (const auto& known : reports) {
            const auto it = by_offset.find(known.offset);
            REQUIRE(it != by_offset.end());
            CHECK(it->second == std::to_string(known.number));
        }
        next = count;
    }
    CHECK(reports.size() > rounds);
}

TEST_CASE("a file whose making was ended by SIGKILL can be opened", "[sqlite]") {
    power_vfs vfs;
    bool was_whole = false;
    for (std::size_t nth = 1; !was_whole && nth < 200; ++nth) {
        INFO("call " << nth);
        const temporary_folder folder;
        auto o = store_options(folder.file("store.db"));
        o.vfs = power_vfs::name;
        const auto child = ::fork();
        if (child == 0) {
            vfs.fail_from(nth, power_vfs::fault::killed);
            net::io_context io;
            error_code ec;
            const sqlite::database db(io.get_executor(), o, ec);
            ::_exit(ec ? 1 : 0);
        }
        REQUIRE(child > 0);
        int status = 0;
        REQUIRE(::waitpid(child, &status, 0) == child);
        was_whole = WIFEXITED(status) && WEXITSTATUS(status) == 0;
        CHECK(was_whole != WIFSIGNALED(status));
        stored_history f(o);
        f.add("a", "1");
        CHECK(show(f.read({}).events) == texts{"a=1"});
        CHECK_FALSE(std::filesystem::exists(o.path + ".making"));
    }
    CHECK(was_whole);
}

}  // namespace

}  // namespace tidings::test
