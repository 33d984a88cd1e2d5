// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <utility>

namespace tidings::webhook::detail {

/// Which endpoint may use a connection next. Endpoints that have succeeded lately may use all
/// connections; the others share half of them, so that it never matters to the former how many of
/// the latter hang. Within each of the two groups endpoints take turns, and so do the groups.
class connection_turns {
 public:
    enum class group : std::size_t { proven = 0, unproven = 1 };
    struct turn {
        std::string endpoint{};
        group of = group::proven;
    };

    explicit connection_turns(std::size_t max_connections) noexcept
        : max_(std::max<std::size_t>(max_connections, 1)) {}

    /// Behind all that wait in its group. An endpoint waits once at a time.
    void wait(std::string endpoint, group g) { waiting_[index(g)].push_back(std::move(endpoint)); }
    /// Takes the next endpoint for which there is a connection.
    std::optional<turn> next() {
        for (int i = 0; i < 2; ++i) {
            const auto g = next_;
            next_ = g == group::proven ? group::unproven : group::proven;
            auto& line = waiting_[index(g)];
            if (line.empty() || !has_room(g)) continue;
            turn t{std::move(line.front()), g};
            line.pop_front();
            return t;
        }
        return std::nullopt;
    }
    /// An attempt of an endpoint of this group begins, ends.
    void begin(group g) noexcept { ++in_flight_[index(g)]; }
    void end(group g) noexcept { --in_flight_[index(g)]; }

    bool idle() const noexcept { return waiting_[0].empty() && waiting_[1].empty(); }
    void clear() noexcept { waiting_ = {}; }
    std::size_t in_flight() const noexcept { return in_flight_[0] + in_flight_[1]; }

 private:
    static constexpr std::size_t index(group g) noexcept { return static_cast<std::size_t>(g); }
    bool has_room(group g) const noexcept {
        const auto share = std::max<std::size_t>(max_ / 2, 1);
        const bool in_share = g == group::proven || in_flight_[index(g)] < share;
        return in_flight() < max_ && in_share;
    }

    std::size_t max_;
    std::array<std::deque<std::string>, 2> waiting_;
    std::array<std::size_t, 2> in_flight_{};
    group next_ = group::proven;
};

}  // namespace tidings::webhook::detail
