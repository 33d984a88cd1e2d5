// SPDX-License-Identifier: BSL-1.0
// A receiver before a subscriber that speaks, or lets go of what it was asked, on a thread that is
// none of the context's. Run under TSan by CI.
#include "support/board.hpp"
#include "support/two_threads.hpp"
#include "support/world.hpp"

#include <tidings/webhook/receiver.hpp>

#include <deque>
#include <future>
#include <mutex>
#include <thread>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;

/// Keeps what it is asked for somebody else.
class asked_elsewhere final : public subscriber {
 public:
    explicit asked_elsewhere(board& b) : board_(b) {}
    outcome deliver(const event_ptr&) noexcept override { return outcome::queued; }
    /// The oldest, once there is one; empty if none comes.
    deliver_handler take() {
        deliver_handler oldest;
        board_.wait([&] {
            const std::lock_guard lock(mutex_);
            if (waiting_.empty()) return false;
            oldest = std::move(waiting_.front());
            waiting_.pop_front();
            return true;
        });
        return oldest;
    }

 private:
    void start_deliver(event_ptr, deliver_handler h) override {
        {
            const std::lock_guard lock(mutex_);
            waiting_.push_back(std::move(h));
        }
        board_.changed();
    }
    board& board_;
    std::mutex mutex_;
    std::deque<deliver_handler> waiting_;
};

}  // namespace

TEST_CASE("a subscriber may speak, or let go of the question, on any thread",
          "[webhook][threads]") {
    constexpr int requests = 200;
    // Some are answered by the deadline meanwhile.
    const auto timeout = GENERATE(1ms, 60'000ms);
    CAPTURE(timeout.count());
    board noted;
    two_threads threads;
    const auto sink = std::make_shared<asked_elsewhere>(noted);
    std::optional<http::server> server(std::in_place, threads.io, http::server_options{.lanes = 4});
    server->mount("/hook",
                  webhook::receiver{sink, {.allow_unsigned = true, .accept_timeout = timeout}});
    server->start();
    std::optional<http::client> client(std::in_place, threads.io);
    std::atomic<int> accepted{0}, refused{0};
    for (int i = 0; i < requests; ++i)
        client->async_request(
            url_of(*server, "/hook"),
            {.method = "POST", .fields = {{"webhook-id", std::to_string(i)}}, .body = "{}"},
            [&](error_code, const http::response& r) {
                ++(r.status == 202 ? accepted : refused);
                noted.changed();
            });
    std::thread elsewhere([&] {
        for (int i = 0; i < requests; ++i)
            if (auto h = sink->take(); h && i % 2 == 0) std::move(h)(error_code(), outcome::queued);
    });
    elsewhere.join();
    CHECK(noted.wait([&] { return accepted + refused == requests; }));
    CHECK(accepted <= requests / 2);
    if (timeout > 1s) CHECK(accepted == requests / 2);
    client.reset();
    server.reset();
    threads.join();
}

}  // namespace tidings::test
