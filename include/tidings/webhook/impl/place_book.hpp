// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/lane/impl/lane.hpp>
#include <tidings/log.hpp>
#include <tidings/store/outbox.hpp>
#include <tidings/subscriber.hpp>
#include <tidings/unique_function.hpp>

#include <chrono>
#include <cstdint>
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

/// Up to where one subscription of an endpoint took the events of its bus. But for its names, and
/// what its book's mutex guards, of the sender's lane.
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
    bool refused = false;  // an event of it, at the sender's end: nothing behind that is written

    // Guarded by the book's mutex.
    position passed{};              // the newest event that was not for it
    std::uint32_t unwritten = 0;    // so many of those came since it was written
    bool listed = false;            // among those that passed some
    std::shared_ptr<place> next{};  // of these
};
using place_ptr = std::shared_ptr<place>;

/// The places of a sender's subscriptions. An outbox that outlives the process has each as a mark,
/// which it writes with the entries of the events up to there, so that after a crash a subscription
/// goes on behind them. In the sender's lane, where it ends.
///
/// No entry says that events were passed over since they were not for the subscription. How far
/// that went is remembered here, and written at the end, before a filter changes, and now and then
/// while many pass: what passed since is judged once more after a crash.
class place_book : public std::enable_shared_from_this<place_book> {
 public:
    /// A place that fewer events have passed since it was written is not written in between.
    static constexpr std::uint32_t passes_between_writes = 64;
    static constexpr std::chrono::minutes between_writes{1};
    /// Up to where places have passed events, as it is to be written.
    struct passage {
        struct step {
            place_ptr of;
            position at;
        };
        std::vector<step> steps{};
        unique_function<void(error_code)> done{};
        std::size_t open = 0;  // writes under way
        error_code failed{};
    };
    using passage_ptr = std::shared_ptr<passage>;

    place_book(std::shared_ptr<lane> l, std::shared_ptr<store::outbox> outbox,
               std::function<store::outbox_time()> now, log_sink log);
    ~place_book() { forget_passed(); }

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
    /// An event was judged, and is not for it. From any thread, in the order of the events;
    /// allocates nothing. True where those that passed many are to be written, after
    /// `before_write`: `take_passed` is awaited then, or `miss_write`.
    bool pass(const place_ptr& p, const position& at) noexcept;
    std::chrono::milliseconds before_write() const;
    void miss_write() noexcept;
    /// What is to be written of the places of an endpoint (empty: of all) that at least so many
    /// events have passed. What is appended behind this call may be older. @throws std::bad_alloc
    passage_ptr take_passed(std::string_view endpoint, std::uint32_t least);
    /// Writes it. What was appended before it was taken is to be in the outbox, or on its way
    /// there. `done` may be called inside; what was not written is written another time.
    void write(const passage_ptr& p, unique_function<void(error_code)> done);
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
    void write_steps(const passage_ptr& p, std::size_t from, std::size_t to);
    void on_steps(passage& p, std::size_t from, std::size_t to, error_code ec) noexcept;
    void end_steps(passage& p, error_code ec);
    void list(const place_ptr& p) noexcept;
    void forget_passed() noexcept;
    template <class... Values, class F>
    auto handler(F f);

    const std::shared_ptr<lane> lane_;
    const std::shared_ptr<store::outbox> outbox_;
    const std::function<store::outbox_time()> now_;
    const log_sink log_;
    mutable std::mutex mutex_;  // guards the next
    std::map<std::pair<std::string, std::string>, place_ptr> places_;
    place_ptr passed_;                   // the first of those that passed some
    store::outbox_time last_written_{};  // those that passed many
    bool awaited_ = false;               // the next time
    // Of subscriptions that wait; of the lane.
    std::map<place_ptr, std::vector<question>> waiting_;
    wheel_timer again_;
};

}  // namespace tidings::webhook::detail
