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
/// is neither lost nor brought twice. Safe from any thread.
class hook_outlet {
 public:
    using endpoint_ptr = std::shared_ptr<webhook::detail::endpoint_state>;

    void set(endpoint_ptr e, std::vector<std::string> patterns);
    endpoint_ptr endpoint() const;
    /// The same, for an event that a place of `pattern` has; null where the place of another
    /// pattern brings that.
    endpoint_ptr endpoint_for(std::string_view pattern, std::string_view topic) const;

 private:
    mutable std::mutex mutex_;
    endpoint_ptr endpoint_;
    std::vector<std::string> patterns_;  // of those that match the first brings an event
};

/// What a sender is to know of a subscription.
/// @param form of a subscription that was given none
/// @error errc::webhook_invalid_secret
TIDINGS_DECL webhook::endpoint_options endpoint_options_of(const hook_record& h,
                                                           webhook::body_form form, error_code& ec);
/// Whether the two have one endpoint.
TIDINGS_DECL bool same_delivery(const hook_record& a, const hook_record& b);

}  // namespace tidings::rest_hook::detail
