// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/io/clock.hpp>

#include <boost/asio/ip/address.hpp>

#include <chrono>
#include <cstddef>
#include <map>
#include <string>

namespace tidings::rest_hook::detail {

/// How many questions may go out, on behalf of all owners: so that those that make subscriptions
/// cannot turn this machine on somebody, nor keep it from asking for others. Lane-confined.
class question_budget {
 public:
    /// @param under_way at once; a quarter of them, and at least one, for one owner
    /// @param per_host in a minute, to a host and to an address
    question_budget(std::size_t under_way, std::size_t per_host) noexcept
        : under_way_(under_way),
          per_host_(per_host) {}

    /// Takes a place for a question to this host. 0: it has one, until `end`; else how long to wait
    /// until it is worth trying again.
    std::chrono::milliseconds begin(const std::string& owner, const std::string& host,
                                    io::steady_time now);
    void end(const std::string& owner) noexcept;
    /// Counts a connection for a question; false where the address has had enough of them.
    bool connects(const net::ip::address& to, io::steady_time now);

 private:
    static constexpr std::chrono::minutes window{1};
    static constexpr std::size_t max_counted = 4096;  // hosts and addresses in a minute

    void open_window(io::steady_time now);
    bool is_full(const std::string& place) const;

    const std::size_t under_way_;
    const std::size_t per_host_;
    std::size_t open_ = 0;
    std::map<std::string, std::size_t> of_owner_{};  // of those that are open
    io::steady_time began_{};
    std::map<std::string, std::size_t> counted_{};  // since then, by host and by address
};

}  // namespace tidings::rest_hook::detail
