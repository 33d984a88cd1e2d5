// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/impl/guarded.hpp>
#include <tidings/io/impl/signals_blocked.hpp>
#include <tidings/store/sqlite/impl/store_file.hpp>
#include <tidings/store/sqlite/impl/writer.hpp>

#include <algorithm>
#include <chrono>
#include <new>
#include <system_error>

namespace tidings::sqlite::detail {

namespace {

// A page of the log has a header of its own.
constexpr std::size_t log_header_bytes = 24;
constexpr std::size_t checkpoint_slice = 4 * 1024 * 1024;
constexpr std::size_t vacuum_pages = 256;
// So many groups are committed before the free pages are counted, unless nothing waits.
constexpr std::size_t groups_between_counts = 64;

/// A function as a job, and what it came to.
class function_job final : public write_job {
 public:
    struct result {
        std::mutex mutex;
        std::condition_variable done;
        std::optional<error_code> code;
    };
    function_job(unique_function<void()> f, result& r)
        : write_job(0, false),
          f_(std::move(f)),
          result_(r) {}
    void run() override { f_(); }
    void finish(error_code ec) noexcept override {
        const std::lock_guard lock(result_.mutex);
        result_.code = ec;
        result_.done.notify_all();
    }

 private:
    unique_function<void()> f_;
    result& result_;
};

/// While it lives, what runs on a connection fails when `go_on` says no.
struct watched {
    watched(connection& c, bool (*go_on)(void*), void* argument) noexcept : of(c) {
        of.set_progress(go_on, argument);
    }
    ~watched() { of.set_progress(nullptr, nullptr); }
    watched(const watched&) = delete;
    watched& operator=(const watched&) = delete;
    connection& of;
};

// It is a transaction: where it is refused, for want of a temporary file, say, the file is whole,
// and the store goes on. errc::closed: it was ended. @throws failure, where that is final
error_code vacuum(connection& c, const database_options& o) {
    const auto refused = [&o](const char* what, errc why) -> error_code {
        tidings::detail::write_log(o.log, {log_level::warning, "sqlite", what, why});
        return why;
    };
    try {
        c.execute("VACUUM");
        return {};
    } catch (const std::bad_alloc& e) {
        return refused(e.what(), errc::out_of_memory);
    } catch (const failure& f) {
        if (f.is_final()) throw;
        if (f.is_interrupt()) return errc::closed;
        return refused(f.what(), f.is_full() ? errc::store_full : errc::store_failed);
    }
}

}  // namespace

writer::writer(const database_options& o, connection& c, shared_parts& shared,
               std::shared_ptr<work_keeper> work, std::weak_ptr<void> owner)
    : options_(o),
      connection_(c),
      shared_(shared),
      work_(std::move(work)),
      owner_(std::move(owner)),
      page_bytes_(static_cast<std::size_t>(c.number("PRAGMA page_size")) + log_header_bytes),
      checkpoint_at_(checkpoint_slice) {}

error_code writer::post(std::unique_ptr<write_job> job) {
    return enqueue(std::move(job), true);
}

error_code writer::post_always(std::unique_ptr<write_job> job) {
    return enqueue(std::move(job), false);
}

error_code writer::enqueue(std::unique_ptr<write_job> job, bool bounded) {
    const auto bytes = job->bytes();
    std::unique_ptr<write_job> refused;  // destroyed outside the lock
    const std::lock_guard lock(mutex_);
    refused = std::move(job);
    if (stopping_) return errc::closed;
    if (shared_.failed) return errc::store_failed;
    if (bounded && !waiting_.empty() && waiting_bytes_ + bytes > options_.max_pending_bytes)
        return errc::overflow;
    try {
        refused->keep(kept_work(work_));
        waiting_.push_back(std::move(refused));
    } catch (const std::bad_alloc&) {
        return errc::out_of_memory;
    }
    if (const auto ec = start_thread()) {
        refused = std::move(waiting_.back());
        waiting_.pop_back();
        return ec;
    }
    waiting_bytes_ += bytes;
    if (waiting_.size() == 1) wake_.notify_one();
    return {};
}

// With the mutex held.
error_code writer::start_thread() noexcept {
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

error_code writer::run_now(unique_function<void()> f) {
    function_job::result r;
    if (const auto ec = post(std::make_unique<function_job>(std::move(f), r))) return ec;
    std::unique_lock lock(r.mutex);
    r.done.wait(lock, [&] { return r.code.has_value(); });
    return *r.code;
}

void writer::stop(unique_function<void()> last) noexcept {
    std::thread joined;
    {
        const std::lock_guard lock(mutex_);
        if (stopping_) return;
        stopping_ = true;
        if (thread_.joinable()) last_ = std::move(last);
        wake_.notify_one();
        joined = std::move(thread_);
    }
    if (!joined.joinable())
        last();
    else if (joined.get_id() == std::this_thread::get_id())
        joined.detach();
    else
        joined.join();
}

void writer::work() {
    for (;;) {
        auto jobs = wait_for_group();
        if (jobs.empty()) break;
        perform(jobs);
        jobs.clear();
        if (!shared_.failed) maintain();
    }
    if (last_) last_();
}

// What came during the last commit, up to a part of what the log may hold.
writer::group writer::wait_for_group() {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    std::size_t count = 0;
    std::size_t bytes = 0;
    while (count < waiting_.size() && bytes <= options_.max_wal_bytes / 4)
        bytes += waiting_[count++]->bytes();
    waiting_bytes_ -= bytes;
    if (count == waiting_.size()) return std::exchange(waiting_, {});
    const auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(count);
    group taken(std::make_move_iterator(waiting_.begin()), std::make_move_iterator(end));
    waiting_.erase(waiting_.begin(), end);
    return taken;
}

void writer::perform(group& jobs) noexcept {
    if (!shared_.failed) {
        try {
            run_jobs(jobs);
        } catch (const std::exception& e) {
            fail(e.what());
        } catch (...) {
            fail("an unknown exception");
        }
    }
    const error_code failed = shared_.failed ? errc::store_failed : error_code();
    for (const auto& job : jobs) job->finish(failed ? failed : job->refused());
}

void writer::run_jobs(group& jobs) {
    const bool is_full = free_bytes(options_.path) < options_.min_free_bytes;
    transaction t(connection_);
    for (const auto& job : jobs) {
        if (is_full && job->grows())
            job->refuse(errc::store_full);
        else
            job->run();
    }
    for (const auto& m : members_) m->before_commit();
    const auto begun = std::chrono::steady_clock::now();
    const std::lock_guard lock(shared_.commit_mutex);
    t.commit();
    shared_.commits.add(std::chrono::duration_cast<commit_times::duration>(
        std::chrono::steady_clock::now() - begun));
    for (const auto& m : members_) m->after_commit();
}

// Nothing is tried again: after a failed fsync the kernel may have dropped what it could not write,
// and a second one would succeed.
void writer::fail(const char* what) noexcept {
    shared_.failed = true;
    tidings::detail::write_log(options_.log,
                               {log_level::error, "sqlite", what, errc::store_failed});
}

void writer::maintain() noexcept {
    try {
        limit_log();
        if (++groups_ % groups_between_counts == 0) shrink();
        while (is_idle() && shrink()) limit_log();
        if (is_idle() && shared_.log_bytes > std::max(checkpoint_slice, empty_at_) &&
            !is_backing_up(false))
            empty_log();
    } catch (const std::exception& e) {
        fail(e.what());
    }
}

bool writer::is_idle() noexcept {
    const std::lock_guard lock(mutex_);
    return waiting_.empty();
}

// Without readers a checkpoint lets the log begin anew at the next commit.
void writer::limit_log() {
    const auto bytes = connection_.log_pages() * page_bytes_;
    shared_.log_bytes = bytes;
    if (bytes < checkpointed_at_) restart_log();
    if (bytes >= options_.max_wal_bytes / 2 && !is_backing_up(bytes >= options_.max_wal_bytes) &&
        bytes >= empty_at_ && empty_log())
        return;
    if (bytes < checkpoint_at_) return;
    connection_.make_checkpoint();
    checkpointed_at_ = bytes;
    checkpoint_at_ = bytes + checkpoint_slice;
}

bool writer::is_backing_up(bool interrupt) {
    const std::lock_guard lock(shared_.backup_mutex);
    if (shared_.backup != nullptr && interrupt) shared_.backup->interrupt();
    return shared_.backup != nullptr;
}

// Whether it was done. A program that reads the log keeps it, and makes this wait for the busy
// timeout: it is tried again when the log has grown.
bool writer::empty_log() {
    struct closed_gate {
        explicit closed_gate(read_gate& g) : gate(g) { gate.close(); }
        ~closed_gate() { gate.open(); }
        read_gate& gate;
    } const closed(shared_.gate);
    if (!connection_.empty_log()) {
        empty_at_ = connection_.log_pages() * page_bytes_ + checkpoint_slice;
        return false;
    }
    shared_.log_bytes = 0;
    restart_log();
    return true;
}

void writer::restart_log() noexcept {
    checkpointed_at_ = 0;
    checkpoint_at_ = checkpoint_slice;
    empty_at_ = 0;
}

bool writer::is_stopping() noexcept {
    const std::lock_guard lock(mutex_);
    return stopping_;
}

// Of the erasures in one group the first does it for all, or is refused for all.
error_code writer::erase_remains() noexcept {
    if (shared_.failed) return errc::store_failed;
    const auto commit = shared_.commits.count();
    if (written_anew_at_ == commit) return written_anew_;
    try {
        written_anew_ = write_anew();
        written_anew_at_ = commit;
    } catch (const std::exception& e) {
        fail(e.what());
        return errc::store_failed;
    }
    return written_anew_;
}

// What is deleted is overwritten, but where SQLite has moved a row to another page a copy may stay
// in the free part of the first: the whole file is written anew, by way of the log.
error_code writer::write_anew() {
    if (is_stopping()) return errc::closed;
    // A reader of the log keeps what was deleted there: the caller tries again.
    if (is_backing_up(true) || !empty_log()) return errc::store_failed;
    // The first copy is a temporary file, which may be on the same disk; the second is the log.
    if (!has_room(options_.path, 2 * file_bytes(options_.path), options_.min_free_bytes))
        return errc::store_full;
    error_code ec;
    {
        const watched until_stopped(
            connection_, [](void* self) { return !static_cast<writer*>(self)->is_stopping(); },
            this);
        ec = vacuum(connection_, options_);
    }
    const bool is_empty = empty_log();  // of what was written there in vain, too
    if (ec) return ec;
    return is_empty ? error_code() : make_error_code(errc::store_failed);
}

// Gives pages back to the system where more than a quarter of the file is free. Whether it did.
bool writer::shrink() {
    const auto unused = connection_.number("PRAGMA freelist_count");
    if (unused < static_cast<std::int64_t>(vacuum_pages) ||
        unused * 4 < connection_.number("PRAGMA page_count"))
        return false;
    connection_.execute(
        ("PRAGMA incremental_vacuum(" + std::to_string(vacuum_pages) + ")").c_str());
    return true;
}

}  // namespace tidings::sqlite::detail
