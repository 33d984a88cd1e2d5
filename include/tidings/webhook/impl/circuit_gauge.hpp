// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/metrics.hpp>

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace tidings::webhook::detail {

/// How many endpoints are in which state of their circuit: the gauge `webhook_endpoints`.
/// Lane-confined.
class circuit_gauge {
 public:
    enum class state : std::size_t {
        closed,     ///< it is sent to
        open,       ///< it is spared
        half_open,  ///< a probe is under way
        disabled,
    };

    explicit circuit_gauge(std::shared_ptr<metrics_sink> sink) : sink_(std::move(sink)) {
        for (std::size_t s = 0; s < names.size(); ++s) add(static_cast<state>(s), 0);
    }
    ~circuit_gauge() { clear(); }
    circuit_gauge(const circuit_gauge&) = delete;
    circuit_gauge& operator=(const circuit_gauge&) = delete;

    void set(const std::string& id, state s) {
        if (!sink_) return;
        const auto [it, fresh] = states_.try_emplace(id, s);
        if (!fresh && it->second == s) return;
        if (!fresh) add(std::exchange(it->second, s), -1);
        add(s, 1);
    }
    template <class Gone>
    void forget_if(Gone gone) {
        std::erase_if(states_, [&](const auto& item) {
            const bool is_gone = gone(item.first);
            if (is_gone) add(item.second, -1);
            return is_gone;
        });
    }
    void forget(const std::string& id) noexcept {
        const auto it = states_.find(id);
        if (it == states_.end()) return;
        add(it->second, -1);
        states_.erase(it);
    }
    void clear() noexcept {
        for (const auto& [id, s] : states_) add(s, -1);
        states_.clear();
    }

 private:
    static constexpr std::array<std::string_view, 4> names{"closed", "open", "half_open",
                                                           "disabled"};
    void add(state s, std::int64_t count) noexcept {
        if (!sink_) return;
        sink_->gauge("webhook_endpoints", {{"state", names[static_cast<std::size_t>(s)]}}, count);
    }

    const std::shared_ptr<metrics_sink> sink_;
    std::unordered_map<std::string, state> states_;
};

}  // namespace tidings::webhook::detail
