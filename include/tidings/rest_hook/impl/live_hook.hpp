// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/bus_state.hpp>
#include <tidings/rest_hook/impl/hook_outlet.hpp>
#include <tidings/rest_hook/impl/hook_placing.hpp>
#include <tidings/rest_hook/impl/hook_view.hpp>
#include <tidings/rest_hook/impl/packed_hook.hpp>
#include <tidings/rest_hook/manager.hpp>
#include <tidings/webhook/impl/sender_state.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace tidings::rest_hook::detail {

using tidings::detail::bus_state;

class hook_subscriber;

/// What subscriptions are served by.
struct hook_means {
    std::shared_ptr<bus_state> bus{};
    std::shared_ptr<webhook::detail::sender_state> sender{};
    std::shared_ptr<const manager_options> options{};

    void log(std::string_view message, error_code ec = {},
             log_level level = log_level::error) const {
        if (options->log) options->log({level, "rest_hook", message, ec});
    }
    /// What one is owed that has no endpoint is for nobody.
    void give_up(const hook_record& h) const {
        using leaving = webhook::detail::leaving;
        sender->on_endpoint_closed(std::make_shared<const std::string>(endpoint_id_of(h)),
                                   leaving::absent);
    }
    const io::clock& clock() const noexcept { return *options->environment.clock; }
    /// So many subscriptions more, or fewer, are in the metrics.
    void gauge(std::int64_t add) const noexcept {
        if (options->metrics) options->metrics->gauge("rest_hooks", {}, add);
    }
};

/// A row of the table, and what is alive of it: its endpoint and its places on the bus. Not safe
/// from several threads.
class live_hook {
 public:
    live_hook() = default;
    /// @param revision 0: a place for a row that is being written
    live_hook(packed_hook row, std::uint64_t revision) noexcept
        : row_(std::move(row)),
          revision_(revision) {}

    /// Serves it, which is `h`. What `before`, the same subscription until now, has in common with
    /// it goes on without a break; the rest of that ends with `before`. Why it cannot be served:
    /// `error`. Where memory runs out `before` goes on, and this is to be destroyed.
    void begin(const hook_means& by, const hook_record& h, live_hook& before,
               std::function<void()> on_gone);
    /// Nothing more is delivered: neither what comes, nor what is owed.
    void close();
    /// What is alive of it, to be closed: the row stays here, and is not served.
    live_hook take_alive() noexcept;
    /// The same until another one serves it: what is owed stays so.
    void withdraw();
    /// What comes is not taken any more, and what is owed is delivered.
    void leave() noexcept { places_.clear(); }

    const packed_hook& row() const noexcept { return row_; }
    std::uint64_t revision() const noexcept { return revision_; }  // 0: it is being written
    error_code error() const noexcept { return error_; }
    hook_outlet::endpoint_ptr endpoint() const;
    hook_condition condition() const;
    /// Null: the outbox knows where each of its places begins, or is to know none.
    std::shared_ptr<hook_placing> placing() const noexcept { return placing_.lock(); }
    hook_view view() const { return {row_.unpack(), revision_, condition(), endpoint()}; }

 private:
    struct place {
        std::shared_ptr<const hook_subscriber> of;
        subscription on_bus;
    };
    hook_outlet::endpoint_ptr make_endpoint(const hook_means& by, const hook_record& h,
                                            std::function<void()> on_gone);
    /// Whether what is published may be owed to it by its place of this pattern.
    bool is_to_have(std::string_view pattern) const;

    packed_hook row_{};
    std::uint64_t revision_ = 0;
    error_code error_{};
    std::shared_ptr<hook_outlet> outlet_{};
    std::vector<place> places_{};
    std::weak_ptr<hook_placing> placing_{};
};

}  // namespace tidings::rest_hook::detail
