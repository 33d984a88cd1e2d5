// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/sqlite/impl/outbox_state.hpp>
#include <tidings/store/sqlite/impl/waiting_handler.hpp>
#include <tidings/store/sqlite/outbox.hpp>

#include <boost/system/system_error.hpp>

#include <stdexcept>

namespace tidings::sqlite {

namespace detail {
namespace {

using outbox_table_rows = store::detail::outbox_tables;

/// One operation, by what it does to the rows and how it answers.
template <class Run, class Finish>
class outbox_job final : public write_job {
 public:
    outbox_job(std::shared_ptr<outbox_state> s, std::size_t size, bool is_growth, Run run,
               Finish finish)
        : write_job(size, is_growth),
          state_(std::move(s)),
          run_(std::move(run)),
          finish_(std::move(finish)) {}

    void run() override {
        state_->perform([this](outbox_table_rows& rows) { run_(rows); });
    }
    void finish(error_code ec) noexcept override { finish_(ec); }

 private:
    const std::shared_ptr<outbox_state> state_;
    Run run_;
    Finish finish_;
};

std::size_t bytes_of(const std::vector<store::outbox_entry>& entries) noexcept {
    std::size_t bytes = 0;
    const store::outbox_message* last = nullptr;
    for (const auto& e : entries) {
        bytes += store::detail::held_bytes(e);
        if (e.message && e.message.get() != last) bytes += store::detail::held_bytes(*e.message);
        last = e.message.get();
    }
    return bytes;
}

class sqlite_outbox final : public store::outbox {
 public:
    sqlite_outbox(std::shared_ptr<database_state> db, std::shared_ptr<outbox_state> state)
        : db_(std::move(db)),
          state_(std::move(state)) {}

    executor_type get_executor() const noexcept override { return db_->executor(); }

    void start_open(store::outbox_opening o, open_handler h) override {
        ask(std::move(h), 0, false, [o = std::move(o)](outbox_table_rows& rows) mutable {
            return rows.open(std::move(o));
        });
    }
    void start_append(store::outbox_append a, append_handler h) override {
        const auto bytes = bytes_of(a.entries);
        ask(std::move(h), bytes, true, [a = std::move(a)](outbox_table_rows& rows) mutable {
            return rows.append(std::move(a));
        });
    }
    void start_claim(store::outbox_query q, claim_handler h) override {
        ask(std::move(h), 0, false,
            [q = std::move(q)](outbox_table_rows& rows) { return rows.claim(q); });
    }
    void start_finish(store::outbox_round r, done_handler h) override {
        tell(std::move(h),
             [r = std::move(r)](outbox_table_rows& rows) mutable { rows.finish(std::move(r)); });
    }
    void start_list(store::outbox_selection s, list_handler h) override {
        ask(std::move(h), 0, false,
            [s = std::move(s)](outbox_table_rows& rows) { return rows.list(s); });
    }
    void start_list_attempts(std::string endpoint, std::uint64_t after_key, std::size_t max,
                             attempts_handler h) override {
        ask(std::move(h), 0, false,
            [endpoint = std::move(endpoint), after_key, max](outbox_table_rows& rows) {
                return rows.attempts().list(endpoint, after_key, max);
            });
    }
    void start_list_attempt_counts(store::outbox_counts_selection s, counts_handler h) override {
        ask(std::move(h), 0, false,
            [s = std::move(s)](outbox_table_rows& rows) { return rows.list_attempt_counts(s); });
    }
    void start_list_endpoints(std::string after_id, std::size_t max, endpoints_handler h) override {
        ask(std::move(h), 0, false, [after = std::move(after_id), max](outbox_table_rows& rows) {
            return rows.list_endpoints(after, max);
        });
    }
    void start_redeliver(store::outbox_redelivery r, redeliver_handler h) override {
        ask(std::move(h), 0, false,
            [r = std::move(r)](outbox_table_rows& rows) { return rows.redeliver(r); });
    }
    void start_retain(store::outbox_retention r, retain_handler h) override {
        ask(std::move(h), 0, false,
            [r = std::move(r)](outbox_table_rows& rows) { return rows.retain(r); });
    }
    void start_erase(std::string owner, done_handler h) override;
    void start_position(std::string history, std::string endpoint, position_handler h) override {
        const store::detail::mark_key key(std::move(endpoint), std::move(history));
        ask(std::move(h), 0, false, [key](outbox_table_rows& rows) { return rows.mark_of(key); });
    }
    bool durable() const noexcept override { return true; }
    store::outbox_stats stats() const noexcept override { return state_->stats(); }

 private:
    // Of an operation that answers with a value.
    template <class T, class Run>
    void ask(handler<T> h, std::size_t bytes, bool grows, Run run) {
        auto done = waiting_handler<error_code, T>::make(std::move(h));
        const auto result = std::make_shared<T>();
        post(
            bytes, grows, done,
            [result, run = std::move(run)](outbox_table_rows& rows) mutable {
                *result = run(rows);
            },
            [result, done](error_code ec) noexcept {
                done->complete(ec, ec ? T() : std::move(*result));
            });
    }
    template <class Run>
    void tell(done_handler h, Run run) {
        auto done = waiting_handler<error_code>::make(std::move(h));
        post(0, false, done, std::move(run),
             [done](error_code ec) noexcept { done->complete(ec); });
    }
    template <class... Values, class Run, class Finish>
    void post(std::size_t bytes, bool grows,
              const std::shared_ptr<waiting_handler<error_code, Values...>>& done, Run run,
              Finish finish) {
        const auto ec = db_->writing().post(std::make_unique<outbox_job<Run, Finish>>(
            state_, bytes, grows, std::move(run), std::move(finish)));
        if (ec) done->complete(ec, Values()...);
    }

    const std::shared_ptr<database_state> db_;
    const std::shared_ptr<outbox_state> state_;
};

void sqlite_outbox::start_erase(std::string owner, done_handler h) {
    auto done = waiting_handler<error_code>::make(std::move(h));
    post(
        0, false, done, [owner = std::move(owner)](outbox_table_rows& rows) { rows.erase(owner); },
        [done, db = db_](error_code ec) noexcept {
            done->complete(ec ? ec : db->writing().erase_remains());
        });
}

}  // namespace
}  // namespace detail

std::shared_ptr<store::outbox> make_outbox(database& db, store::outbox_options options) {
    error_code ec = db.status();
    std::shared_ptr<detail::outbox_state> state;
    if (!ec && !db.state()->take_outbox())
        throw std::invalid_argument("tidings::sqlite: the file has one outbox, which is in use");
    if (!ec) state = detail::outbox_state::make(db.state(), options, ec);
    if (ec) throw boost::system::system_error(ec, "tidings::sqlite::make_outbox");
    return std::make_shared<detail::sqlite_outbox>(db.state(), std::move(state));
}

}  // namespace tidings::sqlite
