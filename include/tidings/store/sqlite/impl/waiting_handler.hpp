// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/completion_handler.hpp>
#include <tidings/impl/context_end.hpp>

#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/prefer.hpp>

#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <utility>

namespace tidings::sqlite::detail {

/// A handler of the user's that a thread of ours completes. Its context is kept busy meanwhile, and
/// may be destroyed: the handler goes with it then.
template <class... Args>
class waiting_handler final : public tidings::detail::context_dependent {
 public:
    using handler = tidings::completion_handler<Args...>;

    explicit waiting_handler(handler h)
        : work_(net::prefer(h.executor(), net::execution::outstanding_work.tracked)),
          handler_(std::move(h)) {}

    /// @throws std::bad_alloc
    static std::shared_ptr<waiting_handler> make(handler h) {
        const auto executor = h.executor();
        auto made = std::make_shared<waiting_handler>(std::move(h));
        tidings::detail::watch_context(executor, made);
        return made;
    }

    /// Posts the completion. Without memory for that the handler is dropped.
    template <class... Values>
    void complete(Values&&... values) noexcept {
        const std::lock_guard lock(mutex_);
        if (!handler_) return;
        try {
            std::move (*handler_)(std::forward<Values>(values)...);
        } catch (const std::bad_alloc&) {
            // Nothing is left to say it with.
        }
        handler_.reset();
        work_ = {};
    }

    // What the handler owns may end what waits for this.
    void on_context_end() noexcept override {
        std::optional<handler> gone;
        const std::lock_guard lock(mutex_);
        gone.swap(handler_);
        work_ = {};
    }

 private:
    std::mutex mutex_;
    net::any_io_executor work_;
    std::optional<handler> handler_;
};

}  // namespace tidings::sqlite::detail
