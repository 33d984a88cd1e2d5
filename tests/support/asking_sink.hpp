// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/catch2.hpp"

#include <tidings/subscriber.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tidings::test {

/// A sink that answers when a test says so.
class asking_sink final : public subscriber {
 public:
    outcome deliver(const event_ptr&) noexcept override { return outcome::dropped; }
    /// Answers the oldest question about this event.
    void answer(std::string_view text, error_code ec = {}) {
        const auto it = std::find_if(waiting.begin(), waiting.end(),
                                     [&](const question& q) { return q.event->text() == text; });
        REQUIRE(it != waiting.end());
        auto q = std::move(*it);
        waiting.erase(it);
        std::move(q.handler)(ec, ec ? outcome::dropped : outcome::delivered);
    }
    void answer_all(error_code ec = {}) {
        for (auto& q : std::exchange(waiting, {}))
            std::move(q.handler)(ec, ec ? outcome::dropped : outcome::delivered);
    }

    struct question {
        event_ptr event;
        deliver_handler handler;
    };
    std::vector<std::string> asked;  // every question
    std::vector<question> waiting;

 private:
    void start_deliver(event_ptr e, deliver_handler handler) override {
        asked.emplace_back(e->text());
        waiting.push_back({std::move(e), std::move(handler)});
    }
};

}  // namespace tidings::test
