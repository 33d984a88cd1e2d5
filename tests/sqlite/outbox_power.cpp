// SPDX-License-Identifier: BSL-1.0
// An outbox in a file whose disk loses its power, is full or fails, at each of its calls.
#include "support/outbox_bed.hpp"
#include "support/power_vfs.hpp"
#include "support/store_folder.hpp"

#include <tidings/store/sqlite/outbox.hpp>

#include <array>
#include <filesystem>
#include <limits>
#include <mutex>
#include <optional>

namespace tidings::test {

namespace {

using state = outbox_bed::state;
using texts = outbox_bed::texts;

sqlite::database_options power_options(const temporary_folder& f) {
    auto o = store_options(f.file("store.db"));
    o.durable = sqlite::durability::power;
    o.vfs = power_vfs::name;
    return o;
}

/// An outbox with its database.
struct stored_outbox {
    explicit stored_outbox(sqlite::database_options o) : db(io, std::move(o)) {}
    net::io_context io;
    sqlite::database db;
    outbox_bed rows{
        {"sqlite", [this](store::outbox_options o) { return sqlite::make_outbox(db, o); }}};
};

/// What is written and how far it has come: of each entry whether it was taken, and what became of
/// it, begun and completed.
struct progress {
    std::size_t taken = 0;
    std::size_t begun = 0;
    std::size_t settled = 0;
};

constexpr std::size_t entry_count = 3;

/// What the n-th entry is settled as: delivered, dead, to be tried again.
state end_of(std::size_t n) {
    constexpr std::array<state, entry_count> all{state::done, state::dead, state::retry};
    return all.at(n);
}

store::outbox_round round_of(std::uint64_t key, std::size_t n) {
    store::outbox_attempt attempt;
    attempt.entry = key;
    attempt.status = 500;
    return {.now = outbox_bed::at(),
            .results = {{.key = key,
                         .outcome = end_of(n),
                         .attempts = 1,
                         .due = outbox_bed::at(),
                         .last_error = errc::http_status,
                         .attempt = store::outbox_result::attempt_end{outbox_bed::at()}}},
            .attempts = {attempt}};
}

/// Takes all entries and settles them, one after another, until something fails.
template <class Note>
error_code run_program(outbox_bed& o, Note note) {
    progress p;
    for (; p.taken < entry_count; note(p)) {
        const auto id = std::to_string(p.taken);
        if (const auto ec = o.try_append({outbox_bed::entry("e", id)})) return ec;
        ++p.taken;
    }
    const auto claimed = o.claim().entries;
    REQUIRE(claimed.size() == entry_count);
    for (const auto& e : claimed) {
        ++p.begun;
        note(p);
        const auto ec = o.bed()
                            .wait_for<>([&](auto h) {
                                o.of().async_finish(round_of(e.key, p.settled), std::move(h));
                            })
                            .first;
        if (ec) return ec;
        ++p.settled;
        note(p);
    }
    return {};
}

/// Nothing that was taken is missing, and what was settled is settled for good.
void check_rows(outbox_bed& o, const progress& p) {
    const auto all = o.list();
    const auto state_of = [&](std::size_t n) -> std::optional<store::outbox_state> {
        for (const auto& l : all)
            if (l.entry.message_id == std::to_string(n)) {
                CHECK(*l.entry.message->body == "body of " + std::to_string(n));
                return l.state;
            }
        return std::nullopt;
    };
    for (std::size_t n = 0; n < entry_count; ++n) {
        INFO("entry " << n << " of " << p.taken << ", settled " << p.settled);
        const auto is = state_of(n);
        if (n >= p.begun && n < p.taken) CHECK(is == store::outbox_state::pending);
        if (n >= p.settled) continue;
        if (end_of(n) == state::done) CHECK_FALSE(is);
        if (end_of(n) == state::dead) CHECK(is == store::outbox_state::dead);
        if (end_of(n) == state::retry) CHECK(is == store::outbox_state::pending);
    }
    CHECK(o.attempts().size() >= p.settled);
    // What is settled is counted by the same transaction.
    std::size_t settled = p.taken != 0 && !state_of(0) ? 1 : 0;
    for (const auto& l : all) settled += l.entry.attempts;
    std::size_t counted = 0;
    for (const auto& c : o.counts_of("e")) counted += c.succeeded + c.failed;
    CHECK(counted == settled);
}

TEST_CASE("an outbox has what it took after a power cut at any sync", "[sqlite][store]") {
    struct cut {
        power_vfs::disk disk;
        progress come;
    };
    power_vfs vfs;
    const temporary_folder folder;
    std::mutex mutex;
    progress come;
    std::vector<cut> cuts;  // before and behind each sync
    {
        stored_outbox f(power_options(folder));
        vfs.on_sync([&](const power_vfs::disk& d) {
            const std::lock_guard lock(mutex);
            cuts.push_back({d, come});
        });
        CHECK_FALSE(run_program(f.rows, [&](const progress& p) {
            const std::lock_guard lock(mutex);
            come = p;
        }));
        CHECK(come.settled == entry_count);
    }
    vfs.on_sync({});
    REQUIRE(cuts.size() >= 4 * entry_count);
    for (std::size_t i = 0; i < cuts.size(); ++i) {
        INFO("cut " << i << " of " << cuts.size());
        const temporary_folder left;
        power_vfs::restore(cuts[i].disk, left.path().string());
        stored_outbox after(power_options(left));
        check_rows(after.rows, cuts[i].come);
    }
}

TEST_CASE("an outbox whose write or sync fails takes nothing more, and has what it took",
          "[sqlite][store]") {
    const auto how =
        GENERATE(power_vfs::fault::io_error, power_vfs::fault::full, power_vfs::fault::failed_sync);
    power_vfs vfs;
    const temporary_folder first;
    const auto whole = power_options(first);
    { const stored_outbox made(whole); }
    std::size_t failures = 0;
    bool was_whole = false;
    for (std::size_t nth = 1; !was_whole && nth < 200; ++nth) {
        INFO("call " << nth);
        const temporary_folder folder;
        const auto o = power_options(folder);
        std::filesystem::copy_file(whole.path, o.path);
        progress come;
        {
            stored_outbox f(o);
            vfs.fail_from(nth, how);
            const auto ec = run_program(f.rows, [&](const progress& p) { come = p; });
            was_whole = !vfs.has_failed();
            CHECK((ec == errc::store_failed) == !was_whole);
            vfs.fail_from(0, power_vfs::fault::none);
            if (!was_whole) {
                ++failures;
                // The disk is well again, and that changes nothing.
                CHECK(f.rows.try_append({outbox_bed::entry("e", "later")}) == errc::store_failed);
                CHECK(f.db.status() == errc::store_failed);
            }
        }
        stored_outbox after(o);
        check_rows(after.rows, come);
        after.rows.append("e", "after");
    }
    CHECK(was_whole);
    CHECK(failures >= 2 * entry_count);
}

TEST_CASE("while the disk is low an outbox takes nothing new, and settles what it has",
          "[sqlite][store]") {
    const temporary_folder folder;
    auto o = store_options(folder.file("store.db"));
    {
        stored_outbox f(o);
        f.rows.append("e", "1");
    }
    o.min_free_bytes = std::numeric_limits<std::size_t>::max();
    stored_outbox f(o);
    CHECK(f.rows.try_append({outbox_bed::entry("e", "2")}) == errc::store_full);
    f.rows.claim_and_finish(state::done);
    CHECK(f.rows.listed_ids().empty());
    CHECK_FALSE(f.db.status());
}

}  // namespace

}  // namespace tidings::test
