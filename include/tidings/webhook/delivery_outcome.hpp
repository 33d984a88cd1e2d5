// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/errc.hpp>

#include <cstdint>
#include <string>

namespace tidings::webhook {

/// How what one endpoint was owed of an event has ended.
struct delivery_outcome {
    enum class ending {
        delivered,  ///< 2xx
        dead,       ///< given up: a dead letter
        stopped,    ///< given up; what is behind it waits for an operator (`at_exhaustion::stop`)
        /// The outbox has it no more, and this sender did not see why: it was erased, another
        /// sender ended it, or a bound dropped the dead letter.
        removed,
    };
    std::string endpoint{};  ///< its id
    ending how = ending::delivered;
    std::uint32_t attempts = 0;  ///< that were made; 0: none, or it is not known any more
    unsigned status = 0;         ///< of the last; 0: no answer, or it is not known any more
    /// Why it was given up: errc::webhook_exhausted (the last attempt that the schedule has
    /// failed), errc::webhook_gone (410, or `webhook-delivery: disable`), errc::webhook_expired,
    /// errc::outbox_full (dropped at a bound), errc::webhook_not_added, errc::closed (the endpoint
    /// has ended), or what the last attempt failed with. Empty: delivered, or `removed`.
    error_code error{};
};

}  // namespace tidings::webhook
