// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/config.hpp>

#include <string>
#include <utility>

namespace tidings {

/// What an error code cannot say: one line of text that names the object (a URL without its user
/// info and query, a file, a port) and the cause, for the reader of a log. Empty where there
/// is nothing to add. Programs decide by the error code; the text may change.
class diagnostics {
 public:
    diagnostics() = default;
    explicit diagnostics(std::string message) : message_(std::move(message)) {}

    const std::string& message() const noexcept { return message_; }
    bool empty() const noexcept { return message_.empty(); }

 private:
    std::string message_;
};

}  // namespace tidings
