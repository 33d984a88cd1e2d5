// SPDX-License-Identifier: BSL-1.0
// What a client hands on when there is no memory, in the executable that lets an allocation fail.
#include "support/allocations.hpp"
#include "support/asking_sink.hpp"
#include "support/bus_fixture.hpp"

#include <tidings/inlet/impl/handover.hpp>
#include <tidings/test/fixed_random.hpp>

#include <algorithm>

namespace tidings::test {

namespace {

struct handover_bed : context_fixture {
    explicit handover_bed(std::shared_ptr<subscriber> sink)
        : of(std::make_shared<detail::handover>(
              detail::lane::make(io().get_executor(), clock()), std::move(sink),
              detail::handover_options{.module = "test",
                                       .environment = {nullptr, &clock(), &random}})) {}
    ~handover_bed() { of->stop(); }
    error_code push(std::string_view text) {
        error_code ec;
        auto e = publication::make("a", made(text), {}, ec);
        allocations_left = left;
        const auto result = of->push(std::move(e), "e:" + std::string(text));
        left = allocations_left.exchange(-1);
        return result;
    }
    void settle() {
        for (int i = 0; i < 10; ++i) advance(std::chrono::minutes(1));
    }

    fixed_random random;
    std::shared_ptr<detail::handover> of;
    long left = -1;  // allocations that the next push may make; and what it has left
};

TEST_CASE("an event that a client cannot keep comes again, another is handed on in order",
          "[inlet][counts]") {
    std::size_t refused = 0;
    bool missing = true;
    for (long n = 0; missing; ++n) {
        CAPTURE(n);
        const auto sink = std::make_shared<recording_subscriber>();
        sink->seen.reserve(100);  // it needs no memory itself
        handover_bed f(sink);
        texts expected;
        missing = false;
        // More than the window has memory for at first.
        for (std::uint64_t i = 0; i < 30; ++i) {
            const auto text = std::to_string(i);
            expected.push_back("a=" + text);
            f.left = n;
            const auto ec = f.push(text);
            missing = missing || f.left < 0;
            f.left = -1;
            if (!ec) continue;
            CHECK(ec == errc::out_of_memory);
            CHECK(f.of->counters().received == i);
            ++refused;
            CHECK_FALSE(f.push(text));
        }
        f.settle();
        // One whose answer was lost is handed over again.
        sink->seen.erase(std::unique(sink->seen.begin(), sink->seen.end()), sink->seen.end());
        CHECK(sink->seen == expected);
        CHECK(f.of->reached() == "e:29");
        CHECK(f.of->counters().accepted == 30);
    }
    CHECK(refused != 0);
}

TEST_CASE("a question that is dropped when there is no memory is asked again", "[inlet][counts]") {
    const auto sink = std::make_shared<asking_sink>();
    handover_bed f(sink);
    CHECK_FALSE(f.push("1"));
    f.run();
    REQUIRE(sink->waiting.size() == 1);
    allocations_left = 0;
    sink->waiting.clear();
    allocations_left = -1;
    CHECK_FALSE(f.push("2"));
    f.settle();
    CHECK(sink->asked == std::vector<std::string>{"1", "1", "2"});
    sink->answer_all();
    f.settle();
    CHECK(f.of->reached() == "e:2");
}

}  // namespace

}  // namespace tidings::test
