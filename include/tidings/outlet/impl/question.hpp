// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/decision.hpp>
#include <tidings/lane/impl/lane.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <memory>
#include <mutex>
#include <unordered_set>

namespace tidings::http::detail {

using tidings::detail::lane;
using tidings::detail::wheel_timer;

class questions;

/// One question to an asynchronous function of the user's. Lane-confined but for `refuse_soon`.
/// Owned by its asker until it has begun, then by the handler that the user holds, too.
class question : public std::enable_shared_from_this<question> {
 public:
    TIDINGS_DECL question(std::shared_ptr<questions> all, std::shared_ptr<lane> home);
    TIDINGS_DECL virtual ~question();

    /// Ends it as errors do, soon. From any thread.
    TIDINGS_DECL void refuse_soon(error_code ec);
    /// Ends it without an answer.
    TIDINGS_DECL void cancel() noexcept;

 protected:
    virtual void start() = 0;
    virtual void refuse(error_code ec) noexcept = 0;
    virtual void drop() noexcept = 0;
    /// The user's function has called its handler: what it began may have ended, and is not to be
    /// cancelled any more. From any thread.
    void note_answer() noexcept {
        auto open = stage::open;
        stage_.compare_exchange_strong(open, stage::answered);
    }
    /// It is answered. False when it was already.
    TIDINGS_DECL bool settle() noexcept;
    const std::shared_ptr<lane>& home() const noexcept { return lane_; }
    const std::shared_ptr<net::cancellation_signal>& cancelled() const noexcept {
        return cancelled_;
    }

 private:
    friend class questions;
    /// Asked; the user's function has called its handler; the answer, or another end, was passed
    /// on.
    enum class stage { open, answered, settled };
    void begin();
    void begin_soon();
    void end_late(error_code ec) noexcept;

    const std::shared_ptr<questions> all_;
    const std::shared_ptr<lane> lane_;
    const std::shared_ptr<net::cancellation_signal> cancelled_;
    wheel_timer deadline_;
    std::atomic<stage> stage_{stage::open};
    bool seated_ = false;  // counts among those that were asked; guarded by all_->mutex_
};

/// What one service has asked its asynchronous functions and has no answer to. At most so many at
/// once; each has a deadline, from when the function is called. Safe from any thread.
class questions : public std::enable_shared_from_this<questions> {
 public:
    enum class when_full { refuse, wait };

    questions(std::size_t max, std::chrono::milliseconds timeout)
        : max_(std::max<std::size_t>(1, max)),
          timeout_(timeout) {}

    /// In the lane. Calls `start` with a handler, at once or once there is room; then `done`, once,
    /// in the lane, never inside: with the answer, or errc::undecided after the deadline or where
    /// the handler was dropped, errc::shutting_down after `refuse_all`. Null when there is no room
    /// to ask.
    template <class T>
    std::shared_ptr<question> ask(const std::shared_ptr<lane>& home, when_full full,
                                  unique_function<void(decision_handler<T>)> start,
                                  unique_function<void(error_code, T)> done);
    std::chrono::milliseconds timeout() const noexcept { return timeout_; }
    /// Ends all that are open.
    TIDINGS_DECL void refuse_all();

 private:
    friend class question;
    bool enter(const std::shared_ptr<question>& q, when_full full);
    void leave(question* q) noexcept;

    const std::size_t max_;
    const std::chrono::milliseconds timeout_;
    std::mutex mutex_;
    std::size_t asked_ = 0;
    std::deque<std::weak_ptr<question>> waiting_;
    std::unordered_set<question*> open_;
};

template <class T>
class question_of final : public question {
 public:
    question_of(std::shared_ptr<questions> all, std::shared_ptr<lane> home,
                unique_function<void(decision_handler<T>)> start,
                unique_function<void(error_code, T)> done)
        : question(std::move(all), std::move(home)),
          start_(std::move(start)),
          done_(std::move(done)) {}

 private:
    void start() override {
        auto self = std::static_pointer_cast<question_of>(shared_from_this());
        auto take = [self](error_code ec, T answer) {
            self->note_answer();
            self->home()->post([self, ec, answer = std::move(answer)]() mutable {
                self->answer(ec, std::move(answer));
            });
        };
        std::exchange(start_, nullptr)(
            decision_handler<T>(home()->lasting_executor(), cancelled(), std::move(take)));
    }
    void refuse(error_code ec) noexcept override { answer(ec, T()); }
    void drop() noexcept override {
        start_ = nullptr;
        done_ = nullptr;
    }
    void answer(error_code ec, T value) noexcept {
        if (!settle()) return;
        auto done = std::move(done_);
        start_ = nullptr;
        done(ec, std::move(value));
    }

    unique_function<void(decision_handler<T>)> start_;
    unique_function<void(error_code, T)> done_;
};

template <class T>
std::shared_ptr<question> questions::ask(const std::shared_ptr<lane>& home, when_full full,
                                         unique_function<void(decision_handler<T>)> start,
                                         unique_function<void(error_code, T)> done) {
    std::shared_ptr<question> q = home->make_resident<question_of<T>>(
        shared_from_this(), home, std::move(start), std::move(done));
    if (!enter(q, full)) return nullptr;
    return q;
}

}  // namespace tidings::http::detail
