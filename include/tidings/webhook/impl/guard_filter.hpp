// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/impl/finds_memory.hpp>
#include <tidings/log.hpp>
#include <tidings/webhook/address_guard.hpp>

#include <memory>
#include <string>
#include <utility>

namespace tidings::webhook::detail {

/// `address_guard::allows` as the filter of a client's connections. Logs each address that it
/// refuses, and by which rule. Copies, of which each connection has one, share what it holds.
class guard_filter {
 public:
    guard_filter(const address_guard& guard, log_sink log)
        : shared_(std::make_shared<const shared>(shared{guard, std::move(log)})) {}

    bool operator()(const net::ip::address& address) const {
        const auto rule = shared_->guard.refusal(address);
        if (rule.empty()) return true;
        if (shared_->log) {
            tidings::detail::finds_memory([&] {
                const auto text = address.to_string() + " refused: " + std::string(rule);
                shared_->log({log_level::warning, "webhook", text, errc::address_refused});
            });
        }
        return false;
    }

 private:
    struct shared {
        address_guard guard;
        log_sink log;
    };
    std::shared_ptr<const shared> shared_;
};

}  // namespace tidings::webhook::detail
