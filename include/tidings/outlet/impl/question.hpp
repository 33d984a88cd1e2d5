// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/decision.hpp>
#include <tidings/impl/finds_memory.hpp>
#include <tidings/lane/impl/lane.hpp>
#include <tidings/log.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_set>

namespace tidings::http::detail {

using tidings::detail::lane;
using tidings::detail::wheel_timer;

class questions;
class question;

/// What a question does where no seat is free: it is refused; it waits, no longer than its deadline
/// and in a queue that is bounded; it waits for as long as questions of the service are answered.
enum class when_full { refuse, wait, wait_in_turn };

/// Questions of one asker: of a principal, of an address. They are guarded by `questions`.
struct asker {
    explicit asker(bool is_named) : named(is_named) {}
    const bool named;  ///< else it stands for all that cannot be told apart, and has no share
    std::size_t seats = 0;
    std::list<question*> waiting{};
    std::list<asker*>::iterator turn{};  ///< while it has questions that wait
};
using askers = std::map<std::string, asker>;

/// Names the asker of a request that names no principal, or none yet: by its address, as
/// `peer_key` has it. A loopback address may be a proxy's and has no name, as a Unix socket.
TIDINGS_DECL std::string asker_at(const std::string& remote_address, bool loopback);

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
    /// Where it stands among the others; guarded by `all_->mutex_`.
    struct place {
        enum class kind { none, waiting, seated };
        kind is = kind::none;
        askers::iterator asker{};
        std::list<question*>::iterator waiting{};
        std::uint64_t answers = 0;  // of `questions`, when the deadline was set
    };
    /// Its turn has come: posted where another has left.
    struct turn final : tidings::detail::lane_task {
        void run() noexcept override { std::exchange(whose, nullptr)->begin(); }
        void drop() noexcept override { const auto last = std::move(whose); }
        std::shared_ptr<question> whose;
    };
    void begin() noexcept;
    void begin_soon() noexcept;
    void on_deadline() noexcept;
    void end_late(error_code ec) noexcept;

    const std::shared_ptr<questions> all_;
    const std::shared_ptr<lane> lane_;
    const std::shared_ptr<net::cancellation_signal> cancelled_;
    wheel_timer deadline_;
    std::atomic<stage> stage_{stage::open};
    when_full full_ = when_full::refuse;
    place place_;
    turn turn_;
};

/// What one service has asked its asynchronous functions and has no answer to. At most `max` at
/// once, and eight times as many wait. An asker with a name takes no more of either than it leaves
/// free: alone it has half of them. Askers that wait take turns. Each question has a deadline, from
/// when it is asked for. Safe from any thread.
class questions : public std::enable_shared_from_this<questions> {
 public:
    questions(std::size_t max, std::chrono::milliseconds timeout, log_sink log)
        : max_(std::max<std::size_t>(1, max)),
          timeout_(timeout),
          log_(std::move(log)) {}

    /// In the lane. Calls `start` with a handler, at once or once there is room; then `done`, once,
    /// in the lane, never inside: with the answer, or errc::undecided after the deadline or where
    /// the handler was dropped, errc::shutting_down after `refuse_all`. Null when there is no room
    /// to ask.
    template <class T>
    std::shared_ptr<question> ask(const std::shared_ptr<lane>& home, const std::string& by,
                                  when_full full, unique_function<void(decision_handler<T>)> start,
                                  unique_function<void(error_code, T)> done);
    std::chrono::milliseconds timeout() const noexcept { return timeout_; }
    /// Ends all that are open.
    TIDINGS_DECL void refuse_all();

 private:
    friend class question;
    static constexpr std::size_t waiting_for_each_seat = 8;

    bool enter(const std::shared_ptr<question>& q, const std::string& by, when_full full);
    void leave(question* q, bool answered) noexcept;
    bool is_worth_waiting(question& q) noexcept;
    // With the mutex held.
    bool finds_seat(const asker& by) const noexcept;
    bool may_wait(const asker& by, when_full full) const noexcept;
    void sit_down(question& q) noexcept;
    void queue_up(question& q);
    void stand_up(question& q) noexcept;
    void forget_idle(askers::iterator by) noexcept;
    std::shared_ptr<question> take_next() noexcept;

    const std::size_t max_;
    const std::chrono::milliseconds timeout_;
    const log_sink log_;
    std::mutex mutex_;  // guards the rest
    std::size_t asked_ = 0;
    std::size_t waiting_ = 0;
    std::uint64_t answers_ = 0;
    askers askers_;
    std::list<asker*> turns_;  // of those with questions that wait
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
        // Without memory for what follows, the exchange that it holds ends unanswered.
        tidings::detail::finds_memory([&] { done(ec, std::move(value)); });
    }

    unique_function<void(decision_handler<T>)> start_;
    unique_function<void(error_code, T)> done_;
};

template <class T>
std::shared_ptr<question> questions::ask(const std::shared_ptr<lane>& home, const std::string& by,
                                         when_full full,
                                         unique_function<void(decision_handler<T>)> start,
                                         unique_function<void(error_code, T)> done) {
    std::shared_ptr<question> q = home->make_resident<question_of<T>>(
        shared_from_this(), home, std::move(start), std::move(done));
    if (!enter(q, by, full)) return nullptr;
    return q;
}

}  // namespace tidings::http::detail
