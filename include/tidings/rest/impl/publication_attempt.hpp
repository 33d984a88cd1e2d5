// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/publish_waiter.hpp>
#include <tidings/event_ptr.hpp>
#include <tidings/http/exchange.hpp>
#include <tidings/inlet/impl/recent_ids.hpp>
#include <tidings/lane/impl/timer_wheel.hpp>
#include <tidings/metrics.hpp>
#include <tidings/receipt.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <utility>
#include <vector>

namespace tidings::rest::detail {

using tidings::detail::recent_ids;

/// What outlasts the service, until its last publication has ended.
struct publications {
    publications(std::size_t remembered_bytes, std::shared_ptr<metrics_sink> m)
        : recent(remembered_bytes),
          metrics(std::move(m)) {}
    void count(std::string_view result) const noexcept {
        if (metrics) metrics->count("rest_publications", {{"result", result}}, 1);
    }
    recent_ids recent;
    std::atomic<std::size_t> under_way{0};
    const std::shared_ptr<metrics_sink> metrics;
};

/// One publication; one that is destroyed before it was accepted has failed, and counts as refused
/// unless it was counted.
class publication_attempt {
 public:
    explicit publication_attempt(std::shared_ptr<publications> all) : all_(std::move(all)) {
        ++all_->under_way;
    }
    publication_attempt(publication_attempt&&) = default;
    ~publication_attempt() {
        if (!all_) return;
        if (begun_) all_->recent.fail(keys_);
        if (!counted_) all_->count("refused");
        --all_->under_way;
    }
    bool over(std::size_t max) const noexcept { return all_->under_way > max; }
    /// One more id under which it is known.
    void add_id(std::string_view id) { keys_.push_back(all_->recent.key_of(id)); }
    /// What was published under its ids; without any it is fresh.
    recent_ids::seen begin(recent_ids::result& first) {
        if (keys_.empty()) return recent_ids::seen::fresh;
        const auto found = all_->recent.begin(keys_, first);
        begun_ = found == recent_ids::seen::fresh || found == recent_ids::seen::again;
        return found;
    }
    void accept(const event_ptr& e, const std::optional<position>& p) {
        if (begun_) accept({std::string(e->id()), p});
    }
    void accept(const recent_ids::result& r) {
        if (!begun_) return;
        all_->recent.accept(keys_, r);
        begun_ = false;
    }
    void count(std::string_view result) noexcept {
        all_->count(result);
        counted_ = true;
    }

 private:
    std::shared_ptr<publications> all_;
    std::vector<recent_ids::key> keys_{};
    bool begun_ = false;
    bool counted_ = false;
};

/// A request that waits for its event to be accepted, no longer than the options say. It stands
/// for nothing of the service: a history may hold it.
class publication_wait final : public tidings::detail::publish_waiter {
 public:
    /// @param timeout 0: any time
    publication_wait(http::exchange&& x, publication_attempt&& a,
                     std::chrono::milliseconds timeout);
    /// What was asked, which the answer does not need.
    http::request& request() noexcept { return exchange_.request(); }

 private:
    void on_receipt(const receipt& r) override;
    void on_late();

    http::exchange exchange_;  // empty once it was answered
    publication_attempt attempt_;
    tidings::detail::wheel_timer deadline_;
};

}  // namespace tidings::rest::detail
