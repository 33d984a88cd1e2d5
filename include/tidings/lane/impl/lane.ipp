// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/impl/finds_memory.hpp>
#include <tidings/lane/impl/lane.hpp>
#include <tidings/lane/impl/turn_reserve.hpp>

#include <boost/asio/execution/allocator.hpp>
#include <boost/asio/execution/blocking.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/require.hpp>

#include <atomic>
#include <cassert>
#include <new>
#include <tuple>

namespace tidings::detail {

namespace {

constexpr unsigned max_laps = 4;
constexpr std::chrono::microseconds max_turn{200};

// What a lane's strand stands on.
net::any_io_executor below(const net::any_io_executor& executor) {
    const auto* strand = executor.target<net::strand<net::any_io_executor>>();
    return strand != nullptr ? strand->get_inner_executor() : executor;
}

}  // namespace

turn_reserve& turn_reserve::of_process() noexcept {
    static turn_reserve reserve;
    return reserve;
}

std::shared_ptr<lane> lane::make(const net::any_io_executor& executor, io::clock& clock,
                                 bool single_thread) {
    net::any_io_executor inner = executor;
    if (!single_thread) inner = net::make_strand(executor);
    const std::shared_ptr<lane> made(new lane(std::move(inner), clock, single_thread));
    turn_reserve::of_process().fill();
    watch_context(executor, made);
    return made;
}

lane::lane(net::any_io_executor executor, io::clock& clock, bool single_thread)
    : single_thread_(single_thread),
      executor_(std::move(executor)),
      on_io_context_(below(executor_).target<net::io_context::executor_type>() != nullptr),
      timers_(std::in_place, executor_, clock, [this] { rearming_.begin(); }) {}

lane::~lane() = default;

net::any_io_executor lane::executor() const noexcept {
    if (in_turn_of_this_thread()) return executor_;
    const std::lock_guard lock(mutex_);
    return executor_;
}

bool lane::running_here() const noexcept {
    if (single_thread_) {
        assert(on_its_thread());
        return true;
    }
    if (in_turn_of_this_thread()) return true;
    const std::lock_guard lock(mutex_);
    return on_its_strand();
}

// Each thread notes only itself, so that a turn of another changes nothing here.
bool lane::in_turn_of_this_thread() const noexcept {
    return turn_thread_.load(std::memory_order_relaxed) == std::this_thread::get_id();
}

// With the mutex held, of a lane with a strand.
bool lane::on_its_strand() const noexcept {
    const auto* strand = executor_.target<net::strand<net::any_io_executor>>();
    return strand != nullptr && strand->running_in_this_thread();
}

// Of a lane without a strand.
void lane::note_thread() noexcept {
    assert(on_its_thread());
    thread_.store(std::this_thread::get_id(), std::memory_order_relaxed);
}

bool lane::on_its_thread() const noexcept {
    const auto known = thread_.load(std::memory_order_relaxed);
    return known == std::thread::id() || known == std::this_thread::get_id();
}

// A lane without a strand learns its thread in its first turn.
bool lane::certainly_here() noexcept {
    if (in_turn_of_this_thread()) return true;
    const std::lock_guard lock(mutex_);
    if (ended_) return true;
    if (!single_thread_) return on_its_strand();
    return thread_.load(std::memory_order_relaxed) == std::this_thread::get_id();
}

// A lane without connections, as each bus has one, needs no buffers.
std::span<std::byte> lane::buffer(std::unique_ptr<std::byte[]>& b) {
    if (!b) {
        b = std::make_unique_for_overwrite<std::byte[]>(buffer_bytes);
        stats_.buffer_bytes += buffer_bytes;
    }
    return {b.get(), buffer_bytes};
}

// With the mutex held, before the context's end, and behind what the turn is for: a turn that is
// about to end either has seen that, or is seen here. False where there is no memory for a turn.
bool lane::wake() noexcept {
    auto now = turn::none;
    if (!turn_.compare_exchange_strong(now, turn::posting)) return true;
    if (!post_turn(0)) {
        turn_ = turn::none;
        return false;
    }
    now = turn::posting;  // unless it runs already
    turn_.compare_exchange_strong(now, turn::posted);
    return true;
}

// With the mutex held. False, and nothing was put, where `add` says so or there is no memory for a
// turn; a call is in `call` again then. @throws what `add` does
template <class Add>
bool lane::put(const Add& add, unique_function<void()>& call) {
    try {
        if (!add(*inbox_pair::filling(*inboxes_))) return false;
    } catch (...) {
        wake();  // a turn that has ended meanwhile has not seen what was there before
        throw;
    }
    if (wake()) return true;
    const inbox_pair::filling box(*inboxes_);
    if (box->empty()) return true;  // a turn that was about to end has taken it
    box->take_back(call);
    return false;
}

std::size_t lane::enqueue(const event_ptr& e, std::span<const lane_stop> stops,
                          std::uint64_t ticket, const queue_limits& most,
                          const std::shared_ptr<delivery_join>& join) noexcept {
    const std::lock_guard lock(mutex_);
    if (ended_) {
        std::size_t places = 0;
        for (const auto& s : stops) places += (*s.targets)->size();
        for (std::size_t i = 0; join && i < places; ++i)
            join->finished(errc::closed, outcome::closed);
        return places;
    }
    try {
        const auto add = [&](inbox& box) {
            if (box.full(most)) return false;
            box.add(e, stops, ticket, join);
            return true;
        };
        unique_function<void()> none;
        if (put(add, none)) return 0;
    } catch (const std::bad_alloc&) {
    }
    const auto lost = inbox_pair::filling(*inboxes_)->miss(e, stops, ticket, join);
    wake();
    return lost;
}

void lane::post(unique_function<void()> f) {
    const std::lock_guard lock(mutex_);
    if (ended_) return;
    const auto add = [&](inbox& box) {
        box.add(std::move(f));
        return true;
    };
    if (!put(add, f)) throw std::bad_alloc();
}

void lane::post(lane_task& t) noexcept {
    {
        const std::lock_guard lock(mutex_);
        if (!ended_) {
            inbox_pair::filling(*inboxes_)->add(t);
            wake();
            return;
        }
    }
    t.drop();
}

void lane::schedule_flush(std::shared_ptr<flushable> f) {
    if (f->scheduled_) return;
    auto* const scheduled = f.get();
    flushes_.push_back(std::move(f));
    scheduled->scheduled_ = true;
    // A turn that is posted or runs flushes it: only a turn, here in the lane, ends one.
    const auto now = turn_.load(std::memory_order_relaxed);
    if (now == turn::posted || now == turn::hurried) return;
    {
        const std::lock_guard lock(mutex_);
        if (ended_ || wake()) return;
    }
    scheduled->scheduled_ = false;
    flushes_.pop_back();
    throw std::bad_alloc();
}

// With the mutex held, or in the lane. False where there is no memory, nor a reserve. What goes to
// an io_context needs neither. Never to the strand: one that finds no memory to go on stays as if
// it ran, for ever.
bool lane::post_turn(unsigned lap) noexcept {
    const auto context = below(executor_);
    auto enter = [self = shared_from_this(), lap] { self->enter_turn(lap); };
    if (const auto* io = context.target<net::io_context::executor_type>()) {
        net::require(*io, net::execution::blocking.never,
                     net::execution::allocator(handler_allocator<void, 12>(turn_memory_)))
            .execute(std::move(enter));
        return true;
    }
    do {
        if (finds_memory([&] { net::post(context, enter); })) return true;
    } while (turn_reserve::of_process().release());
    return false;
}

// Where memory to enter the strand is missing it tries again, behind what else is to run.
void lane::enter_turn(unsigned lap) noexcept {
    const auto* strand = executor_.target<net::strand<net::any_io_executor>>();
    if (strand == nullptr) return run_turn(lap);
    if (finds_memory(
            [&] { strand->execute([self = shared_from_this(), lap] { self->run_turn(lap); }); }))
        return;
    if (!post_turn(lap)) turn_ = turn::none;
}

void lane::run_turn(unsigned lap) noexcept {
    if (single_thread_) note_thread();
    auto posting = turn::posting;
    turn_.compare_exchange_strong(posting, turn::posted);
    turn_thread_.store(std::this_thread::get_id(), std::memory_order_relaxed);
    take_laps(lap);
    turn_thread_.store({}, std::memory_order_relaxed);
}

// Publications mostly come in bursts, from handlers that the library does not see. A turn therefore
// that has something to flush waits for one lap of the executor without news before, so that the
// burst leaves in one send per connection. Where the next lap cannot be posted it follows at once.
void lane::take_laps(unsigned lap) noexcept {
    turn_reserve::of_process().fill();
    if (lap == 0) turn_started_ = timers_->clock().now();
    do {
        ++stats_.laps;
        const bool news = deliver_inbox() && !flushes_.empty();
        const bool may_wait = lap < max_laps && turn_ != turn::hurried &&
                              timers_->clock().now() - turn_started_ < max_turn;
        if (news && may_wait && post_turn(lap + 1)) return;
        flush_all();
    } while (!finish_turn());
}

// Whether there was something.
bool lane::deliver_inbox() noexcept {
    auto* const come = inboxes_->take();
    if (come == nullptr) return false;
    in_turn_ = true;
    const bool news = come->deliver();
    in_turn_ = false;
    return news;
}

// False where something is left and no turn can be posted for it. What is put while the turn ends
// either finds no turn any more, or is found here.
bool lane::finish_turn() noexcept {
    if (flushes_.empty() && !inboxes_->has_mail()) {
        turn_ = turn::none;
        if (!inboxes_->has_mail() || !claim_turn()) return true;
    }
    turn_ = turn::posted;
    return post_turn(0);
}

// False where there is a turn. One that another thread is about to post is waited for where there
// may be no memory for it.
bool lane::claim_turn() noexcept {
    auto now = turn::none;
    if (turn_.compare_exchange_strong(now, turn::posted)) return true;
    if (now != turn::posting || on_io_context_) return false;
    const std::lock_guard lock(mutex_);
    now = turn::none;
    return turn_.compare_exchange_strong(now, turn::posted);
}

// The turn that there is waits for no more laps.
void lane::hurry() noexcept {
    auto now = turn::posted;
    while (!turn_.compare_exchange_weak(now, turn::hurried) && now != turn::none &&
           now != turn::hurried) {
    }
}

// What is queued has a turn, which stays: it finds less to do.
void lane::flush() noexcept {
    const bool here = certainly_here();
    {
        const std::lock_guard lock(mutex_);
        if (ended_ || turn_ == turn::none) return;
    }
    if (!here || in_turn_) return hurry();
    const auto keep = shared_from_this();
    deliver_inbox();
    flush_all();
    if (!inboxes_->idle()) hurry();  // another thread had the inbox
}

void lane::flush_all() noexcept {
    flushing_.swap(flushes_);
    in_turn_ = true;
    for (const auto& f : flushing_) {
        f->scheduled_ = false;
        ++stats_.flushes;
        f->flush();
    }
    in_turn_ = false;
    block_.clear();
    flushing_.clear();
}

void lane::execute(unique_function<void()> f, bool may_block) {
    if (!may_block) return post(std::move(f));
    if (!single_thread_) return running_here() ? f() : post(std::move(f));
    // Called inside, or posted, as the context has it.
    const auto kept = std::make_shared<unique_function<void()>>(std::move(f));
    net::any_io_executor here;
    {
        const std::lock_guard lock(mutex_);
        if (ended_) return;
        here = executor_;
    }
    here.execute([kept] { finds_memory(*kept); });
}

// At most once in the inbox.
void lane::rearming::begin() noexcept {
    if (!std::exchange(posted, true)) of.post(*this);
}

void lane::rearming::run() noexcept {
    posted = false;
    of.timers_->retry();
}

// What the letters and connections hold may be all that keeps this lane alive, and they may hold
// the lane: without this, a context that is destroyed with work left would leave both behind. They
// end with the context's own handlers, when everything that depends on the context was notified: a
// letter may hold the last owner of what has to be.
void lane::on_context_end() noexcept {
    auto left = std::make_tuple(std::unique_ptr<inbox_pair>(), std::move(flushes_));
    net::any_io_executor last;
    {
        // At once: other threads ask whether something may still end in the lane.
        const std::lock_guard lock(mutex_);
        ended_ = true;
        std::get<0>(left).swap(inboxes_);
        timers_.reset();
        last = std::exchange(executor_, ended_executor());
    }
    try {
        net::post(below(last), [l = std::move(left)] {});
    } catch (const std::bad_alloc&) {
        return;  // they end here
    }
}

net::execution_context& lane_executor::query(net::execution::context_t) const noexcept {
    return net::query(lane_->executor(), net::execution::context);
}

void lane_executor::submit(unique_function<void()> f) const {
    lane_->execute(std::move(f), may_block_);
}

}  // namespace tidings::detail
