// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/client.hpp>
#include <tidings/rest_hook/client.hpp>

#include <memory>
#include <mutex>
#include <string>

namespace tidings::rest_hook::detail {

/// A client behind its handle. Pending operations do not own it: it ends with the handle.
class client_state final : public std::enable_shared_from_this<client_state> {
 public:
    client_state(net::any_io_executor executor, client_options options);

    const net::any_io_executor& executor() const noexcept { return executor_; }
    std::string id() const {
        const std::lock_guard lock(mutex_);
        return id_;
    }
    void subscribe(subscribe_handler h);
    void unsubscribe(unsubscribe_handler h);

 private:
    http::request make_request(std::string method) const;
    registration read_registration(const http::response& r, error_code& ec);
    void report(const http::response& r, error_code ec) const;

    const net::any_io_executor executor_;
    const client_options options_;
    http::client http_;
    mutable std::mutex mutex_;
    std::string id_;  // guarded by mutex_
};

}  // namespace tidings::rest_hook::detail
