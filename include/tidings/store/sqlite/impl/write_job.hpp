// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/errc.hpp>
#include <tidings/store/sqlite/impl/work_keeper.hpp>

#include <cstddef>
#include <optional>

namespace tidings::sqlite::detail {

/// What the writing thread does for somebody: a part of a group, which is committed as a whole.
class write_job {
 public:
    /// `bytes`: what it holds while it waits. `grows`: the file grows by it.
    write_job(std::size_t bytes, bool grows) noexcept : bytes_(bytes), grows_(grows) {}
    virtual ~write_job() = default;
    write_job(const write_job&) = delete;
    write_job& operator=(const write_job&) = delete;

    /// In the transaction. @throws failure and all else: the group fails, and the store with it
    virtual void run() = 0;
    /// Behind the commit, or without one: nothing was done then.
    virtual void finish(error_code ec) noexcept = 0;

    std::size_t bytes() const noexcept { return bytes_; }
    bool grows() const noexcept { return grows_; }
    /// It is not run: `finish` gets this.
    void refuse(error_code why) noexcept { refused_ = why; }
    error_code refused() const noexcept { return refused_; }
    void keep(kept_work w) { work_.emplace(std::move(w)); }

 private:
    std::size_t bytes_;
    error_code refused_;
    std::optional<kept_work> work_;
    bool grows_;
};

/// What has a part in each group that its jobs are in.
class group_member {
 public:
    virtual ~group_member() = default;
    /// At the end of the transaction. @throws as `write_job::run`
    virtual void before_commit() = 0;
    /// No read begins between the commit and this.
    virtual void after_commit() noexcept = 0;
    /// Both threads have ended: releases what it holds of the connections.
    virtual void on_close() noexcept = 0;
};

}  // namespace tidings::sqlite::detail
