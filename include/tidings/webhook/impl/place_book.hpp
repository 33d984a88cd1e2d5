// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/lane/impl/lane.hpp>
#include <tidings/log.hpp>
#include <tidings/store/outbox.hpp>
#include <tidings/subscriber.hpp>

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace tidings::webhook::detail {

using tidings::detail::lane;
using tidings::detail::wheel_timer;

/// Up to where one subscription of an endpoint took the events of its bus. But for its names of the
/// sender's lane.
struct place {
    place(std::string endpoint_id, std::string subscribed)
        : endpoint(std::move(endpoint_id)),
          pattern(std::move(subscribed)) {}

    const std::string endpoint, pattern;
    position taken{};
    std::size_t held = 0;  // by so many subscriptions
    bool known = false;    // `taken` is what the outbox has, or newer
    bool asking = false;   // the outbox
    bool noted = false;    // in the append that is being made
};
using place_ptr = std::shared_ptr<place>;

/// The places of a sender's subscriptions. An outbox that outlives the process has each as a mark,
/// which it writes with the entries of the events up to there, so that after a crash a subscription
/// goes on behind them. In the sender's lane, where it ends.
class place_book : public std::enable_shared_from_this<place_book> {
 public:
    place_book(std::shared_ptr<lane> l, std::shared_ptr<store::outbox> outbox,
               std::function<store::outbox_time()> now, log_sink log);

    /// The place of these names. From any thread.
    place_ptr open(const std::string& endpoint, std::string_view pattern);
    /// A subscription begins. It goes on where it was when the process ended; one that was ended in
    /// this process, and begins again, at `here`. A place that is new is in the outbox before the
    /// answer.
    /// @param anew at `here` as well, wherever it was before
    void locate(const place_ptr& p, position here, bool anew, locate_handler h);
    /// A subscription has ended. `forget`: its endpoint has, too.
    void leave(const place_ptr& p, bool forget);
    /// The events up to there are gone.
    void skip(const place_ptr& p, position at);
    /// What waits is answered by the end of its handler.
    void stop() noexcept;

 private:
    struct question {
        position here;
        bool anew;
        locate_handler answer;
    };

    void ask(const place_ptr& p);
    void on_position(const place_ptr& p, error_code ec, position at);
    void write(const place_ptr& p, position at);
    void on_written(const place_ptr& p, error_code ec);
    void answer(const place_ptr& p);
    void try_again(error_code ec);
    template <class... Values, class F>
    auto handler(F f);

    const std::shared_ptr<lane> lane_;
    const std::shared_ptr<store::outbox> outbox_;
    const std::function<store::outbox_time()> now_;
    const log_sink log_;
    std::mutex mutex_;  // guards the next
    std::map<std::pair<std::string, std::string>, place_ptr> places_;
    // Of subscriptions that wait; of the lane.
    std::map<place_ptr, std::vector<question>> waiting_;
    wheel_timer again_;
};

}  // namespace tidings::webhook::detail
