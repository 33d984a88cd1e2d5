// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/inlet/impl/backoff.hpp>
#include <tidings/outlet/impl/stream_request.hpp>
#include <tidings/rest_hook/impl/hook_record.hpp>
#include <tidings/rest_hook/manager.hpp>
#include <tidings/webhook/impl/sender_state.hpp>

#include <map>
#include <mutex>
#include <set>

namespace tidings::rest_hook::detail {

using namespace tidings::detail;

/// A request that waits for the table, no longer than the options say.
struct table_request {
    /// `on_late` is called after it was answered.
    table_request(http::exchange x, std::chrono::milliseconds timeout,
                  unique_function<void()> on_late);

    http::exchange exchange;  // empty once it was answered
    unique_function<void()> on_late;
    wheel_timer deadline;
};

/// The manager behind its handle. The table is the truth; `hooks_` follows it and holds what is
/// alive of each row: its endpoint and its place on the bus. Safe from any thread. The table is
/// never called with the mutex held, since it may call back inside.
class manager_state final : public std::enable_shared_from_this<manager_state> {
 public:
    manager_state(std::shared_ptr<bus_state> b, std::shared_ptr<webhook::detail::sender_state> s,
                  manager_options options);

    void start();
    void close() noexcept;
    void handle(http::exchange& x);
    const manager_options& options() const noexcept { return options_; }

 private:
    struct hook {
        hook_record record{};
        std::uint64_t revision = 0;  // 0: it is being written
        error_code error{};          // why nothing is delivered
        std::shared_ptr<webhook::detail::endpoint_state> endpoint{};
        subscription on_bus{};

        bool active() const noexcept { return endpoint && endpoint->active() && on_bus.active(); }
    };
    using hook_map = std::map<std::string, hook>;  // by id, which is by age

    std::optional<http::response> check_caller(const http::exchange& x,
                                               http::stream_request& caller) const;
    void create(http::exchange& x, const principal& who);
    void on_put(http::exchange x, const hook_record& h, bool show_secret, std::uint64_t revision,
                error_code ec);
    std::optional<http::response> check_target(const std::string& url) const;
    std::optional<http::response> reserve(const hook_record& h);
    void list(http::exchange& x, const http::stream_request& caller) const;
    void show(http::exchange& x, const principal& who, const std::string& id) const;
    void remove(http::exchange& x, const principal& who, const std::string& id);
    const hook* find(const principal& who, const std::string& id) const;

    void load(std::string after);
    void on_page(error_code ec, const std::vector<store::row>& rows);
    void apply(const store::row& r, bool even_if_new = true);
    void begin(hook& h);
    void drop(const std::string& id);
    void erase_later(const std::string& id);
    void on_erased(error_code ec, const std::string& id);
    std::string make_id(io::system_time now) const;
    void log(log_level level, std::string_view message, error_code ec = {}) const;
    void gauge(std::int64_t add) const noexcept;

    const std::shared_ptr<bus_state> bus_;
    const std::shared_ptr<webhook::detail::sender_state> sender_;
    const manager_options options_;
    const std::shared_ptr<store::table> table_;
    const std::shared_ptr<lane> lane_;

    mutable std::mutex mutex_;  // guards what follows
    hook_map hooks_;
    store::watch_handle watch_;
    bool loaded_ = false;
    bool closed_ = false;
    std::set<std::string> gone_;  // rows erased while it loads: a page may still hold them

    // In the lane.
    backoff backoff_;
    wheel_timer again_;
    std::vector<std::string> unerased_;  // rows whose erasure failed
    wheel_timer erase_again_;
};

}  // namespace tidings::rest_hook::detail
