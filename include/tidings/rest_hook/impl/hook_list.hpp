// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/inlet/impl/backoff.hpp>
#include <tidings/lane/impl/lane_task.hpp>
#include <tidings/outlet/impl/access.hpp>
#include <tidings/rest_hook/impl/ended_rows.hpp>
#include <tidings/rest_hook/impl/hook_index.hpp>
#include <tidings/rest_hook/impl/live_hook.hpp>

#include <chrono>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tidings::rest_hook::detail {

using tidings::detail::backoff;
using tidings::detail::lane;
using tidings::detail::wheel_timer;

class end_announcer;
class hook_asker;

/// Whose subscriptions a caller may see and change.
struct hook_viewer {
    std::string owner{};
    bool all = false;  ///< those of every owner

    /// What strangers subscribed by a hub is an operator's to see.
    bool sees(std::string_view of, bool by_hub) const noexcept {
        return all || (of == owner && !(by_hub && owner.empty()));
    }
    bool sees(const hook_record& h) const noexcept { return sees(h.owner, h.websub.has_value()); }
};

/// The subscriptions of a manager. The table is the truth; the list follows it and holds what is
/// alive of each row. Safe from any thread. The table is never called with the mutex held, since it
/// may call back inside.
class hook_list final : public std::enable_shared_from_this<hook_list> {
 public:
    enum class phase { loading, ready, closed };
    static constexpr std::uint64_t any_revision = std::numeric_limits<std::uint64_t>::max();
    /// What became of a request for a place.
    struct reservation {
        enum class result { made, same_exists, list_full, owner_full, owner_holds_much, closed };
        result what = result::made;
        /// The id of the same subscription; the own one: a place has been taken for it already.
        std::string existing{};
        /// Of a change: what keeps it reserved.
        std::shared_ptr<void> held{};
    };
    /// Rows are being read from the table, from its beginning until its end.
    class reading {
     public:
        explicit reading(const std::shared_ptr<hook_list>& by);
        reading(const reading&) = delete;
        reading& operator=(const reading&) = delete;
        ~reading();

     private:
        friend class hook_list;
        const std::weak_ptr<hook_list> list_;
        ended_rows::moment began_ = 0;
    };
    using reading_ptr = std::shared_ptr<const reading>;
    /// Which subscriptions to list.
    struct selection {
        hook_viewer who{};
        std::string after{};  ///< an id; those that come behind it
        std::size_t max = 0;
        std::optional<std::string> owner{};  ///< of this one only
        std::optional<hook_state> state{};
        std::string topic{};  ///< that match this topic, or have this pattern; empty: all
    };
    /// Some of them, by age, as the API shows them.
    struct page {
        std::string items{};  ///< separated by commas
        std::string last{};   ///< the id of the last one
        bool more = false;
    };

    /// @param asker is notified of each that is asked
    hook_list(hook_means means, std::shared_ptr<hook_asker> asker);

    void start();
    void close() noexcept;
    phase now() const;
    store::table& table() const noexcept { return *table_; }

    /// Takes a place while the row is written, so that no two requests take the last one; `drop`
    /// gives it back.
    reservation reserve(const hook_record& h);
    /// The row was written: serves it, unless it ended meanwhile. Why it cannot be served, if so.
    error_code serve(const hook_record& h, std::uint64_t revision);
    /// A row as it stands in the table. @param by it was found; null: it has changed
    /// @throws std::bad_alloc: the table is read again, later
    void apply(const store::row& r, const reading_ptr& by, bool even_if_new = true);
    /// Ends what is served of a row. @param only where that is of this revision; 0: a place that no
    /// row has taken @param stays the row has not ended, and is about to say why
    void drop(const std::string& id, std::uint64_t only = any_revision, bool stays = false);
    /// Erases the row, until that succeeds; with a revision only as long as it has that.
    void erase_later(const std::string& id, std::uint64_t revision = 0);

    /// Calls `f` once the outbox knows where each place of the subscription begins, so that what is
    /// published from then on is delivered whenever the process ends; with false: it will not. From
    /// any thread, and not within this call. Whether it does: not where that is known already.
    bool when_placed(const std::string& id, unique_function<void(bool)> f);

    /// In the lane: ends what is over, and has the ends announced that are due.
    void on_expiry();

    /// Notifies the asker of each that is asked, once more.
    void note_pending();

    /// Nothing where there is none, or the caller may not see it.
    std::optional<hook_view> find(const hook_viewer& who, const std::string& id) const;
    /// Takes what a change needs while the row is written, as `reserve` does, so that no two
    /// changes make the same subscription, and none takes what its owner may not have.
    reservation reserve_change(const hook_record& before, const hook_record& h);
    page list(const selection& of) const;

 private:
    struct held_change;
    using hook_map = std::map<std::string, live_hook>;  // by id, which is by age

    /// What needs no memory to be posted to the lane.
    template <void (hook_list::*step)() noexcept>
    struct posted final : tidings::detail::lane_task {
        void run() noexcept override {
            const auto self = std::exchange(whose, nullptr);
            (self.get()->*step)();
        }
        void drop() noexcept override { const auto last = std::move(whose); }
        std::shared_ptr<hook_list> whose{};
    };

    void load(std::string after);
    void load_later(error_code ec) noexcept;
    void on_page(error_code ec, const std::vector<store::row>& rows);
    void note_expiry();
    void watch_expiry();
    void on_erased(error_code ec, const std::string& id, std::uint64_t revision);
    void cancel_timers() noexcept;
    void missed() noexcept;
    void load_again() noexcept;

    const hook_means means_;
    const manager_options& options_;
    const std::shared_ptr<store::table> table_;
    const std::shared_ptr<lane> lane_;
    const std::shared_ptr<hook_asker> asker_;
    const std::shared_ptr<end_announcer> announcer_;

    mutable std::mutex mutex_;  // guards what follows
    hook_map hooks_;
    hook_index index_;
    store::watch_handle watch_;
    phase phase_;
    http::detail::expiry_time first_expiry_;  // that the timer waits for
    ended_rows ended_;
    bool stale_ = false;  // what the pages under way say may be over

    // In the lane.
    std::uint64_t round_ = 0;             // of loading
    reading_ptr loading_;                 // null: none is under way
    std::chrono::milliseconds patience_;  // for a page
    backoff backoff_;
    wheel_timer again_;
    std::vector<std::pair<std::string, std::uint64_t>> unerased_;  // their erasure failed
    wheel_timer erase_again_;
    wheel_timer expiry_;  // of the first subscription to end, or whose end is to be announced
    posted<&hook_list::cancel_timers> closing_;
    posted<&hook_list::load_again> missed_;
};

}  // namespace tidings::rest_hook::detail
