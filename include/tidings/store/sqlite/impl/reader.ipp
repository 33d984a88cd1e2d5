// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/impl/guarded.hpp>
#include <tidings/io/impl/signals_blocked.hpp>
#include <tidings/store/sqlite/impl/reader.hpp>

#include <new>
#include <system_error>

namespace tidings::sqlite::detail {

error_code reader::enqueue(read_job job, bool is_long) {
    auto& queue = is_long ? waiting_long_ : waiting_;
    const std::lock_guard lock(mutex_);
    if (stopping_) return errc::closed;
    try {
        queue.push_back({std::move(job), kept_work(work_)});
    } catch (const std::bad_alloc&) {
        return errc::out_of_memory;
    }
    if (const auto ec = start_thread()) {
        queue.pop_back();
        return ec;
    }
    wake_.notify_one();
    return {};
}

// With the mutex held.
error_code reader::start_thread() noexcept {
    if (thread_.joinable()) return {};
    try {
        const tidings::detail::signals_blocked inherited;
        thread_ = std::thread([this, keep = owner_.lock()] { work(); });
    } catch (const std::bad_alloc&) {
        return errc::out_of_memory;
    } catch (const std::system_error&) {
        return errc::store_failed;
    }
    return {};
}

void reader::work() {
    for (;;) {
        std::unique_lock lock(mutex_);
        wake_.wait(lock,
                   [this] { return stopping_ || !waiting_.empty() || !waiting_long_.empty(); });
        auto& queue = waiting_long_.empty() ? waiting_ : waiting_long_;
        if (queue.empty()) return;
        auto next = std::move(queue.front());
        queue.pop_front();
        lock.unlock();
        perform(next.job);
    }
}

void reader::perform(read_job& job) noexcept {
    bool stopping = false;
    {
        const std::lock_guard lock(mutex_);
        stopping = stopping_;
    }
    tidings::detail::guarded({}, "sqlite",
                             [&] { job(stopping || shared_.failed ? nullptr : &connection_); });
}

void reader::run_waiting() noexcept {
    for (;;) {
        std::unique_lock lock(mutex_);
        if (waiting_.empty() || stopping_) return;
        auto next = std::move(waiting_.front());
        waiting_.pop_front();
        lock.unlock();
        perform(next.job);
    }
}

void reader::stop() noexcept {
    std::thread joined;
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        wake_.notify_one();
        joined = std::move(thread_);
    }
    if (!joined.joinable()) return;
    if (joined.get_id() == std::this_thread::get_id())
        joined.detach();
    else
        joined.join();
}

}  // namespace tidings::sqlite::detail
