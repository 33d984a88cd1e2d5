// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/bus_state.hpp>
#include <tidings/inlet/impl/backoff.hpp>
#include <tidings/lane/impl/lane_task.hpp>
#include <tidings/outlet/impl/access.hpp>
#include <tidings/rest_hook/impl/hook_record.hpp>
#include <tidings/rest_hook/manager.hpp>
#include <tidings/webhook/impl/endpoint_subscriber.hpp>
#include <tidings/webhook/impl/sender_state.hpp>

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace tidings::rest_hook::detail {

using tidings::detail::backoff;
using tidings::detail::bus_state;
using tidings::detail::lane;
using tidings::detail::wheel_timer;

/// The subscriptions of a manager. The table is the truth; the list follows it and holds what is
/// alive of each row: its endpoint and its place on the bus. Safe from any thread. The table is
/// never called with the mutex held, since it may call back inside.
class hook_list final : public std::enable_shared_from_this<hook_list> {
 public:
    enum class phase { loading, ready, closed };
    /// What became of a request for a place.
    struct reservation {
        enum class result { made, same_exists, list_full, owner_full };
        result what = result::made;
        std::string existing{};  ///< the id of the same subscription
    };
    /// Some of an owner's subscriptions, by age, as the API shows them.
    struct page {
        std::string items{};  ///< separated by commas
        std::string last{};   ///< the id of the last one
        bool more = false;
    };

    hook_list(std::shared_ptr<bus_state> b, std::shared_ptr<webhook::detail::sender_state> s,
              std::shared_ptr<const manager_options> options);

    void start();
    void close() noexcept;
    phase now() const;
    store::table& table() const noexcept { return *table_; }

    /// Takes a place while the row is written, so that no two requests take the last one; `drop`
    /// gives it back.
    reservation reserve(const hook_record& h);
    /// The row was written: serves it, unless it ended meanwhile. Why it cannot be served, if so.
    error_code serve(const hook_record& h, std::uint64_t revision);
    void drop(const std::string& id);
    /// Erases the row, until that succeeds.
    void erase_later(const std::string& id);

    bool holds(const std::string& owner, const std::string& id) const;
    std::optional<std::string> show(const std::string& owner, const std::string& id) const;
    page list(const std::string& owner, const std::string& after, std::size_t max) const;

 private:
    struct hook {
        hook_record record{};
        std::uint64_t revision = 0;  // 0: it is being written
        http::detail::expiry_time expires{};
        error_code error{};  // why nothing is delivered
        std::shared_ptr<webhook::detail::endpoint_state> endpoint{};
        subscription on_bus{};

        bool active() const noexcept { return endpoint && endpoint->active() && on_bus.active(); }
    };
    using hook_map = std::map<std::string, hook>;  // by id, which is by age

    /// The end of what it times, posted to the lane.
    struct closing final : tidings::detail::lane_task {
        void run() noexcept override { std::exchange(whose, nullptr)->cancel_timers(); }
        void drop() noexcept override { const auto last = std::move(whose); }
        std::shared_ptr<hook_list> whose{};
    };

    const hook* find(const std::string& owner, const std::string& id) const;
    void load(std::string after);
    void load_later(error_code ec) noexcept;
    void take_page(const std::vector<store::row>& rows);
    void on_page(error_code ec, const std::vector<store::row>& rows);
    void apply(const store::row& r, bool even_if_new = true);
    void begin(hook& h);
    void note_expiry(const hook& h);
    void watch_expiry();
    void on_expiry();
    void on_erased(error_code ec, const std::string& id);
    void cancel_timers() noexcept;
    void log(std::string_view message, error_code ec = {}) const;
    void gauge(std::int64_t add) const noexcept;

    const std::shared_ptr<bus_state> bus_;
    const std::shared_ptr<webhook::detail::sender_state> sender_;
    const std::shared_ptr<const manager_options> options_;
    const std::shared_ptr<store::table> table_;
    const std::shared_ptr<lane> lane_;

    mutable std::mutex mutex_;  // guards what follows
    hook_map hooks_;
    store::watch_handle watch_;
    phase phase_;
    http::detail::expiry_time first_expiry_;
    std::set<std::string> gone_;  // rows erased while it loads: a page may still hold them

    // In the lane.
    backoff backoff_;
    wheel_timer again_;
    std::vector<std::string> unerased_;  // rows whose erasure failed
    wheel_timer erase_again_;
    wheel_timer expiry_;  // of the first permission to end
    closing closing_;
};

}  // namespace tidings::rest_hook::detail
