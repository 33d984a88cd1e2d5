// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/catch2.hpp"

#include <tidings/errc.hpp>
#include <tidings/test/run_until.hpp>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <atomic>
#include <string>
#include <utility>
#include <vector>

namespace tidings::test {

/// Where the operations of a store complete. A store may work on a thread of its own: a test
/// that waits runs the context until the completion.
class store_bed {
 public:
    /// `start(handler)` starts an operation whose handler gets `Values` after the error. It must
    /// not complete inside the call, and completes once.
    template <class... Values, class Start>
    std::pair<error_code, std::tuple<Values...>> wait_for(Start start) {
        std::pair<error_code, std::tuple<Values...>> result;
        int ends = 0;
        start(net::bind_executor(io_, [&](error_code ec, Values... values) {
            CHECK(io_.get_executor().running_in_this_thread());
            result = {ec, {std::move(values)...}};
            ++ends;
        }));
        CHECK(ends == 0);
        REQUIRE(run_io_until(io_, [&] { return ends != 0; }));
        io_.poll();
        CHECK(ends == 1);
        return result;
    }
    /// For operations that are started together, on any thread: a handler that writes down its
    /// turn.
    auto note(std::string text) {
        started_.fetch_add(1);
        return net::bind_executor(io_, [this, text = std::move(text)](error_code ec, auto&&...) {
            CHECK(io_.get_executor().running_in_this_thread());
            ended_.push_back(text + (ec ? ": " + ec.message() : ""));
        });
    }
    /// Runs until all of them ended; gives their order.
    std::vector<std::string> order() {
        CHECK(ended_.empty());  // nothing completes before the context runs
        REQUIRE(run_io_until(io_, [&] { return ended_.size() == started_.load(); }));
        io_.poll();
        CHECK(ended_.size() == started_.load());
        started_.store(0);
        return std::exchange(ended_, {});
    }

 private:
    net::io_context io_;
    net::executor_work_guard<net::io_context::executor_type> work_ = net::make_work_guard(io_);
    std::vector<std::string> ended_;
    std::atomic<std::size_t> started_{0};  // a store may notify on a thread of its own
};

}  // namespace tidings::test
