// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/impl/finds_memory.hpp>
#include <tidings/impl/guarded.hpp>
#include <tidings/lane/impl/lane_handler.hpp>
#include <tidings/rest_hook/impl/row_keeper.hpp>

#include <utility>

namespace tidings::rest_hook::detail {

using namespace tidings::detail;

row_keeper::row_keeper(std::shared_ptr<lane> home, std::shared_ptr<store::table> table,
                       std::string key, std::chrono::milliseconds patience, reconnect_options waits,
                       io::random& random, log_sink log, unique_function<void()> on_stranger)
    : lane_(std::move(home)),
      table_(std::move(table)),
      key_(std::move(key)),
      patience_(patience),
      random_(random),
      backoff_(waits),
      log_(std::move(log)),
      on_stranger_(std::move(on_stranger)),
      again_([this] { on_timer(); }) {}

void row_keeper::load(unique_function<void(value)> done) {
    on_loaded_ = std::move(done);
    known_ = false;
    settle();
}

void row_keeper::want(value v) {
    wanted_ = std::move(v);
    settle();
}

void row_keeper::when_idle(unique_function<void()> done) {
    on_idle_.push_back(std::move(done));
    settle();
}

void row_keeper::stop() noexcept {
    ++turn_;
    if (work_ != work::over) work_ = work::none;
    again_.cancel();
    const auto last = std::exchange(on_loaded_, {});
    const auto idle = std::exchange(on_idle_, {});
}

// One operation at a time, whatever is wanted meanwhile.
void row_keeper::settle() {
    if (work_ != work::none) return;
    if (!finds_memory([this] {
            if (!known_ && (on_loaded_ || tried_ || wanted_)) return read();
            if (known_ && wanted_ != stored_) return write();
        }))
        return try_again(errc::out_of_memory);
    if (work_ != work::none || !known_) return;
    const auto keep = shared_from_this();
    for (auto& done : std::exchange(on_idle_, {})) done();
}

// A table that throws has ended the handler, whose answer comes then.
template <class... Values, class F, class Ask>
void row_keeper::ask(F take, Ask start) {
    auto h = lane_handler<Values...>(
        lane_, errc::store_failed,
        [weak = weak_from_this(), turn = ++turn_, take](error_code ec, Values... values) {
            const auto self = weak.lock();
            if (!self || self->turn_ != turn) return;
            self->work_ = work::none;
            self->again_.cancel();
            if (!finds_memory([&] { take(*self, ec, values...); }))
                self->try_again(errc::out_of_memory);
        });
    work_ = work::asking;
    again_.arm(lane_->timers(), patience_);
    guarded(log_, "rest_hook", [&] { start(std::move(h)); });
}

void row_keeper::read() {
    ask<store::row>(
        [](row_keeper& self, error_code ec, const store::row& r) { self.on_read(ec, r); },
        [this](auto h) { table_->start_get(key_, std::move(h)); });
}

void row_keeper::write() {
    tried_ = wanted_;
    if (!wanted_)
        return ask<>([](row_keeper& self, error_code ec) { self.on_written(ec, 0, {}); },
                     [this](auto h) { table_->start_erase(key_, revision_, std::move(h)); });
    ask<std::uint64_t>(
        [what = wanted_](row_keeper& self, error_code ec, std::uint64_t revision) {
            self.on_written(ec, revision, what);
        },
        [this](auto h) { table_->start_put(key_, *wanted_, revision_, std::move(h)); });
}

void row_keeper::on_read(error_code ec, const store::row& r) {
    if (ec && ec != errc::not_found) return try_again(ec);
    const auto found = ec ? value() : value(r.value);
    const bool ours = !found || found == stored_ || (tried_ && found == *tried_);
    const bool stranger = !on_loaded_ && !ours;
    stored_ = found;
    revision_ = ec ? 0 : r.revision;
    known_ = true;
    tried_.reset();
    backoff_.reset();
    if (stranger) {
        const auto keep = shared_from_this();
        stop();
        work_ = work::over;
        return on_stranger_();
    }
    if (!on_loaded_) return settle();
    wanted_ = stored_;
    const auto keep = shared_from_this();
    std::exchange(on_loaded_, {})(found);
    settle();
}

void row_keeper::on_written(error_code ec, std::uint64_t revision, const value& what) {
    if (ec == errc::not_found && !what) ec = {};
    if (ec) {
        // It may have been done: what the table has is read before it is written again.
        known_ = false;
        return ec == errc::store_conflict ? settle() : try_again(ec);
    }
    stored_ = what;
    revision_ = revision;
    tried_.reset();
    backoff_.reset();
    settle();
}

// What has no answer may have been done, or be done yet: the row is read before it is written
// again.
void row_keeper::on_timer() {
    const bool late = std::exchange(work_, work::none) == work::asking;
    if (!late) return settle();
    ++turn_;
    known_ = false;
    try_again(errc::timed_out);
}

void row_keeper::try_again(error_code ec) {
    if (work_ == work::over) return;
    if (log_)
        finds_memory([&] {
            log_({log_level::warning, "rest_hook", "the row " + key_ + " is tried again", ec});
        });
    work_ = work::waiting;
    again_.arm(lane_->timers(), backoff_.next(random_.next()));
}

}  // namespace tidings::rest_hook::detail
