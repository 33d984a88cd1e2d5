// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/impl/guarded.hpp>
#include <tidings/store/sqlite/impl/database_state.hpp>
#include <tidings/store/sqlite/impl/waiting_handler.hpp>

#include <boost/asio/append.hpp>
#include <new>

namespace tidings::sqlite::detail {

namespace {

void log_opening(const database_options& o, const opened_store& opened, error_code ec) {
    const auto say = [&o](std::string_view what, error_code why) {
        tidings::detail::write_log(o.log, {log_level::error, "sqlite", what, why});
    };
    if (ec) say(opened.what.empty() ? o.path : opened.what, ec);
    if (!ec && !opened.set_aside.empty())
        say("the damaged file is now " + opened.set_aside, errc::store_damaged);
}

/// Completes behind what was started before.
class drain_job final : public write_job {
 public:
    using handler = std::shared_ptr<waiting_handler<error_code>>;
    explicit drain_job(handler h) : write_job(0, false), handler_(std::move(h)) {}
    void run() override {}
    void finish(error_code ec) noexcept override { handler_->complete(ec); }

 private:
    handler handler_;
};

}  // namespace

std::shared_ptr<database_state> database_state::open(net::any_io_executor executor,
                                                     database_options o, error_code& ec) {
    o.path = target_of(std::move(o.path));
    auto opened = open_store(o, ec);
    log_opening(o, opened, ec);
    if (ec) return nullptr;
    try {
        auto made =
            std::make_shared<database_state>(std::move(executor), std::move(o), std::move(opened));
        made->start();
        return made;
    } catch (const failure& f) {
        ec = f.is_damage() ? errc::store_damaged : errc::store_failed;
        return nullptr;
    }
}

database_state::database_state(net::any_io_executor executor, database_options o,
                               opened_store opened)
    : executor_(std::move(executor)),
      options_(std::move(o)),
      opened_(std::move(opened)),
      work_(std::make_shared<work_keeper>(executor_)) {}

database_state::~database_state() = default;

void database_state::start() {
    bodies_.emplace(*opened_.writing);
    writer_.emplace(options_, *opened_.writing, shared_, work_, weak_from_this());
    reader_.emplace(*opened_.reading, shared_, work_, weak_from_this());
    backup_.emplace(options_, shared_, *reader_, closed_);
    tidings::detail::watch_context(executor_, work_);
}

std::shared_ptr<table_state> database_state::table_of(const std::string& name) {
    const std::lock_guard lock(tables_mutex_);
    auto& t = tables_[name];
    if (!t) t = std::make_shared<table_state>(name, options_.cipher, options_.log);
    return t;
}

bool database_state::take_ids(const std::string& name) {
    const std::lock_guard lock(tables_mutex_);
    return ids_.insert(name).second;
}

error_code database_state::status() const noexcept {
    if (closed_) return errc::closed;
    return shared_.failed ? make_error_code(errc::store_failed) : error_code();
}

void database_state::close() noexcept {
    if (closed_.exchange(true)) return;
    {
        const std::lock_guard lock(shared_.backup_mutex);
        if (shared_.backup != nullptr) shared_.backup->interrupt();
    }
    const auto keep = shared_from_this();
    reader_->stop();
    writer_->stop([this] { finish(); });
}

// On the writing thread, if there ever was one. After a failure the log stays as it is: what it
// holds is for the next opening to read.
void database_state::finish() noexcept {
    writer_->release_members();
    bodies_.reset();
    opened_.reading.reset();
    try {
        // Of a program that reads it the log is kept, for the next opening.
        if (!shared_.failed) opened_.writing->empty_log();
    } catch (const failure& f) {
        tidings::detail::write_log(options_.log,
                                   {log_level::error, "sqlite", f.what(), errc::store_failed});
    } catch (const std::bad_alloc&) {
        // The next opening makes the checkpoint.
    }
    opened_.writing.reset();
    opened_.lock = {};
}

void database_state::start_drain(handler h) {
    const auto waiting = waiting_handler<error_code>::make(std::move(h));
    const auto ec = writer_->post_always(std::make_unique<drain_job>(waiting));
    if (ec) waiting->complete(ec);
}

void database_state::start_backup(std::string path, handler h) {
    const auto waiting = waiting_handler<error_code>::make(std::move(h));
    const auto ec = reader_->post_long([this, path = std::move(path), waiting](connection* c) {
        waiting->complete(c != nullptr ? backup_->make(path) : status());
    });
    if (ec) waiting->complete(ec);
}

}  // namespace tidings::sqlite::detail
