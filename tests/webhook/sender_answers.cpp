// SPDX-License-Identifier: BSL-1.0
// Answers that are not HTTP as they should be: what their status says counts all the same.
#include "support/raw_target.hpp"
#include "support/webhook_bed.hpp"

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using webhook::verdict;

/// What follows a status line, and is wrong.
std::string wrong_rest() {
    return GENERATE(
        as<std::string>(), "Content-Length: 10\r\n\r\nhalf",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nha",
        "Transfer-Encoding: chunked\r\n\r\nno chunk\r\n",
        "Content-Type: text/plain\r\nContent-Type: text/html\r\nContent-Length: 0\r\n\r\n",
        "Retry-After: 1\r\nRetry-After: 1000\r\nContent-Length: 0\r\n\r\n",
        // Nothing is unpacked, be it a bomb.
        "Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\xff",
        "Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx", "X: a\x01\r\n\r\n", "no field\r\n\r\n",
        "X: y\n\r\n", "X: " + std::string(20'000, 'x') + "\r\n\r\n");
}

}  // namespace

TEST_CASE("2xx is delivered, whatever is wrong with what follows it", "[webhook]") {
    const auto rest = wrong_rest();
    CAPTURE(rest);
    world w;
    send_bed bed(w);
    raw_target target(w, "HTTP/1.1 200 OK\r\n" + rest);
    const auto e = bed.add(target.url());
    bed.publish();
    REQUIRE(bed.attempts.size() == 1);
    CHECK(bed.attempts[0].status == 200);
    CHECK_FALSE(bed.attempts[0].error);
    CHECK(bed.attempts[0].result == verdict::success);
    w.advance(24h);
    CHECK(target.requests.size() == 1);
    CHECK(e.counters().delivered == 1);
    CHECK(bed.logged.empty());
}

TEST_CASE("another status counts as well, whatever is wrong with what follows it", "[webhook]") {
    const auto rest = wrong_rest();
    CAPTURE(rest);
    world w;
    send_bed bed(w);
    raw_target target(w, "HTTP/1.1 410 Gone\r\n" + rest);
    const auto e = bed.add(target.url());
    bed.publish();
    REQUIRE(bed.attempts.size() == 1);
    CHECK(bed.attempts[0].result == verdict::gone);
    CHECK_FALSE(e.active());
}

TEST_CASE("Retry-After counts although the body after it is cut off", "[webhook]") {
    world w;
    send_bed bed(w);
    raw_target target(w,
                      "HTTP/1.1 503 Busy\r\nRetry-After: 1000\r\nContent-Length: 10\r\n\r\nhalf");
    bed.add(target.url());
    bed.publish();
    REQUIRE(bed.attempts.size() == 1);
    CHECK(bed.attempts[0].result == verdict::throttled);
    CHECK(bed.attempts[0].next == 1000s);
}

TEST_CASE("Retry-After that says two things says nothing", "[webhook]") {
    world w;
    send_bed bed(w);
    raw_target target(w,
                      "HTTP/1.1 503 Busy\r\nRetry-After: 1000\r\nRetry-After: 2000\r\n"
                      "Content-Length: 0\r\n\r\n");
    bed.add(target.url());
    bed.publish();
    REQUIRE(bed.attempts.size() == 1);
    CHECK(bed.attempts[0].result == verdict::throttled);
    CHECK(bed.attempts[0].next == 5s);
}

TEST_CASE("a body that does not end in time takes nothing from the status", "[webhook]") {
    world w;
    send_bed bed(w);
    raw_target target(w, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    target.stays_open = true;
    const auto e = bed.add(target.url());
    bed.publish();
    CHECK(bed.sender->in_flight() == 1);
    w.advance(21s);
    CHECK(bed.sender->in_flight() == 0);
    CHECK(e.counters().delivered == 1);
    w.advance(24h);
    CHECK(target.requests.size() == 1);
}

}  // namespace tidings::test
