// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/config.hpp>

#include <string>

namespace tidings::rest_hook {

/// Something that an application publishes, described for those that subscribe to it.
struct event_type {
    std::string name{};         ///< a topic or a pattern: `orders.created`, `sensors.*.moved`
    std::string description{};  ///< for people, UTF-8
    /// JSON Schema of the data: an object, `true` or `false`. It is shown, and nothing is validated
    /// by it. Empty: none.
    std::string schema{};
    /// JSON: the data of such an event, which a test of a subscription sends. Empty: none.
    std::string example{};
};

}  // namespace tidings::rest_hook
