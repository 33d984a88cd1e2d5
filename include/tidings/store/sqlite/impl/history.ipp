// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/impl/guarded.hpp>
#include <tidings/store/sqlite/history.hpp>
#include <tidings/store/sqlite/impl/history_state.hpp>
#include <tidings/topic.hpp>

#include <boost/system/system_error.hpp>

#include <new>
#include <stdexcept>

namespace tidings::sqlite {

namespace detail {
namespace {

class sqlite_history final : public tidings::history {
 public:
    sqlite_history(std::shared_ptr<database_state> db, std::shared_ptr<history_state> state)
        : db_(std::move(db)),
          state_(std::move(state)) {}

    executor_type get_executor() const noexcept override { return db_->executor(); }
    bool covers(std::string_view topic) const noexcept override {
        return ring_of(state_->rules(), topic).has_value();
    }
    void listen(history_listener& listener) override { state_->listen(&listener); }
    void unlisten(const history_listener& listener) noexcept override {
        state_->unlisten(listener);
    }
    append_result append(pending_publication e, append_handler handler) override;
    position head() const override { return state_->head(); }
    void start_read(position after, std::vector<std::string> patterns, std::size_t max_events,
                    read_handler handler) override {
        ask({std::move(after), std::move(patterns), max_events, false}, std::move(handler));
    }
    void start_read_back(position before, std::vector<std::string> patterns, std::size_t max_events,
                         read_handler handler) override {
        ask({std::move(before), std::move(patterns), max_events, true}, std::move(handler));
    }
    std::optional<position> find(std::string_view source, std::string_view id) const override {
        return state_->find(source, id);
    }

 private:
    void ask(history_state::question q, read_handler handler);

    const std::shared_ptr<database_state> db_;
    const std::shared_ptr<history_state> state_;
};

append_result sqlite_history::append(pending_publication e, append_handler handler) {
    append_result result;
    append_job::handler done;
    try {
        if (handler) done = waiting_handler<error_code, position>::make(std::move(handler));
        const auto ring = ring_of(state_->rules(), e->topic());
        if (ring)
            result.error = db_->writing().post(
                std::make_unique<append_job>(state_, std::move(e), *ring, done));
        else
            result.error = errc::history_failed;
    } catch (const std::bad_alloc&) {
        result.error = errc::out_of_memory;
    }
    if (result.error && done) done->complete(result.error, position());
    return result;
}

/// A read that was started, as it goes from thread to thread.
struct history_read {
    std::shared_ptr<history_state> state;
    history_state::question what;
    std::int64_t asked_at;  // what becomes too old later does not keep it waiting
    std::shared_ptr<waiting_handler<error_code, history_slice>> done;

    void complete(error_code ec, history_slice slice = {}) const noexcept {
        done->complete(ec, std::move(slice));
    }
};

void read_in_file(const std::shared_ptr<database_state>& db,
                  const std::shared_ptr<history_read>& r) {
    const auto ec = db->reading().post([db = db.get(), r](connection* c) {
        if (c == nullptr) return r->complete(db->status());
        try {
            r->complete({}, r->state->read_file(*c, db->shared(), r->what));
        } catch (const failure& f) {
            tidings::detail::write_log(db->options().log,
                                       {log_level::error, "sqlite", f.what(), errc::store_failed});
            r->complete(errc::history_failed);
        } catch (const std::bad_alloc&) {
            r->complete(errc::out_of_memory);
        }
    });
    if (ec) r->complete(ec);
}

void read_anywhere(const std::shared_ptr<database_state>& db,
                   const std::shared_ptr<history_read>& r) {
    std::optional<history_slice> slice;
    try {
        slice = r->state->read_cache(r->what);
    } catch (const std::bad_alloc&) {
        return r->complete(errc::out_of_memory);
    }
    if (slice)
        r->complete({}, *std::move(slice));
    else
        read_in_file(db, r);
}

void read_when_fresh(const std::shared_ptr<database_state>& db,
                     const std::shared_ptr<history_read>& r) noexcept;

/// What is too old goes with groups, as many as it needs, before a read that would find it.
class expiry_job final : public write_job {
 public:
    expiry_job(std::shared_ptr<database_state> db, std::shared_ptr<history_read> r)
        : write_job(0, false),
          db_(std::move(db)),
          read_(std::move(r)) {}
    void run() override {}
    void finish(error_code ec) noexcept override {
        if (ec) return read_->complete(ec);
        read_when_fresh(db_, read_);
    }

 private:
    const std::shared_ptr<database_state> db_;
    const std::shared_ptr<history_read> read_;
};

void read_when_fresh(const std::shared_ptr<database_state>& db,
                     const std::shared_ptr<history_read>& r) noexcept {
    try {
        if (!r->state->is_expired(r->asked_at)) return read_anywhere(db, r);
        const auto ec = db->writing().post_always(std::make_unique<expiry_job>(db, r));
        if (ec) r->complete(ec);
    } catch (const std::bad_alloc&) {
        r->complete(errc::out_of_memory);
    }
}

void sqlite_history::ask(history_state::question q, read_handler handler) {
    const auto r = std::make_shared<history_read>(
        history_read{state_, std::move(q), state_->now(),
                     waiting_handler<error_code, history_slice>::make(std::move(handler))});
    if (const auto failed = db_->status()) return r->complete(failed);
    read_when_fresh(db_, r);
}

}  // namespace
}  // namespace detail

std::shared_ptr<tidings::history> make_history(database& db, std::vector<history_rule> rules) {
    for (const auto& rule : rules)
        if (check_pattern(rule.pattern))
            throw std::invalid_argument("tidings::sqlite: not a pattern: " + rule.pattern);
    error_code ec = db.status();
    std::shared_ptr<detail::history_state> state;
    if (!ec && !db.state()->take_history())
        throw std::invalid_argument("tidings::sqlite: the file has one history, which is in use");
    if (!ec) state = detail::history_state::make(db.state(), std::move(rules), ec);
    if (ec) throw boost::system::system_error(ec, "tidings::sqlite::make_history");
    return std::make_shared<detail::sqlite_history>(db.state(), std::move(state));
}

}  // namespace tidings::sqlite
