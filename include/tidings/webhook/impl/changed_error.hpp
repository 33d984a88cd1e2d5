// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/errc.hpp>

#include <utility>

namespace tidings::webhook::detail {

/// What an operation that is repeated ended with, for a log that is to have each error once and not
/// as often as it comes.
class changed_error {
 public:
    /// Whether it is an error, and another than the last; success is the last, too.
    bool note(error_code ec) noexcept { return std::exchange(last_, ec) != ec && ec.failed(); }

 private:
    error_code last_{};
};

}  // namespace tidings::webhook::detail
