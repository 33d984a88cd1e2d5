// SPDX-License-Identifier: BSL-1.0
// A receiver where memory runs out, at each allocation in turn.
#include "support/allocations.hpp"
#include "support/world.hpp"

#include <tidings/http/impl/server/body_budget.hpp>
#include <tidings/lane/impl/lane.hpp>
#include <tidings/webhook/receiver.hpp>

#include <new>

namespace tidings::test {

namespace {

/// The connection of one request, which notes the answer.
class answer_slot final : public http::detail::exchange_owner {
 public:
    answer_slot(std::shared_ptr<detail::lane> l, io::environment e)
        : lane_(std::move(l)),
          environment_(e) {}
    void respond(http::response r) override { status = r.status; }
    http::taken_stream take(bool) override { return {}; }
    void proceed(http::exchange) override {}
    void watch_peer(unique_function<void()>) override {}
    void watch_drain(unique_function<void()>) override {}
    void watch_written(unique_function<void()>) override {}
    std::unique_ptr<http::detail::body_share> make_share(bool) const override { return nullptr; }
    void close() override {}
    void give_up() noexcept override {}
    const std::shared_ptr<detail::lane>& home() const noexcept override { return lane_; }
    const io::environment& environment() const noexcept override { return environment_; }
    const std::string& remote_address() const noexcept override { return address_; }
    bool remote_is_loopback() const noexcept override { return true; }

    unsigned status = 0;

 private:
    std::shared_ptr<detail::lane> lane_;
    io::environment environment_;
    std::string address_ = "127.0.0.1:1";
};

class asking_subscriber final : public subscriber {
 public:
    outcome deliver(const event_ptr&) noexcept override { return outcome::queued; }
    std::vector<deliver_handler> asked;

 private:
    void start_deliver(event_ptr, deliver_handler h) override { asked.push_back(std::move(h)); }
};

}  // namespace

TEST_CASE("an event for which memory was missing may come again", "[webhook][fault-1]") {
    world w;
    const auto lane = detail::lane::make(w.io().get_executor(), w.clock(), true);
    // The clock's own timer, which may not fail, is started already.
    detail::wheel_timer earlier([] {});
    earlier.arm(lane->timers(), std::chrono::milliseconds(1));
    const auto sink = std::make_shared<asking_subscriber>();
    webhook::receiver in(sink, {.allow_unsigned = true, .max_accepting = 1});
    const auto post = [&](long allocations) {
        const auto slot = std::make_shared<answer_slot>(lane, w.environment());
        http::request r{
            .method = "POST", .target = "/in", .fields = {{"webhook-id", "1"}}, .body = "x"};
        http::exchange x(std::move(r), "", slot);
        allocations_left = allocations;
        try {
            in.handle(x);
        } catch (const std::bad_alloc&) {
            allocations_left = -1;
        }
        const bool failed = allocations_left < 0;
        allocations_left = -1;
        return failed;
    };
    long n = 0;
    for (bool failed = true; failed; ++n) {
        CAPTURE(n);
        failed = post(n);
        sink->asked.clear();  // what was asked all the same
        w.run_ready();
        REQUIRE(n < 500);
        if (!failed) break;
        // Neither its id nor its place is still taken.
        post(-1);
        CHECK(sink->asked.size() == 1);
        sink->asked.clear();
        w.run_ready();
    }
    CHECK(n > 5);
}

}  // namespace tidings::test
