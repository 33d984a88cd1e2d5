// SPDX-License-Identifier: BSL-1.0
#include "support/catch2.hpp"

#include <tidings/completion_handler.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace tidings::test {

namespace {

using handler = tidings::completion_handler<int, std::string>;

TEST_CASE("a completion is posted, and runs on the handler's executor", "[detail]") {
    net::io_context io, other;
    std::vector<std::string> seen;
    const auto note = [&](int n, std::string s) { seen.push_back(std::to_string(n) + s); };
    handler(io.get_executor(), note)(1, "a");
    handler(io.get_executor(), net::bind_executor(other, note))(2, "b");
    CHECK(seen.empty());
    io.run();
    CHECK(seen == std::vector<std::string>{"1a"});
    other.run();
    CHECK(seen == std::vector<std::string>{"1a", "2b"});
}

TEST_CASE("handlers are moved, assigned and erased from a vector", "[detail]") {
    net::io_context io;
    std::vector<int> seen;
    auto kept = std::make_shared<int>();
    const auto make = [&](int id) {
        return handler(io.get_executor(), [&seen, kept, only = std::make_unique<int>(id)](
                                              int, std::string) { seen.push_back(*only); });
    };
    {
        std::vector<handler> all;
        for (int id = 0; id < 5; ++id) all.push_back(make(id));
        all.erase(all.begin() + 1);  // by move assignment
        auto& self = all[0];
        all[0] = std::move(self);
        CHECK(all[0]);
        all[1] = make(9);
        for (auto& h : all) std::move(h)(0, "");
        CHECK_FALSE(all[0]);
        CHECK_FALSE(handler());
    }
    io.run();
    CHECK(seen == std::vector<int>{0, 9, 3, 4});
    CHECK(kept.use_count() == 1);
}

TEST_CASE("a handler that is never called is destroyed", "[detail]") {
    net::io_context io;
    auto kept = std::make_shared<int>();
    {
        const handler h(io.get_executor(), [kept](int, std::string) {});
    }
    CHECK(kept.use_count() == 1);
    handler(io.get_executor(), [kept](int, std::string) {})(1, "");
    CHECK(kept.use_count() == 2);
}

TEST_CASE("a handler gives its cancellation slot", "[detail]") {
    net::io_context io;
    net::cancellation_signal signal;
    const handler with(io.get_executor(),
                       net::bind_cancellation_slot(signal.slot(), [](int, std::string) {}));
    const handler without(io.get_executor(), [](int, std::string) {});
    CHECK(with.cancellation_slot().is_connected());
    CHECK_FALSE(without.cancellation_slot().is_connected());
}

}  // namespace

}  // namespace tidings::test
