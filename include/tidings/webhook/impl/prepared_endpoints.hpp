// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/client/request_target.hpp>
#include <tidings/webhook/impl/endpoint_target.hpp>

#include <list>
#include <unordered_map>

namespace tidings::webhook::detail {

/// What all deliveries of an endpoint share: how their requests begin, and what signs them.
struct prepared_endpoint {
    std::shared_ptr<const http::detail::prepared_request> request{};
    std::shared_ptr<const signer> signs{};  // null: an `async_signer` does
};

/// The same of the endpoints that were sent to last; for others it is made anew, so that a sender
/// of very many endpoints does not hold a head and a keyed context of each. Lane-confined.
class prepared_endpoints {
 public:
    static constexpr std::size_t max_kept = 4096;

    explicit prepared_endpoints(std::string user_agent) : user_agent_(std::move(user_agent)) {}

    /// Null with an error. @error as `make_signer`, as `http::detail::prepared_request::make`
    std::shared_ptr<const prepared_endpoint> of(const std::shared_ptr<endpoint_target>& t,
                                                error_code& ec);
    /// What nothing is sent to any more has no use of it.
    void forget_gone();
    std::size_t size() const noexcept { return by_use_.size(); }

 private:
    struct kept {
        std::weak_ptr<endpoint_target> of;  // no other has its address as long as this is here
        const endpoint_target* key;
        std::shared_ptr<const prepared_endpoint> made;
    };
    using list = std::list<kept>;

    const std::string user_agent_;
    list by_use_;  // the latest first
    std::unordered_map<const endpoint_target*, list::iterator> known_;
};

}  // namespace tidings::webhook::detail
