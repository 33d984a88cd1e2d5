// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/subscriber.hpp>

#include <memory>

namespace tidings::detail {

/// The outlet of a client that was moved from: everything delivered to it is answered `closed`.
class closed_outlet final : public subscriber {
 public:
    outcome deliver(const event_ptr&) noexcept override { return outcome::closed; }

    static const std::shared_ptr<subscriber>& get() {
        static const std::shared_ptr<subscriber> one = std::make_shared<closed_outlet>();
        return one;
    }
};

}  // namespace tidings::detail
