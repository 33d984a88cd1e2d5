// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/rest_hook/impl/api_call.hpp>
#include <tidings/rest_hook/impl/proof_terms.hpp>

#include <memory>
#include <string>

namespace tidings::rest_hook::detail {

/// Where a target agrees later than in its answer: it repeats what it was asked by, which nobody
/// else knows, and needs no other credentials. Safe from any thread, each call in its lane.
class confirm_api final {
 public:
    explicit confirm_api(api_parts parts) : parts_(std::move(parts)) {}

    /// 204; 404 for a subscription that is not there or does not wait, and for another secret: the
    /// three cannot be told apart.
    void serve(http::exchange& x, const std::string& id) const;

 private:
    bool read(const http::request& r, const hook_record& h, std::uint32_t& per_minute) const;

    const api_parts parts_;
};

}  // namespace tidings::rest_hook::detail
