// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/bus_fixture.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

namespace tidings::test {

/// Options of a member of the group "g".
inline subscribe_options in_group(std::size_t room = 1024,
                                  overflow policy = overflow::drop_oldest) {
    return {.limits = {.max_events = room},
            .overflow = policy,
            .backpressure_deadline = std::chrono::milliseconds(1000),
            .group = "g"};
}

/// A bus, and what is asked of its groups.
class group_fixture : public bus_fixture {
 public:
    using bus_fixture::bus_fixture;

    receiver member(std::size_t room = 1024, overflow policy = overflow::drop_oldest) {
        return hub->receive("a", in_group(room, policy));
    }
    /// Publishes `a=1` to `a=last`, and runs what is ready.
    void publish_through(int last, int first = 1) {
        for (; first <= last; ++first) publish("a", std::to_string(first));
        run();
    }
    /// Everything that a receiver holds.
    static texts all_of(receiver& from) {
        texts seen;
        while (const auto e = from.try_receive()) seen.push_back(show(*e));
        return seen;
    }
    auto note() {
        return [this](error_code ec, receipt r) { ends.emplace_back(ec, std::move(r)); };
    }
    void publish_and_wait(std::string_view text) {
        hub->async_publish("a", made(text), note());
        run();
    }

    std::vector<std::pair<error_code, receipt>> ends;
};

inline std::vector<std::uint64_t> numbers_of(const subscription_counters& c) {
    return {c.matched, c.delivered, c.dropped, c.discarded, c.failed};
}

}  // namespace tidings::test
