// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/io/clock.hpp>

#include <boost/asio/ip/address.hpp>

#include <chrono>
#include <cstddef>
#include <iterator>
#include <list>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace tidings::http::detail {

/// The addresses of names, each for a while. Bounded: where a name is one too many, the oldest is
/// forgotten, and of a name with many addresses the first are kept. Lane-confined.
class address_cache {
 public:
    using addresses = std::vector<net::ip::address>;
    static constexpr std::size_t max_names = 4096;
    static constexpr std::size_t max_addresses = 16;

    /// Null: not known. Valid until the next call.
    const addresses* find(const std::string& host, io::steady_time now) {
        const auto it = places_.find(host);
        if (it == places_.end()) return nullptr;
        if (it->second->until > now) return &it->second->found;
        forget(host);
        return nullptr;
    }
    void put(const std::string& host, addresses found, io::steady_time until) {
        forget(host);
        if (found.size() > max_addresses) found.resize(max_addresses);
        names_.push_back({host, std::move(found), until});
        try {
            places_.emplace(host, std::prev(names_.end()));
        } catch (...) {
            names_.pop_back();
            throw;
        }
        if (names_.size() > max_names) forget(std::string(names_.front().host));
    }
    void forget(const std::string& host) noexcept {
        const auto it = places_.find(host);
        if (it == places_.end()) return;
        const auto at = it->second;
        places_.erase(it);
        names_.erase(at);
    }
    std::size_t size() const noexcept { return names_.size(); }

 private:
    struct name {
        std::string host;
        addresses found;
        io::steady_time until;
    };
    std::list<name> names_;  // the oldest first
    std::unordered_map<std::string, std::list<name>::iterator> places_;
};

}  // namespace tidings::http::detail
