// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/metrics.hpp>
#include <tidings/rest/impl/recent_publications.hpp>

#include <atomic>
#include <memory>
#include <utility>

namespace tidings::rest::detail {

/// What outlasts the service, until its last publication is through.
struct publications {
    publications(std::size_t remembered, std::shared_ptr<metrics_sink> m)
        : recent(remembered),
          metrics(std::move(m)) {}
    void count(std::string_view result) const noexcept {
        if (metrics) metrics->count("rest_publications", {{"result", result}}, 1);
    }
    recent_publications recent;
    std::atomic<std::size_t> under_way{0};
    const std::shared_ptr<metrics_sink> metrics;
};

/// One publication; one that is let go of without a word has failed.
class attempt {
 public:
    explicit attempt(std::shared_ptr<publications> all) : all_(std::move(all)) {
        ++all_->under_way;
    }
    attempt(attempt&&) = default;
    ~attempt() {
        if (!all_) return;
        if (begun_) all_->recent.fail(keys_);
        --all_->under_way;
    }
    bool over(std::size_t max) const noexcept { return all_->under_way > max; }
    void key(std::string k) { keys_.push_back(std::move(k)); }
    recent_publications::standing begin(recent_publications::result& first) {
        const auto found = all_->recent.begin(keys_, first);
        begun_ = found == recent_publications::standing::fresh ||
                 found == recent_publications::standing::again;
        return found;
    }
    void accept(const recent_publications::result& r) {
        if (std::exchange(begun_, false)) all_->recent.accept(keys_, r);
    }
    void count(std::string_view result) const noexcept { all_->count(result); }

 private:
    std::shared_ptr<publications> all_;
    recent_publications::keys keys_{};
    bool begun_ = false;
};

}  // namespace tidings::rest::detail
