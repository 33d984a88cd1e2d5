// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/catch2.hpp"
#include "support/counting_metrics.hpp"

#include <tidings/bus.hpp>
#include <tidings/control_event.hpp>
#include <tidings/log.hpp>
#include <tidings/test/manual_clock.hpp>

#include <boost/asio/io_context.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tidings::test {

/// `topic=text`, `lagged(3)` or `gap`.
inline std::string show(const event_ptr& e) {
    if (!e) return "null";
    if (const auto count = lagged_count(e)) return "lagged(" + std::to_string(*count) + ')';
    if (e->topic() == gap_type) return "gap";
    return std::string(e->topic()) + '=' + std::string(e->text());
}

inline std::vector<std::string> show(const std::vector<event_ptr>& events) {
    std::vector<std::string> shown;
    for (const auto& e : events) shown.push_back(show(e));
    return shown;
}

inline event made(std::string_view text) {
    return {"test", "/test", text};
}

using texts = std::vector<std::string>;

/// A context with a clock that stands still. When it goes, the context must run out of work and no
/// publication may be left that was not there before.
class context_fixture {
 public:
    context_fixture() = default;
    context_fixture(const context_fixture&) = delete;
    context_fixture& operator=(const context_fixture&) = delete;
    ~context_fixture() {
        if (io_) {
            run();
            CHECK(io_->stopped());
            destroy_context();
        }
        CHECK(publication::live() == live_before_);
    }

    net::io_context& io() { return *io_; }
    manual_clock& clock() noexcept { return clock_; }
    /// Runs what is ready.
    void run() {
        io_->restart();
        io_->poll();
    }
    /// The same after the clock has moved.
    void advance(std::chrono::milliseconds by) {
        run();
        clock_.advance(by);
        run();
    }
    /// The context goes, whatever is under way.
    void destroy_context() { io_.reset(); }

 private:
    std::size_t live_before_ = publication::live();
    manual_clock clock_;
    std::optional<net::io_context> io_{std::in_place};
};

/// And a bus on it.
class bus_fixture : public context_fixture {
 public:
    explicit bus_fixture(history_options history = {}) {
        bus_options o;
        o.history = std::move(history);
        o.log = [this](const log_record& r) { logged.push_back(std::string(r.message)); };
        o.metrics = metrics;
        o.clock = &clock();
        hub.emplace(io(), std::move(o));
    }
    ~bus_fixture() { hub.reset(); }

    receipt publish(std::string_view topic, std::string_view text = {}) {
        return hub->publish(topic, made(text));
    }
    /// A callback that writes down what it gets.
    auto into(texts& seen) {
        return [&seen](const event_ptr& e) { seen.push_back(show(e)); };
    }

    std::vector<std::string> logged;
    std::shared_ptr<counting_metrics> metrics = std::make_shared<counting_metrics>();
    std::optional<bus> hub;
};

/// A subscriber that writes down what it gets and answers as the test wants.
class recording_subscriber : public subscriber {
 public:
    outcome deliver(const event_ptr& e) noexcept override {
        seen.push_back(show(e));
        return answer;
    }
    void on_unsubscribed(error_code why) noexcept override { ended.push_back(why); }

    texts seen;
    outcome answer = outcome::delivered;
    std::vector<error_code> ended;
};

}  // namespace tidings::test
