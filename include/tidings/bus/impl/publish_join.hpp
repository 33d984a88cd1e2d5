// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus.hpp>
#include <tidings/bus/impl/publish_waiter.hpp>
#include <tidings/lane/impl/lane.hpp>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include <mutex>
#include <new>
#include <utility>
#include <vector>

namespace tidings::detail {

/// What one `async_publish` waits for, and its receipt. Completes when the publisher and everything
/// it expects have finished; where memory to post that is missing, a turn of the lane tries again.
/// Safe from any thread.
class publish_join final : public delivery_join, public std::enable_shared_from_this<publish_join> {
 public:
    publish_join(publish_handler handler, std::shared_ptr<lane> home)
        : home_(std::move(home)),
          completion_(std::make_shared<completion>(std::move(handler))) {}
    /// Of a publisher that waits in a lane, and is not cancelled.
    explicit publish_join(publish_waiter::owner w) noexcept : waiter_(std::move(w)) {}

    /// Once, before anything is expected: a terminal cancellation completes with
    /// operation_aborted and what is known by then.
    void listen_for_cancellation() {
        if (auto slot = completion_->handler.cancellation_slot(); slot.is_connected())
            slot.assign([weak = weak_from_this()](net::cancellation_type type) {
                const bool terminal =
                    (type & net::cancellation_type::terminal) != net::cancellation_type::none;
                if (const auto self = weak.lock(); self && terminal) self->cancel();
            });
    }

    void expect(std::size_t more) noexcept {
        const std::lock_guard lock(mutex_);
        pending_ += more;
    }
    /// Immediate callbacks that were called.
    void delivered(std::size_t count) noexcept {
        const std::lock_guard lock(mutex_);
        receipt_.matched += count;
        receipt_.delivered += count;
    }
    void finished(error_code ec, outcome o) noexcept override {
        std::unique_lock lock(mutex_);
        receipt_.count(o);
        // A bound that was reached, or a subscriber that left, is in the counts.
        const bool counted = ec == errc::overflow || ec == errc::closed;
        if (ec && !counted && !receipt_.error) receipt_.error = ec;
        leave(lock);
    }
    void skipped() noexcept override {
        std::unique_lock lock(mutex_);
        leave(lock);
    }
    bool on_cancel(unique_function<void()> f) override {
        const std::lock_guard lock(mutex_);
        if (!cancelled_) waiting_.push_back(std::move(f));
        return !cancelled_;
    }
    /// The history has given the event back and the bus has handed it on, or never will.
    void dispatched(error_code ec = {}) noexcept {
        std::unique_lock lock(mutex_);
        if (ec) receipt_.error = ec;
        leave(lock);
    }
    void durable(error_code ec, const position& p) noexcept {
        std::unique_lock lock(mutex_);
        if (ec)
            receipt_.error = ec;
        else if (!p.empty())
            receipt_.position = p;
        leave(lock);
    }
    /// The publisher has dispatched it.
    void publisher_done(error_code ec, const std::optional<position>& p) noexcept {
        std::unique_lock lock(mutex_);
        note_publisher(ec, p);
        leave(lock);
    }
    /// The same of one that waits in a lane: it is given back, with its result, where nothing else
    /// is expected.
    publish_waiter::owner try_complete(error_code ec, const std::optional<position>& p) noexcept {
        std::unique_lock lock(mutex_);
        note_publisher(ec, p);
        if (pending_ != 1) {
            leave(lock);
            return nullptr;
        }
        pending_ = 0;
        completed_ = true;
        waiter_->set_result(std::move(receipt_));
        return std::move(waiter_);
    }

 private:
    /// Owned by what is posted once that is, so that the handler ends with its context.
    struct completion {
        explicit completion(publish_handler h) : handler(std::move(h)) {}
        publish_handler handler;
        receipt result{};
    };
    /// Its completion, to be posted again.
    struct retry final : lane_task {
        void run() noexcept override {
            const auto join = std::exchange(whose, nullptr);
            std::unique_lock lock(join->mutex_);
            join->post_completion(lock);
        }
        void drop() noexcept override {
            const auto join = std::exchange(whose, nullptr);
            std::shared_ptr<completion> last;  // ends outside the lock
            const std::lock_guard lock(join->mutex_);
            last.swap(join->completion_);
        }
        std::shared_ptr<publish_join> whose;
    };

    void cancel() noexcept {
        std::vector<unique_function<void()>> waiting;
        {
            std::unique_lock lock(mutex_);
            if (std::exchange(cancelled_, true)) return;
            receipt_.error = net::error::operation_aborted;
            waiting.swap(waiting_);
            complete(lock);
        }
        for (auto& f : waiting) f();
    }
    void note_publisher(error_code ec, const std::optional<position>& p) noexcept {
        if (ec) receipt_.error = ec;
        if (p) receipt_.position = p;
    }
    void leave(std::unique_lock<std::mutex>& lock) noexcept {
        if (--pending_ == 0) complete(lock);
    }
    // Once.
    void complete(std::unique_lock<std::mutex>& lock) noexcept {
        if (std::exchange(completed_, true)) return;
        if (auto w = std::move(waiter_)) {
            w->set_result(std::move(receipt_));
            lock.unlock();
            return publish_waiter::post(std::move(w));
        }
        completion_->result = receipt_;
        post_completion(lock);
    }
    void post_completion(std::unique_lock<std::mutex>& lock) noexcept {
        try {
            net::post(completion_->handler.executor(),
                      net::bind_executor(completion_->handler.own_executor(), [c = completion_] {
                          std::move(c->handler).complete_here(c->result.error, c->result);
                      }));
            completion_.reset();
        } catch (const std::bad_alloc&) {
            again_.whose = shared_from_this();
            lock.unlock();
            home_->post(again_);
        }
    }

    const std::shared_ptr<lane> home_;  // null where `waiter_` waits
    std::mutex mutex_;
    std::shared_ptr<completion> completion_;  // null once it is posted, and where `waiter_` waits
    publish_waiter::owner waiter_{};          // null once it is posted or given back
    retry again_;
    receipt receipt_;
    std::size_t pending_ = 1;
    bool cancelled_ = false;
    bool completed_ = false;
    std::vector<unique_function<void()>> waiting_;  // targets to notify of a cancellation
};

/// Where nobody waits.
inline const std::shared_ptr<publish_join> no_join;

}  // namespace tidings::detail
