// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/codec/cloudevents_http.hpp>
#include <tidings/http/exchange.hpp>

#include <map>
#include <set>

namespace tidings::matrix {

/// What came to a host, before any service could take a repetition for what it is.
class arrivals {
 public:
    void note(const http::exchange& x) {
        peers_.insert(x.remote_address());
        const auto& r = x.request();
        const auto mode = content_mode_of(r.fields);
        // To look into large ones takes long.
        if (r.body.size() > 64 * 1024 || mode == content_mode::none || mode == content_mode::batch)
            return;
        error_code ec;
        const auto e = read_http_event(r.fields, r.body, ec);
        if (!ec) ++requests_[std::string(e.event.id())];
    }
    /// Requests that brought this event.
    std::size_t requests(std::string_view id) const {
        const auto it = requests_.find(id);
        return it == requests_.end() ? 0 : it->second;
    }
    /// Connections that asked for something.
    std::size_t connections() const { return peers_.size(); }

 private:
    std::map<std::string, std::size_t, std::less<>> requests_;
    std::set<std::string> peers_;
};

/// Stands before a service.
template <class Service>
class noted {
 public:
    noted(std::shared_ptr<arrivals> by, Service service)
        : by_(std::move(by)),
          service_(std::move(service)) {}

    void handle(http::exchange& x) {
        by_->note(x);
        service_.handle(x);
    }
    std::size_t max_body_bytes() const noexcept {
        if constexpr (requires { service_.max_body_bytes(); }) return service_.max_body_bytes();
        return 0;
    }
    void drain() {
        if constexpr (requires { service_.drain(); }) service_.drain();
    }

 private:
    std::shared_ptr<arrivals> by_;
    Service service_;
};

}  // namespace tidings::matrix
