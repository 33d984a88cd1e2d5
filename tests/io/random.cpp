// SPDX-License-Identifier: BSL-1.0
#include <tidings/io/random.hpp>

#include "support/catch2.hpp"

#include <array>
#include <set>
#if defined(__unix__)
#include <sys/wait.h>
#include <unistd.h>
#endif

namespace tidings::test {

TEST_CASE("random numbers differ, in pieces of any size", "[io]") {
    std::set<std::uint64_t> seen;
    for (int i = 0; i < 1000; ++i) seen.insert(io::system_random().next());
    CHECK(seen.size() == 1000);
    std::array<std::byte, 1024> large{}, other{};
    io::system_random().fill(large);
    io::system_random().fill(other);
    CHECK(large != other);
}

#if defined(__unix__)
TEST_CASE("a process and its child draw different numbers", "[io]") {
    io::system_random().next();  // what is buffered is copied
    std::array<int, 2> ends{};
    REQUIRE(::pipe(ends.data()) == 0);
    const auto child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        const auto drawn = io::system_random().next();
        const auto written = ::write(ends[1], &drawn, sizeof drawn);
        ::_exit(written == sizeof drawn ? 0 : 1);
    }
    std::uint64_t theirs = 0;
    CHECK(::read(ends[0], &theirs, sizeof theirs) == sizeof theirs);
    int status = 1;
    CHECK(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
    CHECK(theirs != io::system_random().next());
    ::close(ends[0]);
    ::close(ends[1]);
}
#endif

}  // namespace tidings::test
