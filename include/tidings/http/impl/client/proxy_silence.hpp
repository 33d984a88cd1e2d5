// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/io/network.hpp>

#include <mutex>
#include <optional>
#include <string>
#include <utility>

namespace tidings::http::detail {

/// What tells a proxy that hangs from a target that does: the proxy is at fault once two targets
/// have waited for its answer in vain, and it has answered nobody in between. Safe from any thread.
class proxy_silence {
 public:
    /// It has answered, whatever it was.
    void on_answer() noexcept {
        const std::lock_guard lock(mutex_);
        first_.reset();
        several_ = false;
    }
    /// A target has waited in vain. Whether the proxy is at fault. Names of one address are one
    /// target, and so are the addresses of one name.
    bool on_timeout(const std::string& host, const net::ip::address& address) {
        const std::lock_guard lock(mutex_);
        if (!first_)
            first_.emplace(host, address);
        else if (first_->first != host && first_->second != address)
            several_ = true;
        return several_;
    }

 private:
    std::mutex mutex_;
    std::optional<std::pair<std::string, net::ip::address>> first_;
    bool several_ = false;
};

}  // namespace tidings::http::detail
