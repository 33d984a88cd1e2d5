// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/sqlite/database.hpp>
#include <tidings/store/sqlite/impl/database_state.hpp>

#include <boost/system/system_error.hpp>

#include <stdexcept>

namespace tidings::sqlite {

namespace {

constexpr std::size_t least_wal_bytes = 8 * 1024 * 1024;

void check_options(const database_options& o) {
    if (o.path.empty()) throw std::invalid_argument("tidings::sqlite::database: no path");
    if (o.max_wal_bytes < least_wal_bytes)
        throw std::invalid_argument("tidings::sqlite::database: max_wal_bytes is below 8 MiB");
}

}  // namespace

database::database(executor_type executor, database_options options) : executor_(executor) {
    error_code ec;
    auto what = "tidings::sqlite::database: " + options.path;
    *this = database(std::move(executor), std::move(options), ec);
    if (ec) throw boost::system::system_error(ec, what);
}

database::database(executor_type executor, database_options options, error_code& ec)
    : executor_(executor) {
    check_options(options);
    state_ = detail::database_state::open(std::move(executor), std::move(options), ec);
}

database& database::operator=(database&& o) noexcept {
    if (this == &o) return *this;
    close();
    executor_ = o.executor_;
    state_ = std::move(o.state_);
    return *this;
}

database::~database() {
    close();
}

void database::close() noexcept {
    if (state_) state_->close();
}

error_code database::status() const noexcept {
    return state_ ? state_->status() : make_error_code(errc::closed);
}

std::string database::set_aside() const {
    return state_ ? detail::file_set_aside(state_->options().path) : std::string();
}

database_sizes database::sizes() const noexcept {
    if (!state_) return {};
    const auto& path = state_->options().path;
    return {detail::file_bytes(path), state_->shared().log_bytes, detail::free_bytes(path)};
}

database_commits database::commits() const noexcept {
    if (!state_) return {};
    const auto& c = state_->shared().commits;
    return {c.count(), c.quantile(500), c.quantile(990), c.quantile(1000)};
}

void database::start_backup(const state_pointer& s, std::string path, done_handler h) {
    if (!s) return std::move(h)(errc::closed);
    s->start_backup(std::move(path), std::move(h));
}

void database::start_drain(const state_pointer& s, done_handler h) {
    if (!s) return std::move(h)(errc::closed);
    s->start_drain(std::move(h));
}

}  // namespace tidings::sqlite
