// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/errc.hpp>

#include <string>

namespace tidings::webhook {

/// What a sender learned about an endpoint, for an alarm or a dashboard.
struct endpoint_change {
    enum class kind {
        circuit_opened,  ///< it fails: it is sent nothing until it is probed
        circuit_closed,  ///< it answers again
        disabled,        ///< it takes nothing until it is enabled, by a call or by a probe
        recovered,       ///< a probe succeeded: it is enabled again
        gone,            ///< it wants nothing more (410, `webhook-delivery: disable`): it has ended
    };
    std::string endpoint{};  ///< its id
    kind what = kind::circuit_opened;
    /// Of `disabled`: errc::webhook_disabled (it failed too often for too long) or
    /// errc::outbox_full. Of `gone`: errc::webhook_gone.
    error_code reason{};
    std::string text{};  ///< the same for people
};

}  // namespace tidings::webhook
