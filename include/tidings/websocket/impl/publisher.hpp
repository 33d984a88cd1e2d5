// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/bus_state.hpp>
#include <tidings/inlet/impl/inlet.hpp>
#include <tidings/outlet/impl/access.hpp>

#include <memory>
#include <optional>
#include <string>

namespace tidings::websocket::detail {

using tidings::detail::bus_state;
using tidings::detail::inlet;
using tidings::detail::lane;

/// Publishes what one client sends, where it is granted: one event at a time. Lane-confined.
class publisher {
 public:
    using outcome_handler = unique_function<void(error_code)>;

    /// `from`: `asker_at` of the client.
    publisher(std::shared_ptr<bus_state> bus, http::access access, std::string from,
              topic_rule rule, origin_id origin)
        : bus_(std::move(bus)),
          access_(std::move(access)),
          from_(std::move(from)),
          inlet_(std::move(rule), origin) {}
    ~publisher() { cancel(); }
    publisher(const publisher&) = delete;
    publisher& operator=(const publisher&) = delete;

    /// Why it was not published. Nothing: the authorizer has not answered; `done` is called with
    /// it, in the lane, unless `cancel` is before. What that says is published then, if it grants
    /// it.
    TIDINGS_DECL std::optional<error_code> take(const std::shared_ptr<lane>& home,
                                                const tidings::principal& who, wire_event&& e,
                                                outcome_handler done);
    /// What has no answer yet is not published.
    TIDINGS_DECL void cancel() noexcept;

 private:
    error_code publish(std::string_view topic, wire_event&& e) const noexcept;

    const std::shared_ptr<bus_state> bus_;
    const http::access access_;
    const std::string from_;
    const inlet inlet_;
    std::shared_ptr<http::detail::access_state::permit_run> asking_;
};

}  // namespace tidings::websocket::detail
