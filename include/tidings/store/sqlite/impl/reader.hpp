// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/errc.hpp>
#include <tidings/store/sqlite/impl/writer.hpp>

#include <deque>

namespace tidings::sqlite::detail {

/// What the reading thread does: null when nothing can be read any more.
using read_job = unique_function<void(connection*)>;

/// The reading thread. A job has one short read transaction at most.
class reader {
 public:
    reader(connection& c, shared_parts& shared, std::shared_ptr<work_keeper> work,
           std::weak_ptr<void> owner)
        : connection_(c),
          shared_(shared),
          work_(std::move(work)),
          owner_(std::move(owner)) {}

    /// From any thread. Never calls the job inside, and calls it with null after `stop`, or where
    /// the store has failed, on that thread still. @error errc::closed, errc::store_failed (no
    /// thread could be started), errc::out_of_memory; the job is not called then
    error_code post(read_job job) { return enqueue(std::move(job), false); }
    /// The same for a job that takes long, uses another connection, and calls `run_waiting`
    /// meanwhile. There is one at a time.
    error_code post_long(read_job job) { return enqueue(std::move(job), true); }
    /// On that thread, inside of a long job: runs what was posted and is not long.
    TIDINGS_DECL void run_waiting() noexcept;
    /// Returns when the thread has ended, unless this is it.
    TIDINGS_DECL void stop() noexcept;

 private:
    struct waiting_job {
        read_job job;
        kept_work work;
    };
    TIDINGS_DECL error_code enqueue(read_job job, bool is_long);
    error_code start_thread() noexcept;
    void work();
    void perform(read_job& job) noexcept;

    connection& connection_;
    shared_parts& shared_;
    const std::shared_ptr<work_keeper> work_;
    const std::weak_ptr<void> owner_;
    std::mutex mutex_;  // guards what follows
    std::condition_variable wake_;
    std::deque<waiting_job> waiting_;
    std::deque<waiting_job> waiting_long_;  // a long one runs the others meanwhile
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace tidings::sqlite::detail
