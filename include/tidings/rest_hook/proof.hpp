// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/config.hpp>

#include <cstdint>

namespace tidings::rest_hook {

/// How a target shows that it wants what a subscription would send it.
enum class proof : std::uint8_t {
    none,  ///< it is not asked
    /// It repeats the `X-Hook-Secret` of a POST in the same field of its 2xx answer, or later, in a
    /// POST to `/<id>/confirm` of the manager.
    echo,
    /// It allows the origin of an OPTIONS request (CloudEvents HTTP webhooks 1.0.2, section 4) in
    /// its answer, or later, by a GET or POST of the callback that the request named.
    consent,
    /// It answers a GET by the `hub.challenge` of its query (W3C WebSub 5.3).
    challenge,
};

}  // namespace tidings::rest_hook
