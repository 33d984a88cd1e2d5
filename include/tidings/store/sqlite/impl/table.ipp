// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/sqlite/impl/database_state.hpp>
#include <tidings/store/sqlite/impl/table_state.hpp>
#include <tidings/store/sqlite/impl/waiting_handler.hpp>
#include <tidings/store/sqlite/table.hpp>

#include <boost/system/system_error.hpp>

#include <tuple>

namespace tidings::sqlite {

namespace detail {
namespace {

/// What one operation came to.
template <class... Values>
struct table_result {
    error_code error{};
    std::tuple<Values...> values{};
    std::optional<store::row_change> change{};
};

template <class Run, class... Values>
class table_job final : public write_job {
 public:
    using handler = std::shared_ptr<waiting_handler<error_code, Values...>>;

    table_job(std::shared_ptr<database_state> db, std::shared_ptr<table_state> t, std::size_t size,
              bool is_growth, Run run, handler done)
        : write_job(size, is_growth),
          db_(std::move(db)),
          table_(std::move(t)),
          run_(std::move(run)),
          done_(std::move(done)) {}

    void run() override {
        if (table_->open(db_->writing().of())) db_->writing().add(table_);
        run_(*table_, result_);
    }
    void finish(error_code ec) noexcept override {
        if (!ec && result_.change) table_->watchers()->tell(*result_.change);
        std::apply(
            [&](Values&... values) {
                done_->complete(ec ? ec : result_.error, std::move(values)...);
            },
            result_.values);
    }

 private:
    const std::shared_ptr<database_state> db_;
    const std::shared_ptr<table_state> table_;
    Run run_;
    table_result<Values...> result_;
    const handler done_;
};

class sqlite_table final : public store::table {
 public:
    sqlite_table(std::shared_ptr<database_state> db, std::shared_ptr<table_state> state)
        : db_(std::move(db)),
          state_(std::move(state)) {}

    executor_type get_executor() const noexcept override { return db_->executor(); }
    void start_get(std::string key, get_handler h) override;
    void start_put(std::string key, std::string value, std::uint64_t expected,
                   put_handler h) override;
    void start_erase(std::string key, std::uint64_t expected, erase_handler h) override;
    void start_scan(std::string after, std::size_t max, scan_handler h) override;
    store::watch_handle watch(std::function<void(const store::row_change&)> f) override {
        return state_->watchers()->add(std::move(f));
    }

 private:
    template <class... Values, class Run>
    void perform(tidings::completion_handler<error_code, Values...> h, std::size_t bytes,
                 bool grows, Run run) {
        auto done = waiting_handler<error_code, Values...>::make(std::move(h));
        const auto ec = db_->writing().post(std::make_unique<table_job<Run, Values...>>(
            db_, state_, bytes, grows, std::move(run), done));
        if (ec) done->complete(ec, Values()...);
    }

    const std::shared_ptr<database_state> db_;
    const std::shared_ptr<table_state> state_;
};

void sqlite_table::start_get(std::string key, get_handler h) {
    const auto bytes = key.size();
    perform(std::move(h), bytes, false,
            [key = std::move(key)](table_state& t, table_result<store::row>& result) {
                result.error = t.get(key, std::get<0>(result.values));
                if (result.error) std::get<0>(result.values) = {};
            });
}

void sqlite_table::start_put(std::string key, std::string value, std::uint64_t expected,
                             put_handler h) {
    const auto bytes = key.size() + value.size();
    perform(std::move(h), bytes, true,
            [key = std::move(key), value = std::move(value), expected](
                table_state& t, table_result<std::uint64_t>& result) {
                auto& revision = std::get<0>(result.values);
                revision = t.revision_of(key);
                if (revision != expected) {
                    result.error = errc::store_conflict;
                    return;
                }
                revision = t.put(key, value);
                result.change = {key, value, revision};
            });
}

void sqlite_table::start_erase(std::string key, std::uint64_t expected, erase_handler h) {
    const auto bytes = key.size();
    perform(std::move(h), bytes, false,
            [key = std::move(key), expected](table_state& t, table_result<>& result) {
                const auto revision = t.revision_of(key);
                if (revision == 0) {
                    result.error = errc::not_found;
                    return;
                }
                if (expected != 0 && revision != expected) {
                    result.error = errc::store_conflict;
                    return;
                }
                t.erase(key);
                result.change = {key, {}, 0};
            });
}

void sqlite_table::start_scan(std::string after, std::size_t max, scan_handler h) {
    const auto bytes = after.size();
    perform(std::move(h), bytes, false,
            [after = std::move(after), max](table_state& t,
                                            table_result<std::vector<store::row>>& result) {
                t.scan(after, max, std::get<0>(result.values));
            });
}

}  // namespace
}  // namespace detail

std::shared_ptr<store::table> make_table(database& db, std::string name) {
    if (db.status() == errc::closed)
        throw boost::system::system_error(make_error_code(errc::closed),
                                          "tidings::sqlite::make_table");
    return std::make_shared<detail::sqlite_table>(db.state(),
                                                  db.state()->table_of(std::move(name)));
}

}  // namespace tidings::sqlite
