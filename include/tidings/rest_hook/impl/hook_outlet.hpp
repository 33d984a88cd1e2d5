// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/rest_hook/impl/hook_record.hpp>
#include <tidings/webhook/endpoint.hpp>
#include <tidings/webhook/impl/endpoint_state.hpp>

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace tidings::rest_hook::detail {

/// Where the places of one subscription on a bus, one for each of its patterns, hand on their
/// events: its endpoint, which may be replaced under them, so that what they were given meanwhile
/// is neither lost nor brought twice. A filter is asked here, and not by the bus: so it may change
/// as well. Safe from any thread.
class hook_outlet {
 public:
    using endpoint_ptr = std::shared_ptr<webhook::detail::endpoint_state>;

    void set(endpoint_ptr e, std::vector<std::string> patterns, event_filter filter);
    endpoint_ptr endpoint() const;
    /// Where an event goes that a place of `pattern` has.
    struct way {
        endpoint_ptr to{};    ///< null: the subscription is not served
        bool brings = false;  ///< else nothing is done with it: it is not wanted, or the place of
                              ///< another pattern brings it
    };
    /// Which events of its patterns it wants.
    event_filter filter() const;
    way way_of(const publication& p, std::string_view pattern) const;

 private:
    mutable std::mutex mutex_;
    endpoint_ptr endpoint_;
    std::vector<std::string> patterns_;  // of those that match the first brings an event;
                                         // empty: there is one place at most
    event_filter filter_;
};

/// What a sender is to know of a subscription.
/// @param form of a subscription that was given none
/// @error errc::webhook_invalid_secret
TIDINGS_DECL webhook::endpoint_options endpoint_options_of(const hook_record& h,
                                                           webhook::body_form form, error_code& ec);
/// Whether the two have one endpoint.
TIDINGS_DECL bool same_delivery(const hook_record& a, const hook_record& b);

}  // namespace tidings::rest_hook::detail
