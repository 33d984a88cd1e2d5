// SPDX-License-Identifier: BSL-1.0
#include "support/bus_fixture.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <functional>
#include <stdexcept>

namespace tidings::test {

namespace {

// Writes down how each receive ended.
struct ends {
    texts seen;
    auto one() {
        return [this](error_code ec, event_ptr e) { seen.push_back(ec ? ec.message() : show(e)); };
    }
    auto batch() {
        return [this](error_code ec, std::vector<event_ptr> events) {
            std::string text = ec ? ec.message() : "";
            for (const auto& e : events) text += show(e) + ' ';
            seen.push_back(text);
        };
    }
};

/// Counts the bytes that are allocated.
template <class T>
struct counting_allocator {
    using value_type = T;
    explicit counting_allocator(std::size_t& n) noexcept : count(&n) {}
    template <class U>
    counting_allocator(const counting_allocator<U>& o) noexcept : count(o.count) {}
    T* allocate(std::size_t n) const {
        *count += n * sizeof(T);
        return std::allocator<T>().allocate(n);
    }
    void deallocate(T* p, std::size_t n) const noexcept {
        *count -= n * sizeof(T);
        std::allocator<T>().deallocate(p, n);
    }
    template <class U>
    bool operator==(const counting_allocator<U>& o) const noexcept {
        return count == o.count;
    }
    std::size_t* count;
};

const std::string closed = make_error_code(errc::closed).message();
const std::string aborted = error_code(net::error::operation_aborted).message();

TEST_CASE("try_receive takes what is there, in order", "[bus][receiver]") {
    bus_fixture f;
    auto r = f.hub->receive("a");
    CHECK_FALSE(r.try_receive());
    f.publish("a", "1");
    f.publish("b", "elsewhere");
    f.publish("a", "2");
    CHECK(show(r.try_receive().value()) == "a=1");
    CHECK(show(r.try_receive().value()) == "a=2");
    CHECK_FALSE(r.try_receive());
    CHECK(r.counters().delivered == 2);
    CHECK_FALSE(receiver().try_receive());
}

TEST_CASE("async_receive never completes inside, neither the call nor the publish",
          "[bus][receiver]") {
    bus_fixture f;
    ends e;
    auto r = f.hub->receive("a");
    f.publish("a", "there");
    r.async_receive(e.one());
    CHECK(e.seen.empty());
    f.run();
    CHECK(e.seen == texts{"a=there"});
    r.async_receive(e.one());
    f.run();
    CHECK(e.seen.size() == 1);
    f.publish("a", "new");
    CHECK(e.seen.size() == 1);
    f.run();
    CHECK(e.seen == texts{"a=there", "a=new"});
}

TEST_CASE("a burst costs one post where each handler reads on", "[bus][receiver]") {
    bus_fixture f;
    texts seen;
    auto r = f.hub->receive("a");
    bool inside = false;
    std::function<void(error_code, event_ptr)> read = [&](error_code ec, const event_ptr& e) {
        CHECK_FALSE(std::exchange(inside, true));
        seen.push_back(ec ? ec.message() : show(e));
        if (!ec) r.async_receive(read);
        inside = false;
    };
    r.async_receive(read);
    for (int i = 0; i < 100; ++i) f.publish("a");
    f.io().restart();
    CHECK(f.io().poll_one() == 1);
    CHECK(seen.size() == 64);  // then others have their turn
    CHECK(f.io().poll_one() == 1);
    CHECK(seen.size() == 100);
    CHECK(f.io().poll_one() == 0);
    r.reset();
    f.run();
    CHECK(seen.back() == closed);
}

TEST_CASE("a read that a handler starts for another executor is posted there", "[bus][receiver]") {
    bus_fixture f;
    net::io_context other;
    ends e;
    auto r = f.hub->receive("a");
    auto on_strand = net::bind_executor(net::make_strand(f.io()), e.one());
    r.async_receive([&](error_code, event_ptr) {
        r.async_receive(net::bind_executor(other, e.one()));
        r.async_receive(std::move(on_strand));
    });
    for (const auto* text : {"1", "2", "3"}) f.publish("a", text);
    f.run();
    CHECK(e.seen == texts{"a=3"});
    other.run();
    CHECK(e.seen == texts{"a=3", "a=2"});
}

TEST_CASE("a handler that throws leaves the reads that it started", "[bus][receiver]") {
    bus_fixture f;
    ends e;
    auto r = f.hub->receive("a");
    r.async_receive([&](error_code, event_ptr) {
        r.async_receive(e.one());
        r.async_receive(e.one());
        throw std::runtime_error("burnt");
    });
    for (const auto* text : {"1", "2", "3"}) f.publish("a", text);
    CHECK_THROWS_AS(f.run(), std::runtime_error);
    CHECK(e.seen.empty());
    f.run();
    CHECK(e.seen == texts{"a=2", "a=3"});
}

TEST_CASE("a handler is kept in memory of its allocator", "[bus][receiver]") {
    bus_fixture f;
    std::size_t bytes = 0;
    ends e;
    auto r = f.hub->receive("a");
    r.async_receive(net::bind_allocator(counting_allocator<void>(bytes), e.one()));
    CHECK(bytes > 0);
    f.publish("a", "1");
    f.run();
    CHECK(bytes == 0);
    CHECK(e.seen == texts{"a=1"});
}

TEST_CASE("several pending reads are served in order", "[bus][receiver]") {
    bus_fixture f;
    ends e;
    auto r = f.hub->receive("a");
    r.async_receive(e.one());
    r.async_receive_batch(10, e.batch());
    r.async_receive(e.one());
    for (const auto* text : {"1", "2", "3"}) f.publish("a", text);
    f.run();
    CHECK(e.seen == texts{"a=1", "a=2 ", "a=3"});
}

TEST_CASE("a batch takes what is there, at most so many and at least one", "[bus][receiver]") {
    bus_fixture f;
    ends e;
    auto r = f.hub->receive("a");
    for (const auto* text : {"1", "2", "3"}) f.publish("a", text);
    r.async_receive_batch(2, e.batch());
    r.async_receive_batch(2, e.batch());
    r.async_receive_batch(0, e.batch());
    f.run();
    CHECK(e.seen == texts{"a=1 a=2 ", "a=3 "});
    f.publish("a", "4");
    f.run();
    CHECK(e.seen.back() == "a=4 ");
}

TEST_CASE("a receive is cancelled by its slot, and nothing is lost", "[bus][receiver]") {
    bus_fixture f;
    ends e;
    auto r = f.hub->receive("a");
    net::cancellation_signal first, second;
    r.async_receive(net::bind_cancellation_slot(first.slot(), e.one()));
    r.async_receive_batch(5, net::bind_cancellation_slot(second.slot(), e.batch()));
    second.emit(net::cancellation_type::total);
    CHECK(e.seen.empty());
    f.run();
    CHECK(e.seen == texts{aborted});
    f.publish("a", "1");
    first.emit(net::cancellation_type::all);  // too late: it has its event
    f.run();
    CHECK(e.seen == texts{aborted, "a=1"});

    r.async_receive(net::bind_cancellation_slot(first.slot(), e.one()));
    first.emit(net::cancellation_type::terminal);
    f.publish("a", "2");
    f.run();
    CHECK(e.seen.back() == aborted);
    CHECK(show(r.try_receive().value()) == "a=2");
    first.emit(net::cancellation_type::total);
    f.run();
    CHECK(e.seen.size() == 3);
}

TEST_CASE("a pending read completes when the receiver, or the bus, is closed", "[bus][receiver]") {
    bus_fixture f;
    ends e;
    auto r = f.hub->receive("a");
    auto other = f.hub->receive("a");
    r.async_receive(e.one());
    r.async_receive_batch(2, e.batch());
    r.reset();
    CHECK(e.seen.empty());
    f.run();
    CHECK(e.seen == texts{closed, closed});
    r.async_receive(e.one());
    f.run();
    CHECK(e.seen.size() == 3);
    CHECK(e.seen.back() == closed);

    other.async_receive(e.one());
    f.hub.reset();
    f.run();
    CHECK(e.seen.size() == 4);
    CHECK(e.seen.back() == closed);
    CHECK(other.error() == errc::closed);

    receiver().async_receive(net::bind_executor(f.io(), e.one()));
    f.run();
    CHECK(e.seen.size() == 5);
}

TEST_CASE("a receiver that overflows under disconnect ends, and says why", "[bus][receiver]") {
    bus_fixture f;
    ends e;
    auto r = f.hub->receive("a", {.limits = {.max_events = 2}, .overflow = overflow::disconnect});
    f.publish("a", "1");
    f.publish("a", "2");
    const auto third = f.publish("a", "3");
    CHECK(third.dropped == 1);
    f.run();
    CHECK_FALSE(r.active());
    CHECK(r.error() == errc::lagging);
    r.async_receive(e.one());
    f.run();
    CHECK(e.seen == texts{make_error_code(errc::lagging).message()});
    CHECK(r.counters().dropped == 1);
    CHECK(r.counters().discarded == 2);
    CHECK(f.hub->subscriptions() == 0);
}

TEST_CASE("assigning a receiver ends the one it held", "[bus][receiver]") {
    bus_fixture f;
    ends e;
    auto r = f.hub->receive("a");
    r.async_receive(e.one());
    r = f.hub->receive("b");
    f.run();
    CHECK(e.seen == texts{closed});
    CHECK(f.hub->subscriptions() == 1);
    auto& same = r;
    r = std::move(same);
    CHECK(r.active());
}

TEST_CASE("a coroutine reads a receiver until it is closed", "[bus][receiver]") {
    bus_fixture f;
    texts seen;
    auto r = f.hub->receive("a");
    net::co_spawn(
        f.io(),
        [&]() -> net::awaitable<void> {
            for (;;) {
                auto [ec, e] = co_await r.async_receive(net::as_tuple(net::use_awaitable));
                seen.push_back(ec ? ec.message() : show(e));
                if (ec) co_return;
            }
        },
        net::detached);
    f.publish("a", "1");
    f.run();
    f.publish("a", "2");
    f.publish("a", "3");
    f.run();
    r.reset();
    f.run();
    CHECK(seen == texts{"a=1", "a=2", "a=3", closed});
}

TEST_CASE("of two receives raced in a coroutine the loser is cancelled and loses nothing",
          "[bus][receiver]") {
    using namespace net::experimental::awaitable_operators;
    bus_fixture f;
    texts seen;
    auto left = f.hub->receive("left");
    auto right = f.hub->receive("right");
    net::co_spawn(
        f.io(),
        [&]() -> net::awaitable<void> {
            auto won = co_await (left.async_receive(net::use_awaitable) ||
                                 right.async_receive(net::use_awaitable));
            seen.push_back(won.index() == 0 ? "left" : "right");
        },
        net::detached);
    f.run();
    f.publish("right", "1");
    f.run();
    CHECK(seen == texts{"right"});
    f.publish("left", "1");
    CHECK(show(left.try_receive().value()) == "left=1");
}

TEST_CASE("a coroutine that owns its receiver goes when the context goes", "[bus][receiver]") {
    bus_fixture f;
    f.publish("a");
    net::co_spawn(
        f.io(),
        [r = f.hub->receive("a")]() mutable -> net::awaitable<void> {
            co_await r.async_receive(net::use_awaitable);
        },
        net::detached);
    f.run();
    f.destroy_context();
}

}  // namespace

}  // namespace tidings::test
