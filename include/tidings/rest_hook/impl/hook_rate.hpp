// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/rest_hook/impl/hook_body.hpp>
#include <tidings/webhook/delivery_rate.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace tidings::rest_hook::detail {

/// How often the owner wants a target to be sent to, without a rounding: it is shown as it was
/// given.
struct hook_rate {
    std::uint32_t thousandths = 0;  ///< of a delivery in a second; 0: any number of deliveries
    std::uint32_t burst = 1;

    webhook::delivery_rate for_sender() const noexcept { return {thousandths / 1000.0, burst}; }
    friend bool operator==(const hook_rate&, const hook_rate&) = default;
};

/// Reads `{"per_second": 2.5, "burst": 10}`. `name` is the member that holds it. What is more than
/// `most` (`manager_options::max_rate`) is refused.
TIDINGS_DECL refusal read_rate(std::string_view name, std::string_view raw,
                               const webhook::delivery_rate& most, hook_rate& out);
/// The same of a row of the table. Whether it is one.
TIDINGS_DECL bool read_rate(std::string_view raw, hook_rate& out);
TIDINGS_DECL std::string to_json(const hook_rate& r);

/// What both allow; a `per_second` of 0 allows any number.
TIDINGS_DECL webhook::delivery_rate slower_of(const webhook::delivery_rate& a,
                                              const webhook::delivery_rate& b) noexcept;

}  // namespace tidings::rest_hook::detail
