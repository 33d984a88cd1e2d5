// SPDX-License-Identifier: BSL-1.0
//
// tidings: what host.hpp serves, and how much of its heap is in use.

#include "host.hpp"

#include <cstdio>

int main() {
    boost::asio::io_context io{1};
    const streams_bench::host host(io);
    std::printf("listening %u\n", host.port());
    std::fflush(stdout);
    io.run();
}
