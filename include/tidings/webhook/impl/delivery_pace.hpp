// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/inlet/impl/token_bucket.hpp>
#include <tidings/webhook/delivery_rate.hpp>

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace tidings::webhook::detail {

/// The token buckets of endpoints, and which endpoints wait for a token. Lane-confined.
class delivery_pace {
 public:
    /// Whether there is a token in the endpoint's bucket. False: `ready` gives it when there is.
    bool look(const std::string& id, const delivery_rate& rate, io::steady_time now);
    /// Takes one, which there is.
    void take(const std::string& id, io::steady_time now);
    /// Appends the endpoints whose waiting is over. Where it throws, the others wait as before.
    void ready(io::steady_time now, std::vector<std::string>& ids);
    /// When `ready` gives the next.
    std::optional<io::steady_time> next() const;
    /// Nothing of this endpoint waits any more.
    void dismiss(const std::string& id) noexcept;
    /// Of an endpoint that is not known any more.
    void forget(const std::string& id) noexcept;
    template <class Gone>
    void forget_if(Gone gone) {
        std::vector<std::string> ids;
        for (const auto& [id, b] : buckets_)
            if (gone(id)) ids.push_back(id);
        for (const auto& id : ids) forget(id);
    }

 private:
    using queue = std::multimap<io::steady_time, std::string>;
    struct bucket {
        bucket(const delivery_rate& r, io::steady_time now);
        void change(const delivery_rate& r, io::steady_time now) noexcept;
        delivery_rate rate;
        tidings::detail::token_bucket tokens;
        std::optional<queue::iterator> waits{};
    };
    void unwait(bucket& b) noexcept;

    std::map<std::string, bucket> buckets_;
    queue waiting_;
};

}  // namespace tidings::webhook::detail
