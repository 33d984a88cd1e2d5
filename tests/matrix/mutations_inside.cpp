// SPDX-License-Identifier: BSL-1.0
// Faults in the bytes of a transport itself: in the cable of its connections, one for each network.
#include "matrix/run_case.hpp"
#include "matrix/scene.hpp"
#include "support/catch2.hpp"

#include <algorithm>

using namespace tidings::matrix;

namespace {

using kinds = std::vector<std::string>;

const kinds streams{"WebSocket", "WebSocket, upstream", "SSE", "NDJSON"};
const kinds posting{"REST topics, posted", "webhook", "webhook, structured", "REST hook"};
const kinds unsigned_posting{"REST topics, posted"};
const kinds signed_posting{"webhook", "webhook, structured", "REST hook"};
const kinds polling{"REST topics, polled"};
const kinds resuming{"WebSocket", "SSE", "NDJSON", "REST topics, polled"};

/// Little by little, so that there are many answers to who polls.
findings trickle(scene& s) {
    auto w = s.watch();
    samples sent;
    for (int i = 0; i < 10; ++i) {
        const auto more = numbered_samples(std::to_string(i) + ": ", 5);
        s.publish(i % 2 == 0 ? entry::deliver : entry::async_deliver, more);
        sent.insert(sent.end(), more.begin(), more.end());
        s.in().run_until([&] { return w.seen->count() >= sent.size(); });
    }
    // The deadlines of answers that never come pass meanwhile.
    const auto& clock = *s.in().environment().clock;
    s.in().run_until(
        [&, late = clock.now() + std::chrono::minutes(1)] { return clock.now() >= late; });
    auto g = s.guarantee();
    // What is tried again comes later.
    if (!g.resumable && g.at_least_once) g.ordered = false;
    return s.collect(w, sent, g);
}

struct mutation {
    const char* name;
    fault planted;
    const kinds& over;
    test_case found_by;
    const char* told_as;
};

const std::vector<mutation> found{
    {"loses a frame or chunk", fault::drop, streams, &trickle, "lost: event 1: 1"},
    {"doubles a frame or chunk", fault::repeat, streams, &trickle, "doubled: event 1: 1 came"},
    {"swaps two frames or chunks", fault::swap, streams, &trickle, "out of order: event 1: 1"},
    {"alters a byte", fault::alter_byte, streams, &trickle, "event 1: 1: altered data"},
    {"alters a byte of a request", fault::alter_byte, unsigned_posting, &trickle, "altered data"},
    {"alters a byte of an answer", fault::alter_byte, polling, &trickle, "altered data"},
    {"goes on one too late", fault::resume_late, resuming, &cases::cut, "lost"},
    {"goes on one too early", fault::resume_early, resuming, &cases::cut, "doubled"},
    {"forgets where it was", fault::lose_position, resuming, &cases::cut, "lost"},
};

constexpr const char* nothing = nullptr;
constexpr const char* posted_again = "was posted 2 times";

// A subscriber notices none of it. The host of what is posted may.
const std::vector<mutation> made_good{
    {"loses a request", fault::drop, posting, &trickle, nothing},
    {"doubles a request", fault::repeat, posting, &trickle, posted_again},
    {"loses the answer to a request", fault::lose_answer, posting, &trickle, posted_again},
    {"alters a byte of a signed request", fault::alter_byte, signed_posting, &trickle,
     posted_again},
    {"loses an answer with events", fault::drop, polling, &trickle, nothing},
    {"doubles an answer with events", fault::repeat, polling, &trickle, nothing},
};

template <class Check>
void play(const std::vector<mutation>& mutations, Check check) {
    const auto row = GENERATE(from_range(rows_on(network_kind::simulated)));
    for (const auto& m : mutations) {
        if (std::find(m.over.begin(), m.over.end(), row.kind) == m.over.end()) continue;
        INFO(row << ", a cable that " << m.name);
        const auto all = run_case(row, m.found_by, plan{m.planted, place::inside});
        INFO("told as " << (m.told_as ? m.told_as : "nothing") << ", found:\n" << to_text(all));
        check(all, m.told_as);
    }
}

}  // namespace

TEST_CASE("a fault in the cable of a transport is found", "[matrix][mutations]") {
    play(found, [](const findings& all, const char* told_as) { CHECK(tells(all, told_as)); });
}

TEST_CASE("a fault in the cable that a transport makes good reaches no subscriber",
          "[matrix][mutations]") {
    play(made_good, [](const findings& all, const char* told_as) {
        CHECK(all.size() == (told_as ? 1 : 0));
        CHECK((!told_as || tells(all, told_as)));
    });
}

TEST_CASE("a cable without a fault is not found", "[matrix][mutations]") {
    const auto row = GENERATE(from_range(rows_on(network_kind::simulated)));
    for (const auto c : {&trickle, &cases::cut}) {
        INFO(row);
        const auto all = run_case(row, c, plan{fault::none, place::inside});
        INFO(to_text(all));
        CHECK(all.empty());
    }
}

TEST_CASE("a descriptor that a transport keeps open is found", "[matrix][mutations]") {
    const auto row = GENERATE(from_range(rows_on(network_kind::loopback)));
    INFO(row);
    const auto all =
        run_case(row, &cases::two_subscribers, plan{fault::leak_descriptor, place::after});
    INFO(to_text(all));
    CHECK(tells(all, "descriptors"));
}
