// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/completion_handler.hpp>
#include <tidings/errc.hpp>
#include <tidings/impl/finds_memory.hpp>
#include <tidings/lane/impl/lane.hpp>
#include <tidings/unique_function.hpp>

#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/error.hpp>

#include <atomic>
#include <cstdint>
#include <optional>
#include <vector>

namespace tidings::detail {

/// The one run of a client, and the operation that completes at its end. Confined to the client's
/// lane but for `announce`.
class client_run {
 public:
    using handler = completion_handler<error_code>;

    /// Begins a run of `client` in its lane, where `begin` is called with the client. A terminal
    /// cancellation of the operation calls `cancel` there, while this run lasts. The user's signal
    /// refers to the client and the lane weakly.
    template <class Client, class Begin, class Cancel>
    void start(const std::shared_ptr<Client>& client, const std::shared_ptr<lane>& in, handler h,
               Begin begin, Cancel cancel) {
        const auto on_cancel = [this, cancel, weak = std::weak_ptr(client),
                                home = std::weak_ptr(in)](std::uint64_t cancelled) {
            const auto c = weak.lock();
            const auto l = home.lock();
            if (!c || !l) return;
            l->post([this, c, cancelled, cancel] {
                if (is(cancelled)) cancel(*c);
            });
        };
        const auto id = announce(h, on_cancel);
        in->post([this, client, h = std::move(h), id, begin]() mutable {
            if (this->begin(id, std::move(h))) begin(*client);
        });
    }
    /// Names a run that is about to begin. `cancel(id)` is called when its operation is cancelled
    /// terminally, by the thread that does so; the run may have ended by then. The user's signal
    /// keeps `cancel`, also beyond the context: it must hold no executor.
    template <class F>
    std::uint64_t announce(const handler& h, F cancel) {
        const auto id = ++last_;
        if (!h) return id;
        if (auto slot = h.cancellation_slot(); slot.is_connected())
            slot.assign([=](net::cancellation_type type) {
                if ((type & net::cancellation_type::terminal) != net::cancellation_type::none)
                    cancel(id);
            });
        return id;
    }
    /// False: another one runs, and `h` completes with errc::already_running.
    bool begin(std::uint64_t id, handler h) {
        if (current_ != 0) {
            if (h) std::move(h)(make_error_code(errc::already_running));
            return false;
        }
        current_ = id;
        handler_ = std::move(h);
        return true;
    }
    /// `done` is called when the client has ended; with success where it was stopped.
    void await_end(unique_function<void(error_code)> done) { draining_.push_back(std::move(done)); }
    bool is(std::uint64_t id) const noexcept { return current_ == id; }
    /// What the run completes with, whatever `finish` is given: for a last callback, which may stop
    /// the client. The first decision stands.
    void decide(error_code why) {
        if (!decided_) decided_ = why;
    }
    void finish(error_code why) {
        current_ = 0;
        if (const auto first = std::exchange(decided_, std::nullopt)) why = *first;
        auto h = std::move(handler_);
        handler_ = handler();
        // One that there is no memory to complete is destroyed, as Asio does; the others are not.
        if (h) finds_memory([&] { std::move(h)(why ? why : make_error_code(errc::closed)); });
        for (auto& done : std::exchange(draining_, {}))
            finds_memory([&] { done(why == errc::closed ? error_code() : why); });
    }
    /// Completes nothing: the context is no more.
    void drop() noexcept {
        handler_ = handler();
        draining_.clear();
    }

 private:
    std::atomic<std::uint64_t> last_{0};
    std::uint64_t current_ = 0;  // 0: none runs
    std::optional<error_code> decided_;
    handler handler_;
    std::vector<unique_function<void(error_code)>> draining_;
};

}  // namespace tidings::detail
