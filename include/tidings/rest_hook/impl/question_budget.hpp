// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/io/clock.hpp>

#include <boost/asio/ip/address.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <map>
#include <string>

namespace tidings::rest_hook::detail {

/// How many questions may go out, on behalf of all owners: so that those that make subscriptions
/// cannot turn this machine on somebody, nor keep it from asking for others. Lane-confined.
class question_budget {
 public:
    /// @param under_way at once; a quarter of them, and at least one, for one owner; half of them
    /// for all strangers, the owners that begin with '@'
    /// @param per_host in a minute, to a host and to an address
    question_budget(std::size_t under_way, std::size_t per_host) noexcept
        : under_way_(under_way),
          per_host_(per_host) {}

    /// Takes a place for a question to this host. 0: it has one, until `end`; else how long to wait
    /// until it is worth trying again.
    std::chrono::milliseconds begin(const std::string& owner, const std::string& host,
                                    io::steady_time now) {
        const auto of_owner = of_owner_.find(owner);
        const auto open = of_owner == of_owner_.end() ? 0 : of_owner->second;
        if (open_ >= under_way_ || open >= std::max<std::size_t>(under_way_ / 4, 1) ||
            (is_stranger(owner) && of_strangers_ >= std::max<std::size_t>(under_way_ / 2, 1)))
            return until_one_ends;
        open_window(now);
        if (is_full(host)) return until_next(now);
        ++counted_[host];
        ++of_owner_[owner];
        if (is_stranger(owner)) ++of_strangers_;
        ++open_;
        return std::chrono::milliseconds(0);
    }
    void end(const std::string& owner) noexcept {
        const auto it = of_owner_.find(owner);
        if (it == of_owner_.end()) return;
        --open_;
        if (is_stranger(owner)) --of_strangers_;
        if (--it->second == 0) of_owner_.erase(it);
    }
    /// Counts a connection for a question; false where the address has had enough of them.
    bool connects(const net::ip::address& to, io::steady_time now) {
        open_window(now);
        const auto place = '@' + to.to_string();  // no host begins so
        if (is_full(place)) return ++refusals_, false;
        ++counted_[place];
        return true;
    }
    /// How many connections it has refused so far.
    std::size_t refusals() const noexcept { return refusals_; }
    /// When the next window opens.
    std::chrono::milliseconds until_next(io::steady_time now) const {
        return std::chrono::ceil<std::chrono::milliseconds>(std::max<io::steady_time::duration>(
            began_ + window - now, std::chrono::milliseconds(1)));
    }

 private:
    static constexpr std::chrono::seconds until_one_ends{1};
    static constexpr std::chrono::minutes window{1};
    static constexpr std::size_t max_counted = 4096;  // hosts and addresses in a minute

    static bool is_stranger(const std::string& owner) noexcept { return owner.starts_with('@'); }
    void open_window(io::steady_time now) {
        if (!counted_.empty() && now < began_ + window) return;
        began_ = now;
        counted_.clear();
    }
    bool is_full(const std::string& place) const {
        const auto it = counted_.find(place);
        if (it == counted_.end()) return counted_.size() >= max_counted;
        return it->second >= per_host_;
    }

    const std::size_t under_way_;
    const std::size_t per_host_;
    std::size_t open_ = 0;
    std::size_t of_strangers_ = 0;                   // of those that are open
    std::map<std::string, std::size_t> of_owner_{};  // of those that are open
    std::size_t refusals_ = 0;
    io::steady_time began_{};
    std::map<std::string, std::size_t> counted_{};  // since then, by host and by address
};

}  // namespace tidings::rest_hook::detail
