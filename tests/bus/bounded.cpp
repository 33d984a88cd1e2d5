// SPDX-License-Identifier: BSL-1.0
//
// What comes and goes leaves no byte behind. An executable of its own, for it counts what every
// `operator new` gives and takes back. TIDINGS_BOUNDED_TIMES=10000 makes 100 million topics and 10
// million pairs of it (`tests/full.sh bounded`).
#include <tidings/bus.hpp>

#include <boost/asio/io_context.hpp>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "support/catch2.hpp"
#include "support/counting_new.hpp"

namespace {

using tidings::test::bytes_held;

std::uint64_t times(std::uint64_t usual) {
    const char* factor = std::getenv("TIDINGS_BOUNDED_TIMES");
    return factor != nullptr ? usual * std::strtoull(factor, nullptr, 10) : usual;
}

struct bed {
    boost::asio::io_context io;
    tidings::bus hub{io};
    std::uint64_t calls = 0;

    tidings::subscription join(const std::string& pattern) {
        return hub.subscribe(pattern, tidings::immediate,
                             [this](const tidings::event_ptr&) { ++calls; });
    }
    void publish(const std::string& topic) {
        if (hub.publish(topic, {"t", "/s", "text"}).error) std::abort();
    }
};

}  // namespace

TEST_CASE("topics that nobody names leave nothing behind", "[bounded]") {
    bed b;
    const auto all = b.join("known.*");
    const auto one = b.join("known.one");
    const auto unknown = [&](std::uint64_t i) {
        const auto n = std::to_string(i);
        b.publish(i % 2 == 0 ? "unknown." + n : n + ".a-token-that-is-long." + n);
    };
    for (std::uint64_t i = 0; i < 10; ++i) {
        b.publish("known.one");
        unknown(i);
    }
    const long before = bytes_held;
    const auto count = times(10'000);
    for (std::uint64_t i = 0; i < count; ++i) unknown(i);
    CHECK(bytes_held == before);
    CHECK(b.calls == 20);
}

TEST_CASE("tokens and nodes go with their last pattern", "[bounded]") {
    bed b;
    const auto stays = b.join("base.*");
    const auto pair = [&](std::uint64_t i) {
        const auto n = std::to_string(i);
        const auto s = b.join(i % 3 == 0   ? "base." + n
                              : i % 3 == 1 ? "base.*." + n + ".a-token-that-is-long-" + n
                                           : n + ".>");
    };
    for (std::uint64_t i = 0; i < 10; ++i) pair(i);
    const long before = bytes_held;
    const auto count = times(1'000);
    for (std::uint64_t i = 0; i < count; ++i) pair(i);
    CHECK(bytes_held == before);
}

TEST_CASE("many patterns at once leave nothing behind when they go", "[bounded]") {
    bed b;
    const auto stays = b.join("base.*");
    const auto cycle = [&] {
        std::vector<tidings::subscription> many;
        for (int i = 0; i < 5'000; ++i) {
            const auto n = std::to_string(i);
            many.push_back(b.join(i % 2 == 0 ? "base." + n : "base.*." + n + ".long-token-" + n));
        }
    };
    cycle();  // the list of matches keeps its room
    const long before = bytes_held;
    for (int i = 0; i < 3; ++i) cycle();
    CHECK(bytes_held == before);
}

TEST_CASE("a topic's handle leaves nothing behind", "[bounded]") {
    bed b;
    const auto all = b.join("known.*");
    const auto use = [&](std::uint64_t i) {
        // Of one length: a thread keeps one spare block, whose size is that of the last event.
        const auto handle = b.hub.topic("known." + std::to_string(1'000'000'000 + i));
        if (handle.publish(tidings::event("t", "/s", "text")).delivered != 1) std::abort();
    };
    for (std::uint64_t i = 0; i < 10; ++i) use(i);
    const long before = bytes_held;
    const auto count = times(1'000);
    for (std::uint64_t i = 0; i < count; ++i) use(i);
    CHECK(bytes_held == before);
}
