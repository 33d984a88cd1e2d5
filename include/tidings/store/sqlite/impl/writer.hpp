// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/sqlite/database_options.hpp>
#include <tidings/store/sqlite/impl/commit_times.hpp>
#include <tidings/store/sqlite/impl/connection.hpp>
#include <tidings/store/sqlite/impl/read_gate.hpp>
#include <tidings/store/sqlite/impl/write_job.hpp>
#include <tidings/unique_function.hpp>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace tidings::sqlite::detail {

/// What the two threads share.
struct shared_parts {
    read_gate gate;
    /// Held from a commit until what it changed is known in memory, and where a read begins.
    std::mutex commit_mutex;
    /// The backup that goes on, if any, to be interrupted.
    std::mutex backup_mutex;
    connection* backup = nullptr;
    std::atomic<bool> failed{false};
    std::atomic<std::uint64_t> log_bytes{0};
    commit_times commits;
};

/// The writing thread. Its connection alone writes and makes checkpoints. A group is what was
/// posted during the commit before it.
class writer {
 public:
    /// `owner` owns this; a thread that runs owns it.
    TIDINGS_DECL writer(const database_options& o, connection& c, shared_parts& shared,
                        std::shared_ptr<work_keeper> work, std::weak_ptr<void> owner);

    /// From any thread. The job is finished by the writing thread, never inside, unless there is an
    /// error. @error errc::closed, errc::store_failed, errc::overflow, errc::out_of_memory
    TIDINGS_DECL error_code post(std::unique_ptr<write_job> job);
    /// The same for what has no bound: it says what became of something, or makes room.
    TIDINGS_DECL error_code post_always(std::unique_ptr<write_job> job);
    /// Runs `f` in a group and waits for its commit. Not from the writing thread.
    TIDINGS_DECL error_code run_now(unique_function<void()> f);
    /// For a job that runs, or within `run_now`.
    void add(std::shared_ptr<group_member> m) { members_.push_back(std::move(m)); }
    /// For `last`, below: ends what they hold.
    void release_members() noexcept {
        for (const auto& m : members_) m->on_close();
    }
    /// On the writing thread, in `finish`: nothing that was deleted is left in the file or its log.
    /// @error errc::store_failed, also while a backup or another program reads the log, and where
    /// no temporary file can be made, errc::store_full (the disk has no room for two copies),
    /// errc::closed (`stop` was called), errc::out_of_memory
    TIDINGS_DECL error_code erase_remains() noexcept;
    connection& of() noexcept { return connection_; }

    /// Takes nothing more; what waits is done. `last` runs at the end, on that thread if it was
    /// ever needed. Returns behind it, unless this is the writing thread.
    TIDINGS_DECL void stop(unique_function<void()> last) noexcept;

 private:
    using group = std::vector<std::unique_ptr<write_job>>;
    error_code enqueue(std::unique_ptr<write_job> job, bool bounded);
    error_code start_thread() noexcept;
    void work();
    group wait_for_group();
    void perform(group& jobs) noexcept;
    void run_jobs(group& jobs);
    void fail(const char* what) noexcept;
    void maintain() noexcept;
    void limit_log();
    bool is_backing_up(bool interrupt);
    bool empty_log();
    error_code write_anew();
    void restart_log() noexcept;
    bool shrink();
    bool is_idle() noexcept;
    bool is_stopping() noexcept;

    const database_options& options_;
    connection& connection_;
    shared_parts& shared_;
    const std::shared_ptr<work_keeper> work_;
    const std::weak_ptr<void> owner_;
    const std::size_t page_bytes_;
    std::vector<std::shared_ptr<group_member>> members_;  // of the writing thread, as what follows
    std::size_t checkpoint_at_ = 0;                       // bytes of the log
    std::size_t checkpointed_at_ = 0;
    std::size_t empty_at_ = 0;  // not before: another program has read it
    std::size_t groups_ = 0;
    std::uint64_t written_anew_at_ = 0;  // the commit behind which the file was, or was refused
    error_code written_anew_;

    std::mutex mutex_;  // guards what follows
    std::condition_variable wake_;
    group waiting_;
    std::size_t waiting_bytes_ = 0;
    bool stopping_ = false;
    std::thread thread_;
    unique_function<void()> last_;
};

}  // namespace tidings::sqlite::detail
