// SPDX-License-Identifier: BSL-1.0
#include "support/bus_fixture.hpp"
#include "support/ordering_history.hpp"
#include "support/two_threads.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>

#include <algorithm>
#include <future>
#include <stdexcept>
#include <thread>

// Requests and the responders that answer them.

namespace tidings::test {

namespace {

using namespace std::chrono_literals;

/// How a request ended.
struct ending {
    bool is_over = false;
    error_code ec{};
    std::string text{};
    std::string topic{};
};

/// Writes that down.
auto into(ending& e) {
    return [&e](error_code ec, const event_ptr& answer) {
        CHECK_FALSE(e.is_over);
        CHECK(!ec == (answer != nullptr));
        e = {true, ec, answer ? std::string(answer->text()) : "",
             answer ? std::string(answer->topic()) : ""};
    };
}

/// Answers with its name and the question.
auto named(std::string name) {
    return [name = std::move(name)](const event_ptr& e) {
        return made(name + ':' + std::string(e->text()));
    };
}

}  // namespace

TEST_CASE("a request completes with the answer, never inside the call", "[bus][request]") {
    bus_fixture f;
    auto r = f.hub->respond("sum.*", named("one"));
    CHECK(r.active());
    ending e;
    f.hub->async_request("sum.a", made("?"), 1s, into(e));
    CHECK_FALSE(e.is_over);
    f.run();
    CHECK(e.is_over);
    CHECK_FALSE(e.ec);
    CHECK(e.text == "one:?");
    CHECK(e.topic == "_reply");
    CHECK(r.counters().matched == 1);
    CHECK(r.counters().delivered == 1);
}

TEST_CASE("an answer without a time has the present, by the clock of the bus", "[bus][request]") {
    bus_fixture f;
    auto r = f.hub->respond("a", named("one"));
    std::string time;
    f.hub->async_request("a", made("?"), 1s,
                         [&](error_code, const event_ptr& e) { time = e->time(); });
    f.run();
    error_code ec;
    const auto now = publication::make(
        "a", made("").time(std::chrono::floor<std::chrono::microseconds>(f.clock().wall_now())), {},
        ec);
    CHECK(time == now->time());
}

TEST_CASE("without a responder a request ends at once and is not published", "[bus][request]") {
    bus_fixture f({.max_events = 10});
    texts seen;
    auto watch = f.hub->subscribe(">", immediate, f.into(seen));
    auto elsewhere = f.hub->respond("b.>", named("one"));
    const auto before = f.hub->head();
    ending e;
    f.hub->async_request("a", made("?"), 1s, into(e));
    f.run();
    CHECK(e.ec == errc::no_responders);
    CHECK(seen.empty());
    CHECK(f.hub->head() == before);
}

TEST_CASE("a request is an ordinary publication for everybody else", "[bus][request]") {
    bus_fixture f({.max_events = 10});
    texts seen;
    auto watch = f.hub->subscribe("a", immediate, f.into(seen));
    auto all = f.hub->receive(">");
    auto r = f.hub->respond("a", [](const event_ptr& e) {
        CHECK(e->position());
        return made("answer");
    });
    ending e;
    f.hub->async_request("a", made("?"), 1s, into(e));
    f.run();
    CHECK(e.text == "answer");
    CHECK(seen == texts{"a=?"});
    CHECK(show(all.try_receive().value()) == "a=?");
    CHECK_FALSE(all.try_receive());  // the answer is none
    CHECK(f.hub->head().number() == 1);
}

TEST_CASE("responders that match take turns, whatever their patterns", "[bus][request]") {
    bus_fixture f;
    auto one = f.hub->respond("job.a", named("1"));
    auto two = f.hub->respond("job.*", named("2"));
    auto three = f.hub->respond(">", named("3"));
    texts answers;
    const auto ask = [&](std::string_view topic) {
        ending e;
        f.hub->async_request(topic, made("?"), 1s, into(e));
        f.run();
        answers.push_back(e.text.substr(0, 1));
    };
    for (int i = 0; i < 6; ++i) ask("job.a");
    for (int i = 0; i < 4; ++i) ask("job.b");
    CHECK(answers == texts{"1", "2", "3", "1", "2", "3", "2", "3", "2", "3"});
    two.reset();
    for (int i = 0; i < 3; ++i) ask("job.a");
    CHECK(texts(answers.end() - 3, answers.end()) == texts{"1", "3", "1"});
}

TEST_CASE("a responder may answer later, once, and from elsewhere", "[bus][request]") {
    bus_fixture f;
    std::vector<reply> kept;
    auto r =
        f.hub->respond("a", [&](const event_ptr&, reply to) { kept.push_back(std::move(to)); });
    ending e;
    f.hub->async_request("a", made("?"), 1s, into(e));
    f.run();
    CHECK_FALSE(e.is_over);
    REQUIRE(kept.size() == 1);
    CHECK(kept[0].is_wanted());
    r.reset();  // the answer is still owed
    f.run();
    CHECK_FALSE(kept[0].send(made("late")));
    CHECK_FALSE(kept[0].is_wanted());
    CHECK(kept[0].send(made("again")) == errc::closed);
    CHECK(kept[0].refuse(errc::forbidden) == errc::closed);
    f.run();
    CHECK(e.text == "late");
    CHECK(reply().send(made("x")) == errc::closed);
    CHECK_FALSE(reply().is_wanted());
}

TEST_CASE("a reply that is destroyed, refuses, or is malformed is the requester's error",
          "[bus][request]") {
    bus_fixture f;
    std::vector<reply> kept;
    auto r =
        f.hub->respond("a", [&](const event_ptr&, reply to) { kept.push_back(std::move(to)); });
    const auto ask = [&](auto what) {
        ending e;
        f.hub->async_request("a", made("?"), 1s, into(e));
        f.run();
        what(kept.front());
        kept.clear();
        f.run();
        CHECK(e.is_over);
        return e.ec;
    };
    CHECK(ask([](reply&) {}) == errc::unanswered);
    CHECK(ask([](reply& to) { to = reply(); }) == errc::unanswered);
    CHECK(ask([](reply& to) { CHECK_FALSE(to.refuse(errc::forbidden)); }) == errc::forbidden);
    CHECK(ask([](reply& to) { to.refuse({}); }) == errc::unanswered);
    CHECK(ask([](reply& to) { CHECK(to.send(event("", "/x")) == errc::event_without_type); }) ==
          errc::event_without_type);
    CHECK(ask([](reply& to) { to.send(event("tidings.gap", "/x")); }) == errc::event_reserved_type);
}

TEST_CASE("what a responder throws reaches the requester as an error", "[bus][request]") {
    bus_fixture f;
    std::vector<reply> kept;
    int calls = 0;
    auto simple = f.hub->respond("simple", [&](const event_ptr&) -> event {
        if (++calls == 1) throw std::runtime_error("broken");
        return made("answer");
    });
    auto keeping = f.hub->respond("keeping", [&](const event_ptr&, reply to) {
        kept.push_back(std::move(to));
        throw 1;
    });
    auto answered = f.hub->respond("answered", [&](const event_ptr&, reply to) {
        to.send(made("answer"));
        throw 1;
    });
    ending one, two, three, four;
    f.hub->async_request("simple", made("?"), 1s, into(one));
    f.hub->async_request("simple", made("?"), 1s, into(two));
    f.hub->async_request("keeping", made("?"), 1s, into(three));
    f.hub->async_request("answered", made("?"), 1s, into(four));
    f.run();
    CHECK(one.ec == errc::callback_threw);
    CHECK(two.text == "answer");
    CHECK(three.ec == errc::callback_threw);
    CHECK(four.text == "answer");
    CHECK(std::count(f.logged.begin(), f.logged.end(), "broken") == 1);
    CHECK(simple.counters().failed == 1);
    CHECK(simple.counters().delivered == 1);
}

TEST_CASE("a request ends at its deadline, and an answer that comes later is discarded",
          "[bus][request]") {
    bus_fixture f;
    std::vector<reply> kept;
    auto r =
        f.hub->respond("a", [&](const event_ptr&, reply to) { kept.push_back(std::move(to)); });
    ending e, at_once;
    f.hub->async_request("a", made("?"), 500ms, into(e));
    f.hub->async_request("a", made("?"), 0ms, into(at_once));
    f.run();
    CHECK(at_once.ec == errc::timed_out);
    CHECK(kept.size() == 1);
    f.advance(490ms);
    CHECK_FALSE(e.is_over);
    f.advance(50ms);
    CHECK(e.ec == errc::timed_out);
    CHECK_FALSE(kept[0].is_wanted());
    CHECK(kept[0].send(made("late")) == errc::closed);
    f.run();
}

TEST_CASE("a deadline that is not needed any more holds up nothing", "[bus][request]") {
    bus_fixture f;
    auto r = f.hub->respond("a", named("1"));
    ending e;
    f.hub->async_request("a", made("?"), 1h, into(e));
    f.run();
    CHECK(e.text == "1:?");
    f.io().restart();
    f.io().run();  // returns: no timer is armed
}

TEST_CASE("a cancelled request ends at once, by any type of cancellation", "[bus][request]") {
    for (const auto type : {net::cancellation_type::terminal, net::cancellation_type::partial,
                            net::cancellation_type::total}) {
        bus_fixture f;
        std::vector<reply> kept;
        auto r =
            f.hub->respond("a", [&](const event_ptr&, reply to) { kept.push_back(std::move(to)); });
        net::cancellation_signal stop;
        ending e;
        f.hub->async_request("a", made("?"), 1h, net::bind_cancellation_slot(stop.slot(), into(e)));
        f.run();
        CHECK_FALSE(e.is_over);
        stop.emit(type);
        f.run();
        CHECK(e.ec == net::error::operation_aborted);
        CHECK_FALSE(kept[0].is_wanted());
    }
}

TEST_CASE("a coroutine gives up a request by cancellation, and works with answers",
          "[bus][request]") {
    using namespace net::experimental::awaitable_operators;
    bus_fixture f;
    std::vector<reply> kept;
    auto r =
        f.hub->respond("never", [&](const event_ptr&, reply to) { kept.push_back(std::move(to)); });
    auto other = f.hub->respond("a", named("1"));
    std::string got;
    net::co_spawn(
        f.io(),
        [&]() -> net::awaitable<void> {
            auto first = made("?"), second = made("!");
            const auto winner =
                co_await (f.hub->async_request("never", std::move(first), 1h, net::use_awaitable) ||
                          f.hub->async_request("a", std::move(second), 1h, net::use_awaitable));
            got = std::string(std::get<1>(winner)->text());
        },
        net::detached);
    f.run();
    CHECK(got == "1:!");
    CHECK_FALSE(kept.at(0).is_wanted());
}

TEST_CASE("requests that nobody takes are refused: a full queue, too many", "[bus][request]") {
    context_fixture c;
    bus hub(c.io(), {.clock = &c.clock(), .max_requests = 3});
    std::vector<reply> kept;
    auto r = hub.respond("a", [&](const event_ptr&, reply to) { kept.push_back(std::move(to)); },
                         {.limits = {.max_events = 2}});
    std::vector<ending> e(5);
    for (int i = 0; i < 3; ++i) hub.async_request("a", made("?"), 1s, into(e[std::size_t(i)]));
    c.run();
    CHECK(e[2].ec == errc::overflow);
    CHECK(kept.size() == 2);
    hub.async_request("a", made("?"), 1s, into(e[3]));
    hub.async_request("a", made("?"), 1s, into(e[4]));
    c.run();
    CHECK(e[4].ec == errc::too_many);
    for (auto& to : kept) to.send(made("answer"));
    kept.clear();
    c.run();
    CHECK(e[3].text == "answer");
    CHECK(r.counters().matched == 3);
}

TEST_CASE("a responder's queue counts the bytes of its requests, and takes one of any size",
          "[bus][request]") {
    bus_fixture f;
    net::io_context slow;  // nobody runs it
    auto r = f.hub->respond("a", net::bind_executor(slow.get_executor(), named("1")),
                            {.limits = {.max_bytes = 10'000}});
    const std::string large(6'000, 'x');
    std::vector<ending> e(5);
    for (int i = 0; i < 2; ++i) f.hub->async_request("a", made(large), 1s, into(e[std::size_t(i)]));
    f.hub->async_request("a", made("?"), 1s, into(e[2]));
    f.run();
    CHECK_FALSE(e[0].is_over);
    CHECK(e[1].ec == errc::overflow);
    CHECK_FALSE(e[2].is_over);
    slow.poll();
    f.run();
    CHECK(e[0].text == "1:" + large);
    CHECK(e[2].text == "1:?");
    f.hub->async_request("a", made(large + large), 1s, into(e[3]));
    f.hub->async_request("a", made("?"), 1s, into(e[4]));
    slow.restart();
    slow.poll();
    f.run();
    CHECK(e[3].text == "1:" + large + large);
    CHECK(e[4].ec == errc::overflow);
}

TEST_CASE("a full queue sends a request to another responder", "[bus][request]") {
    bus_fixture f;
    net::io_context slow;  // nobody runs it
    auto one = f.hub->respond("a", net::bind_executor(slow.get_executor(), named("1")),
                              {.limits = {.max_events = 1}});
    auto two = f.hub->respond("a", named("2"));
    std::vector<ending> e(4);
    for (auto& each : e) f.hub->async_request("a", made("?"), 1s, into(each));
    f.run();
    CHECK_FALSE(e[0].is_over);
    for (std::size_t i = 1; i < 4; ++i) CHECK(e[i].text == "2:?");
    slow.poll();
    f.run();
    CHECK(e[0].text == "1:?");
}

TEST_CASE("what waits for a responder that ends goes to another, or ends", "[bus][request]") {
    bus_fixture f;
    auto one = f.hub->respond("a", named("1"));
    ending first, second;
    f.hub->async_request("a", made("?"), 1s, into(first));
    auto two = f.hub->respond("a", named("2"));
    one.reset();
    f.hub->async_request("a", made("?"), 1s, into(second));
    CHECK(one.counters().discarded == 1);
    two.reset();
    f.run();
    CHECK(first.ec == errc::no_responders);
    CHECK(second.ec == errc::no_responders);

    auto three = f.hub->respond("a", named("3"));
    f.hub->async_request("a", made("?"), 1s, into(first = {}));
    auto four = f.hub->respond("*", named("4"));
    three.reset();
    f.run();
    CHECK(first.text == "4:?");
}

TEST_CASE("the context of a responder may end first", "[bus][request]") {
    bus_fixture f;
    std::optional<net::io_context> slow(std::in_place);
    auto one = f.hub->respond("a", net::bind_executor(slow->get_executor(), named("1")));
    ending e, later;
    f.hub->async_request("a", made("?"), 1s, into(e));
    auto two = f.hub->respond("a", named("2"));
    slow.reset();
    f.run();
    CHECK(e.text == "2:?");
    f.hub->async_request("a", made("?"), 1s, into(later));
    f.run();
    CHECK(later.text == "2:?");
}

TEST_CASE("one responder is never called concurrently with itself, nor inside a request",
          "[bus][request]") {
    bus_fixture f;
    int depth = 0, deepest = 0;
    std::vector<ending> e(3);
    auto r = f.hub->respond("a", [&](const event_ptr&) {
        deepest = std::max(deepest, ++depth);
        if (!e[1].is_over && !e[2].is_over && e[0].text.empty())
            f.hub->async_request("a", made("inner"), 1s, into(e[0] = {.text = "asked"}));
        --depth;
        return made("x");
    });
    f.hub->async_request("a", made("outer"), 1s, into(e[1]));
    CHECK(deepest == 0);
    f.run();
    CHECK(deepest == 1);
    CHECK(e[1].text == "x");
    CHECK(e[0].text == "x");
}

TEST_CASE("async_reset of a responder completes after its last call, inside it after it returns",
          "[bus][request]") {
    bus_fixture f;
    texts order;
    subscription r;
    r = f.hub->respond("a", [&](const event_ptr&) {
        r.async_reset([&](error_code) { order.push_back("reset"); });
        order.push_back("call");
        return made("answer");
    });
    ending e;
    f.hub->async_request("a", made("?"), 1s, into(e));
    f.run();
    CHECK(order == texts{"call", "reset"});
    CHECK(e.text == "answer");
    CHECK_FALSE(r.active());
}

TEST_CASE("what a responder has captured goes with its end", "[bus][request]") {
    bus_fixture f;
    const auto captured = std::make_shared<int>(1);
    auto r = f.hub->respond("a", [captured](const event_ptr&) { return made("x"); });
    CHECK(captured.use_count() == 2);
    r.reset();
    CHECK(captured.use_count() == 1);
}

TEST_CASE("a bus that closes ends what waits, and a reply that is left is not wanted",
          "[bus][request]") {
    bus_fixture f;
    std::vector<reply> kept;
    auto r =
        f.hub->respond("a", [&](const event_ptr&, reply to) { kept.push_back(std::move(to)); });
    ending asked, queued;
    f.hub->async_request("a", made("?"), 1s, into(asked));
    f.run();
    f.hub->async_request("a", made("?"), 1s, into(queued));
    f.hub.reset();
    f.run();
    CHECK(asked.ec == errc::closed);
    CHECK(queued.ec == errc::closed);
    CHECK_FALSE(kept[0].is_wanted());
    CHECK(kept[0].send(made("late")) == errc::closed);
    CHECK(r.error() == errc::closed);

    bus gone(f.io());
    auto taken = std::move(gone);
    ending e;
    gone.async_request("a", made("?"), 1s, net::bind_executor(f.io(), into(e)));
    CHECK(gone.respond("a", named("1")).error() == errc::closed);
    f.run();
    CHECK(e.ec == errc::closed);
}

TEST_CASE("a context that ends completes no request, and leaves nothing behind", "[bus][request]") {
    bus_fixture f;
    std::vector<reply> kept;
    auto r =
        f.hub->respond("a", [&](const event_ptr&, reply to) { kept.push_back(std::move(to)); });
    ending e;
    const auto owned = std::make_shared<int>(1);
    f.hub->async_request("a", made("?"), 1s,
                         [owned, &e](error_code, const event_ptr&) { e.is_over = true; });
    f.run();
    f.hub->async_request("a", made("?"), 1s,
                         [owned, &e](error_code, const event_ptr&) { e.is_over = true; });
    CHECK(owned.use_count() == 3);
    f.destroy_context();
    CHECK(owned.use_count() == 1);
    CHECK_FALSE(e.is_over);
    CHECK(kept[0].send(made("late")) == errc::closed);
    kept.clear();
    f.hub.reset();
}

TEST_CASE("a drain waits for the answers that are owed", "[bus][request]") {
    bus_fixture f;
    std::vector<reply> kept;
    auto r =
        f.hub->respond("a", [&](const event_ptr&, reply to) { kept.push_back(std::move(to)); });
    ending e, refused;
    f.hub->async_request("a", made("?"), 10s, into(e));
    f.run();
    std::optional<error_code> drained;
    f.hub->async_drain([&](error_code ec) { drained = ec; });
    f.advance(1s);
    CHECK_FALSE(drained);
    kept[0].send(made("answer"));
    kept.clear();
    f.run();
    CHECK(e.text == "answer");
    f.advance(100ms);
    f.advance(100ms);
    REQUIRE(drained);
    CHECK_FALSE(*drained);
    f.hub->async_request("a", made("?"), 1s, into(refused));
    f.run();
    CHECK(refused.ec == errc::shutting_down);
}

TEST_CASE("what is wrong with a request is said as publish says it", "[bus][request]") {
    bus_fixture f;
    auto r = f.hub->respond(">", named("1"));
    const auto asked = [&](std::string_view topic, event what) {
        ending e;
        f.hub->async_request(topic, std::move(what), 1s, into(e));
        f.run();
        return e.ec;
    };
    CHECK(asked("a..b", made("?")) == errc::bad_topic);
    CHECK(asked("_reply", made("?")) == errc::reserved_topic);
    CHECK(asked("a", event("", "/x")) == errc::event_without_type);
    CHECK(f.hub->respond("a..b", named("1")).error() == errc::bad_pattern);
    CHECK(r.counters().matched == 0);
}

TEST_CASE("a history that commits later keeps a request, and the responder does not wait for it",
          "[bus][request]") {
    context_fixture c;
    const auto far = std::make_shared<ordering_history>(10);
    std::optional<bus> hub(std::in_place, c.io(),
                           bus_options{.history = {.implementation = far}, .clock = &c.clock()});
    std::optional<position> at;
    auto r = hub->respond("a", [&](const event_ptr& e) {
        at = e->position();
        return made("answer");
    });
    ending e;
    hub->async_request("a", made("?"), 1s, into(e));
    c.run();
    CHECK(e.text == "answer");
    CHECK_FALSE(at);
    const auto before = hub->head();
    far->commit_all();
    c.run();
    CHECK(hub->head().number() > before.number());
    hub.reset();
}

TEST_CASE("requests, answers, deadlines and cancellations from several threads end once each",
          "[bus][request][threads]") {
    constexpr int each = 400;
    // A responder may still run when its subscription has ended.
    std::mutex mutex;
    std::vector<reply> kept;
    two_threads threads;
    std::atomic<int> over{0}, answered{0};
    {
        bus hub(threads.io);
        std::vector<subscription> responders;
        for (int i = 0; i < 3; ++i)
            responders.push_back(hub.respond("a.*", [&](const event_ptr& e, reply to) {
                if (e->text() == "keep") {
                    const std::lock_guard lock(mutex);
                    kept.push_back(std::move(to));
                } else if (e->text() != "drop") {
                    to.send(made("answer"));
                }
            }));
        const auto ask = [&](int seed) {
            for (int i = 0; i < each; ++i) {
                const auto* text = i % 5 == 0 ? "drop" : i % 5 == 1 ? "keep" : "answer";
                hub.async_request("a." + std::to_string(seed), made(text),
                                  std::chrono::milliseconds(1 + i % 40),
                                  [&](error_code ec, const event_ptr&) {
                                      ++over;
                                      if (!ec) ++answered;
                                  });
                if (i % 16 == 0) std::this_thread::yield();
            }
        };
        std::thread one(ask, 1), two(ask, 2);
        for (int i = 0; i < 50; ++i) {
            auto guest = hub.respond(">", named("guest"));
            std::vector<reply> some;
            {
                const std::lock_guard lock(mutex);
                some.swap(kept);
            }
            for (auto& to : some) to.send(made("later"));
        }
        one.join();
        two.join();
        {
            const std::lock_guard lock(mutex);
            kept.clear();
        }
    }
    threads.join();
    CHECK(over == 2 * each);
    CHECK(answered > 0);
}

}  // namespace tidings::test
