// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/io/impl/poll_set.hpp>

#if TIDINGS_POLL_SET

#include <boost/asio/error.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/strand.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <mutex>
#include <vector>

namespace tidings::detail {

namespace {

constexpr std::size_t max_turn_events = 64;
constexpr std::uint32_t room = EPOLLOUT;
constexpr std::uint32_t hang_up = EPOLLHUP | EPOLLRDHUP | EPOLLERR;

error_code system_error() noexcept {
    return {errno, boost::system::system_category()};
}

/// The sets of a context.
class poll_set_service final : public net::execution_context::service {
 public:
    static inline net::execution_context::id id;

    explicit poll_set_service(net::execution_context& context) : service(context) {}

    std::shared_ptr<poll_set> set_of(const net::any_io_executor& executor) {
        const std::lock_guard lock(mutex_);
        std::shared_ptr<poll_set> found;
        std::erase_if(sets_, [&](const auto& weak) {
            auto set = weak.lock();
            if (set && set->executor() == executor) found = std::move(set);
            return weak.expired();
        });
        if (found) return found;
        sets_.reserve(sets_.size() + 1);
        found = std::make_shared<poll_set>(executor);
        sets_.push_back(found);
        return found;
    }

 private:
    void shutdown() override {
        std::vector<std::weak_ptr<poll_set>> ending;
        {
            const std::lock_guard lock(mutex_);
            ending.swap(sets_);
        }
        for (const auto& weak : ending)
            if (const auto set = weak.lock()) set->end();
    }

    std::mutex mutex_;
    std::vector<std::weak_ptr<poll_set>> sets_;
};

}  // namespace

/// What Asio calls when a set is ready. Where Asio finds no memory to pass it on it is destroyed
/// without a call: then the set waits anew, because all its streams wait for this one call.
class poll_set::arrival {
 public:
    explicit arrival(poll_set& s) noexcept : set_(s.shared_from_this()) {}
    arrival(arrival&&) noexcept = default;
    arrival& operator=(arrival&&) = delete;
    ~arrival() {
        if (set_ && set_->state_ == state::armed) set_->arm_epoll();
    }

    using allocator_type = handler_allocator<void, memory_pointers>;
    allocator_type get_allocator() const noexcept { return allocator_type(set_->memory_); }

    void operator()(const error_code&) { std::exchange(set_, nullptr)->on_ready(); }

 private:
    std::shared_ptr<poll_set> set_;
};

std::shared_ptr<poll_set> poll_set::of(const net::any_io_executor& executor) {
    auto& context = net::query(executor, net::execution::context);
    // Services end in the reverse of the order in which they began: this one before strands and
    // the reactor drop their handlers.
    if (!net::has_service<poll_set_service>(context)) {
        static_cast<void>(net::strand<net::any_io_executor>(executor));
        static_cast<void>(net::posix::stream_descriptor(executor));
    }
    return net::use_service<poll_set_service>(context).set_of(executor);
}

poll_set::poll_set(net::any_io_executor executor)
    : executor_(std::move(executor)),
      epoll_(executor_) {}

poll_set::~poll_set() = default;

error_code poll_set::open() noexcept {
    const int made = ::epoll_create1(EPOLL_CLOEXEC);
    if (made < 0) return system_error();
    error_code ec;
    epoll_.assign(made, ec);
    if (ec) ::close(made);
    return ec;
}

error_code poll_set::wait(entry& e, io::wait_for what, io::ready_callback& done) noexcept {
    if (state_ == state::ended) return net::error::operation_aborted;
    const bool to_write = what == io::wait_for::writable;
    // Room to write is asked for anew each time, which only a slow peer costs.
    if (e.asked == 0 || to_write || !e.drained) {
        if (const auto ec = ask(e, to_write ? room : 0U)) return ec;
    }
    if (!to_write) e.drained = true;
    (to_write ? e.writable : e.readable) = std::move(done);
    ++waits_;
    arm();
    return {};
}

// What it is ready for already is reported, too.
error_code poll_set::ask(entry& e, std::uint32_t for_what) noexcept {
    if (!epoll_.is_open())
        if (const auto ec = open()) return ec;
    const auto asked = e.asked | EPOLLIN | EPOLLRDHUP | EPOLLET | for_what;
    epoll_event event{};
    event.events = asked;
    event.data.ptr = &e;
    const int how = e.asked == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    if (::epoll_ctl(epoll_.native_handle(), how, e.descriptor, &event) != 0) return system_error();
    if (e.asked == 0) entered_.push_back(e);
    e.asked = asked;
    return {};
}

// A child process may hold the descriptor open: closing it does not take it out.
void poll_set::leave(entry& e) noexcept {
    if (e.asked == 0) return;
    e.asked = 0;
    e.unlink();
    epoll_event ignored{};
    ::epoll_ctl(epoll_.native_handle(), EPOLL_CTL_DEL, e.descriptor, &ignored);
    for (auto& ready : batch_)
        if (ready.data.ptr == &e) ready.data.ptr = nullptr;
}

void poll_set::abort(entry& e) noexcept {
    leave(e);
    if (!e.readable && !e.writable) return;
    aborted_.push_back(e);
    if (state_ == state::armed) cancel_epoll();
}

void poll_set::remove(entry& e) noexcept {
    leave(e);
    if (e.is_linked()) e.unlink();  // it was aborted
    waits_ -= (e.readable ? 1U : 0U) + (e.writable ? 1U : 0U);
    if (waits_ == 0 && state_ == state::armed) cancel_epoll();
    // What they hold may end others of the set.
    const auto readable = std::move(e.readable);
    const auto writable = std::move(e.writable);
}

// A context whose streams wait has work.
void poll_set::arm() noexcept {
    if (state_ != state::idle || waits_ == 0) return;
    state_ = state::armed;
    arm_epoll();
}

void poll_set::arm_epoll() noexcept {
    epoll_.async_wait(net::posix::stream_descriptor::wait_read, arrival(*this));
}

void poll_set::cancel_epoll() noexcept {
    error_code ignored;  // of a descriptor that is not open
    epoll_.cancel(ignored);
}

/// What is left of a turn when it ends, also by a callback that throws: what was ready and is not
/// completed is reported again.
struct poll_set::turn {
    explicit turn(poll_set& s) noexcept : set(s) { set.state_ = state::in_turn; }
    ~turn() {
        const auto left = std::exchange(set.batch_, {});
        if (set.state_ == state::ended) return;
        for (const auto& ready : left)
            if (ready.data.ptr != nullptr) set.ask(*static_cast<entry*>(ready.data.ptr), 0);
        set.state_ = state::idle;
        set.arm();
        if (!set.aborted_.empty() && set.state_ == state::armed) set.cancel_epoll();
    }
    poll_set& set;
};

void poll_set::on_ready() {
    if (state_ == state::ended) return;
    std::array<epoll_event, max_turn_events> events;
    const turn ends(*this);
    const int count =
        ::epoll_wait(epoll_.native_handle(), events.data(), static_cast<int>(events.size()), 0);
    batch_ = std::span(events).first(static_cast<std::size_t>(std::max(count, 0)));
    while (!batch_.empty()) {
        complete(batch_.front());
        if (!batch_.empty()) batch_ = batch_.subspan(1);
    }
    complete_aborted();
}

// Each callback may end its stream, which takes the pointer out of `ready`.
void poll_set::complete(epoll_event& ready) {
    const auto e = [&] { return static_cast<entry*>(ready.data.ptr); };
    const auto events = ready.events;
    if (e() != nullptr && (events & (EPOLLIN | hang_up)) != 0) {
        e()->drained = false;
        if ((events & hang_up) != 0) e()->hung_up = true;
        if (e()->readable) take(e()->readable, {});
    }
    if (e() != nullptr && (events & (room | EPOLLHUP | EPOLLERR)) != 0 && e()->writable)
        take(e()->writable, {});
}

void poll_set::complete_aborted() {
    while (!aborted_.empty()) {
        auto& e = aborted_.front();
        auto& waiting = e.readable ? e.readable : e.writable;
        if (!waiting) {
            aborted_.pop_front();
            continue;
        }
        take(waiting, net::error::operation_aborted);
    }
}

void poll_set::take(io::ready_callback& waiting, error_code ec) {
    auto done = std::move(waiting);
    --waits_;
    done(ec);
}

void poll_set::end() noexcept {
    const auto keep = shared_from_this();
    state_ = state::ended;
    drop_all(entered_);
    drop_all(aborted_);
    error_code ignored;  // nothing is reported any more
    epoll_.close(ignored);
}

// What they hold may end any of them.
void poll_set::drop_all(entries& of) noexcept {
    while (!of.empty()) {
        auto& e = of.front();
        of.pop_front();
        e.asked = 0;
        const auto readable = std::move(e.readable);
        const auto writable = std::move(e.writable);
    }
}

}  // namespace tidings::detail

#endif
