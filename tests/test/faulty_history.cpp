// SPDX-License-Identifier: BSL-1.0
#include <tidings/store/memory_history.hpp>
#include <tidings/test/faulty_history.hpp>

#include "support/history_conformance.hpp"
#include "support/ordering_history.hpp"

#include <boost/asio/bind_executor.hpp>

namespace tidings::test {

namespace {

std::shared_ptr<faulty_history> over_memory(std::size_t max_events, io::clock& clock) {
    return std::make_shared<faulty_history>(make_memory_history(
        {{.pattern = "uncovered.>", .max_events = 0}, {.pattern = ">", .max_events = max_events}},
        &clock));
}

/// A history that commits inside `append`, and fails as its plan says.
class faulty_bed : public history_bed {
 public:
    faulty_bed() : history_bed({"faulty", over_memory, [](history&) {}}, 100) {}
    fault_plan& plan() { return static_cast<faulty_history&>(of()).plan(); }

    /// Appends, and writes down how that ended.
    event_ptr append_noted(std::string_view topic) {
        return append(topic, made("x"), {},
                      append_handler(io().get_executor(), [this](error_code ec, position p) {
                          ended.push_back(ec ? ec.message() : p.empty() ? "nowhere" : "kept");
                      }));
    }
    std::pair<error_code, history_slice> try_read() {
        std::optional<std::pair<error_code, history_slice>> result;
        of().async_read({}, {">"}, 10,
                        net::bind_executor(io(), [&](error_code ec, history_slice s) {
                            result = {ec, std::move(s)};
                        }));
        CHECK_FALSE(result);
        run();
        REQUIRE(result);
        return *result;
    }
    texts ended;
};

const auto failed = make_error_code(errc::history_failed).message();

}  // namespace

TEST_CASE("a history without faults is the one it wraps", "[history][faulty]") {
    history_conformance({"faulty", over_memory, [](history&) {}});
}

TEST_CASE("a history that commits later is so behind a wrapper, too", "[history][faulty]") {
    std::weak_ptr<ordering_history> far;
    history_conformance({"faulty, later",
                         [&](std::size_t max_events, io::clock&) {
                             const auto inner = std::make_shared<ordering_history>(max_events);
                             far = inner;
                             return std::make_shared<faulty_history>(inner);
                         },
                         [&](history&) { far.lock()->commit_all(); }, true, false});
}

TEST_CASE("an append that fails keeps nothing, and all are notified", "[history][faulty]") {
    faulty_bed f;
    f.plan().fail({.nth = 2});
    f.append_noted("a");
    const auto lost = f.append_noted("b");
    f.append_noted("c");
    CHECK(f.ended.empty());
    f.run();
    CHECK(f.ended == texts{"kept", failed, "kept"});
    CHECK(show(f.listener.committed) == texts{"a=x", "c=x"});
    REQUIRE(f.listener.failed.size() == 1);
    CHECK(f.listener.failed[0].first == lost);
    CHECK(f.listener.failed[0].second == errc::history_failed);
    CHECK(show(f.read({}, {">"}).events) == texts{"a=x", "c=x"});
    CHECK(f.plan().operations("append") == 3);
    CHECK(f.plan().failures() == 1);
}

TEST_CASE("an append that nobody waits for fails, too", "[history][faulty]") {
    faulty_bed f;
    f.plan().fail();
    f.append("a");
    f.append("b");
    CHECK(f.listener.failed.size() == 1);
    CHECK(show(f.listener.committed) == texts{"b=x"});
}

TEST_CASE("an append whose answer is lost is committed all the same", "[history][faulty]") {
    faulty_bed f;
    f.plan().fail({.after = true, .error = errc::timed_out});
    f.append_noted("a");
    f.run();
    CHECK(f.ended == texts{make_error_code(errc::timed_out).message()});
    REQUIRE(f.listener.failed.size() == 1);
    CHECK(f.listener.failed[0].second == errc::timed_out);
    CHECK(show(f.listener.committed) == texts{"a=x"});
    CHECK(show(f.read({}, {">"}).events) == texts{"a=x"});
}

TEST_CASE("a read fails, before or after, and the next does not", "[history][faulty]") {
    const bool after = GENERATE(false, true);
    faulty_bed f;
    f.append_all("ab");
    f.plan().fail({.operation = "read", .after = after});
    const auto [ec, slice] = f.try_read();
    CHECK(ec == errc::history_failed);
    CHECK(slice.events.empty());
    CHECK_FALSE(slice.at_end);
    CHECK(show(f.try_read().second.events) == texts{"a=1", "b=2"});
    CHECK(f.plan().operations("read") == 2);
}

TEST_CASE("completions of a history are held until they are released", "[history][faulty]") {
    faulty_bed f;
    f.plan().hold();
    f.append_noted("a");
    f.run();
    CHECK(f.ended.empty());
    CHECK(show(f.listener.committed) == texts{"a=x"});  // the listener is notified of that
    f.plan().release();
    CHECK(f.ended.empty());
    f.run();
    CHECK(f.ended == texts{"kept"});
}

}  // namespace tidings::test
