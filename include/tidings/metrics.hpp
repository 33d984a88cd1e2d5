// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/config.hpp>

#include <atomic>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string_view>
#include <utility>

namespace tidings {

/// Where the library counts. Names are static snake_case without prefix or unit suffix
/// ("events_published", "clients"); labels are few and bounded ({"transport", "websocket"}). Must
/// not block, throw or call the library, which may hold a lock; called from any thread.
class metrics_sink {
 public:
    using labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;
    virtual ~metrics_sink() = default;
    /// Adds to a counter that only rises.
    virtual void count(std::string_view name, labels l, std::uint64_t add) noexcept = 0;
    /// The place of a counter, for what is counted too often to be looked up each time; asked for
    /// once, must live as long as the sink. Null: not counted.
    virtual std::atomic<std::uint64_t>* counter(std::string_view /*name*/, labels /*l*/) noexcept {
        return nullptr;
    }
    /// Adds to a gauge; negative when something ended.
    virtual void gauge(std::string_view name, labels l, std::int64_t add) noexcept = 0;
};

}  // namespace tidings
