// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <array>
#include <thread>

namespace tidings::test {

/// A context that two threads run.
class two_threads {
 public:
    boost::asio::io_context io;

    two_threads() {
        for (auto& t : threads_) t = std::thread([this] { io.run(); });
    }
    ~two_threads() { join(); }
    void join() {
        work_.reset();
        for (auto& t : threads_)
            if (t.joinable()) t.join();
    }

 private:
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_ =
        boost::asio::make_work_guard(io);
    std::array<std::thread, 2> threads_;
};

}  // namespace tidings::test
