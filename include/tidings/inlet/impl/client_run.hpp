// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/completion_handler.hpp>
#include <tidings/errc.hpp>
#include <tidings/unique_function.hpp>

#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include <atomic>
#include <cstdint>
#include <vector>

namespace tidings::detail {

/// The one run of a client, and the operation that completes at its end. Confined to the client's
/// lane but for `announce`.
class client_run {
 public:
    using handler = completion_handler<error_code>;

    /// Names a run that is about to begin. `cancel(id)` is called in the lane when its operation is
    /// cancelled terminally; the run may have ended by then.
    template <class F>
    std::uint64_t announce(const handler& h, const net::any_io_executor& lane, F cancel) {
        const auto id = ++last_;
        if (!h) return id;
        if (auto slot = h.cancellation_slot(); slot.is_connected())
            slot.assign([=](net::cancellation_type type) {
                if ((type & net::cancellation_type::terminal) != net::cancellation_type::none)
                    net::post(lane, [=] { cancel(id); });
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
    void finish(error_code why) {
        current_ = 0;
        auto h = std::move(handler_);
        handler_ = handler();
        if (h) std::move(h)(why ? why : make_error_code(errc::closed));
        for (auto& done : std::exchange(draining_, {}))
            done(why == errc::closed ? error_code() : why);
    }
    /// Completes nothing: the context is no more.
    void drop() noexcept {
        handler_ = handler();
        draining_.clear();
    }

 private:
    std::atomic<std::uint64_t> last_{0};
    std::uint64_t current_ = 0;  // 0: none runs
    handler handler_;
    std::vector<unique_function<void(error_code)>> draining_;
};

}  // namespace tidings::detail
