// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/message.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace tidings::webhook::detail {

/// The origins that a target takes webhooks of, and how many a minute (CloudEvents webhooks 1.0.2,
/// section 4).
struct consent {
    std::vector<std::string> origins{};
    std::uint32_t rate = 0;

    /// The answer to an OPTIONS request: consent is in its fields, never in its status (4.2).
    http::response answer(const http::request& r) const;
};

}  // namespace tidings::webhook::detail
