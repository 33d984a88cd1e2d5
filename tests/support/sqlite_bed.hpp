// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/bus_fixture.hpp"
#include "support/store_folder.hpp"

#include <tidings/store/sqlite/history.hpp>
#include <tidings/test/run_until.hpp>

#include <string>
#include <utility>
#include <vector>

namespace tidings::test {

/// Counts what a history refuses after `append`.
class recording_failures final : public history_listener {
 public:
    void on_committed(const event_ptr&) noexcept override {}
    void on_append_failed(const event_ptr&, error_code ec) noexcept override {
        if (ec == errc::store_failed) ++count;
    }
    int count = 0;
};

/// A database with a history, which is read and appended to without a bus.
class stored_history {
 public:
    explicit stored_history(sqlite::database_options o, std::size_t max_events = 1000)
        : stored_history(std::move(o), {{.pattern = ">", .max_events = max_events}}) {}
    stored_history(sqlite::database_options o, std::vector<history_rule> rules)
        : db(std::in_place, io.get_executor(), std::move(o)),
          events(sqlite::make_history(*db, std::move(rules))) {}

    /// Completes when it is durable.
    std::pair<error_code, position> append(std::string_view topic, event e) {
        std::pair<error_code, position> result;
        bool ended = false;
        error_code ec;
        const auto frozen = publication::make(topic, std::move(e), {}, ec);
        REQUIRE_FALSE(ec);
        const auto r =
            events->append(pending_publication(frozen),
                           append_handler(io.get_executor(), [&](error_code why, position at) {
                               result = {why, at};
                               ended = true;
                           }));
        REQUIRE(run_io_until(io, [&] { return ended; }));
        if (r.error) CHECK(r.error == result.first);
        return result;
    }
    position add(std::string_view topic, std::string_view text) {
        const auto [ec, at] = append(topic, made(text));
        CHECK_FALSE(ec);
        return at;
    }
    std::pair<error_code, history_slice> try_read(position after, std::size_t max = 1000,
                                                  std::vector<std::string> patterns = {">"}) {
        std::pair<error_code, history_slice> result;
        bool ended = false;
        events->async_read(std::move(after), std::move(patterns), max,
                           net::bind_executor(io, [&](error_code ec, history_slice s) {
                               result = {ec, std::move(s)};
                               ended = true;
                           }));
        REQUIRE(run_io_until(io, [&] { return ended; }));
        return result;
    }
    history_slice read(position after, std::size_t max = 1000,
                       std::vector<std::string> patterns = {">"}) {
        auto [ec, slice] = try_read(std::move(after), max, std::move(patterns));
        CHECK_FALSE(ec);
        return slice;
    }
    /// All that is held, slice by slice.
    texts read_all() {
        texts all;
        position from;
        for (bool at_end = false; !at_end;) {
            const auto s = read(from);
            for (const auto& shown : show(s.events)) all.push_back(shown);
            from = s.next;
            at_end = s.at_end;
        }
        return all;
    }
    void close() {
        events.reset();
        db.reset();
    }

    net::io_context io;
    std::optional<sqlite::database> db;
    std::shared_ptr<history> events;
};

}  // namespace tidings::test
