// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/subscription/post_memory.hpp>
#include <tidings/bus/impl/subscription/receive_turn.hpp>

#include <new>

namespace tidings::detail {

receive_ptr receive_line::remove(std::uint64_t id) noexcept {
    receive_operation* before = nullptr;
    for (auto* place = &first_; *place; place = &before->next) {
        if ((*place)->id != id) {
            before = place->get();
            continue;
        }
        auto found = std::move(*place);
        *place = std::move(found->next);
        if (last_ == found.get()) last_ = before;
        return found;
    }
    return {};
}

namespace {

class receive_turn;

thread_local receive_turn* current_receive_turn = nullptr;

/// Reads that complete one after another on one executor.
class receive_turn {
 public:
    explicit receive_turn(net::any_io_executor io) noexcept : executor_(std::move(io)) {
        current_receive_turn = this;
    }
    receive_turn(const receive_turn&) = delete;
    // After the last, or one whose handler threw.
    ~receive_turn() {
        current_receive_turn = outer_;
        while (!ready_.empty()) {
            auto o = ready_.pop_front();
            complete(o, executor_);
        }
    }
    // Where there is no memory to let others run, it goes on.
    void run(receive_ptr o) {
        do {
            for (int left = 64; left != 0; --left) {
                o.release()->finish(false);
                if (ready_.empty()) return;
                o = ready_.pop_front();
            }
        } while (!pass_on(o));
    }
    bool runs_on(const net::any_io_executor& io) const noexcept { return io == executor_; }
    void add(receive_ptr o) noexcept { ready_.push_back(std::move(o)); }

 private:
    // False with one that there is no memory for.
    bool pass_on(receive_ptr& o) noexcept {
        current_receive_turn = outer_;
        while (complete(o, executor_)) {
            if (ready_.empty()) return true;
            o = ready_.pop_front();
        }
        current_receive_turn = this;
        return false;
    }

    const net::any_io_executor executor_;
    receive_turn* const outer_ = current_receive_turn;  // of a handler that runs the context
    receive_line ready_;
};

void run_read(receive_ptr o) {
    receive_turn turn(o->executor);
    turn.run(std::move(o));
}

// What is posted lies in the read itself.
void post_read(const net::io_context::executor_type& io, receive_ptr& o) {
    static_assert(sizeof o->post_memory >= post_allocator<std::byte>::bytes);
    auto* const place = o->post_memory;
    post_in_place(io, place, [last = std::move(o)]() mutable { run_read(std::move(last)); });
}

// Of another kind, which allocates.
void post_read(const net::any_io_executor& io, receive_ptr& o) {
    const auto shared = std::make_shared<receive_ptr>();
    *shared = std::move(o);
    try {
        net::require(io, net::execution::blocking.never).execute([shared] {
            run_read(std::move(*shared));
        });
    } catch (...) {
        o = std::move(*shared);
        throw;
    }
}

}  // namespace

bool complete(receive_ptr& o, const net::any_io_executor& home) noexcept {
    if (current_receive_turn != nullptr &&
        current_receive_turn->runs_on(o->executor ? o->executor : home)) {
        current_receive_turn->add(std::move(o));
        return true;
    }
    try {
        if (!o->executor) o->executor = home;
        // It outlives the read.
        const auto io = o->executor;
        // Nothing is erased on the way to the executor that most programs have.
        if (const auto* plain = io.target<net::io_context::executor_type>())
            post_read(*plain, o);
        else
            post_read(io, o);
        return true;
    } catch (const std::bad_alloc&) {
        return false;
    }
}

}  // namespace tidings::detail
