// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/webhook/standard_signer.hpp>

#include <memory>
#include <new>
#include <utility>
#include <vector>

namespace tidings::webhook::detail {

/// Signs as `standard_signer`, of which it holds the keys alone: their contexts, which are many
/// times as large, are made when they are used, and a sender keeps those of the endpoints that it
/// sent to last. Safe from any thread.
class cold_signer final : public signer {
 public:
    /// @throws std::invalid_argument as `standard_signer`
    explicit cold_signer(std::vector<standard_key> keys) : keys_(std::move(keys)) {
        static_cast<void>(standard_signer(keys_));
    }

    std::shared_ptr<const signer> warm() const { return std::make_shared<standard_signer>(keys_); }
    [[nodiscard]] error_code sign(const signing_input& what,
                                  http::fields& out) const noexcept override try {
        return warm()->sign(what, out);
    } catch (const std::bad_alloc&) {
        return errc::out_of_memory;
    }

 private:
    const std::vector<standard_key> keys_;
};

}  // namespace tidings::webhook::detail
