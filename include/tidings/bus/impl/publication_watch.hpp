// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/log.hpp>
#include <tidings/metrics.hpp>
#include <tidings/tap.hpp>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace tidings::detail {

/// What a tap's handle and the bus share.
class tap_state {
 public:
    tap_state(std::weak_ptr<bus_state> b, tap_function f) noexcept
        : bus(std::move(b)),
          function(std::move(f)) {}
    const std::weak_ptr<bus_state> bus;
    tap_function function;  // perhaps called by several threads at once
    std::atomic<bool> ended{false};
};

/// What looks at each publication of a bus: its metrics and taps. A bus has none where there is
/// neither, so that publishing does not pass by here. Thread-safe.
class publication_watch {
 public:
    /// @param patterns were checked
    TIDINGS_DECL publication_watch(std::shared_ptr<metrics_sink> sink,
                                   const std::vector<std::string>& patterns, log_sink log);

    /// @throws std::bad_alloc, and nothing has changed
    TIDINGS_DECL void add(std::shared_ptr<tap_state> t);
    /// Whether no tap is left.
    TIDINGS_DECL bool remove(const tap_state& t) noexcept;

    /// A publication is dispatched; with the bus's mutex held.
    void begin() noexcept {
        if (sink_) sink_->count("events_published", {}, 1);
    }
    /// It was. No lock is held.
    TIDINGS_DECL void end(const event_ptr& e, const receipt& r) noexcept;
    /// One is refused; `e` may be null. No lock is held.
    TIDINGS_DECL void refuse(std::string_view topic, const event_ptr& e, error_code why) noexcept;

 private:
    using tap_list = std::vector<std::shared_ptr<tap_state>>;
    /// A counter of the sink's, which may count by name alone.
    struct counter {
        const char* name;
        std::atomic<std::uint64_t>* place;
    };
    struct family {
        std::string pattern;
        counter published, delivered, dropped;
    };
    counter find(const char* name, const std::string& pattern) const noexcept;
    void count(const counter& c, const std::string& pattern, std::uint64_t n) const noexcept;
    void call_taps(const tapped_publication& p) noexcept;

    const std::shared_ptr<metrics_sink> sink_;
    const log_sink log_;
    std::vector<family> families_;
    std::mutex mutex_;
    std::shared_ptr<const tap_list> taps_;  // guarded by mutex_; null: none
};

}  // namespace tidings::detail
