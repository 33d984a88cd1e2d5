// SPDX-License-Identifier: BSL-1.0
// What a client says it has handed on, and what it does with what its sink refuses: each case runs
// over all three clients.
#include "support/client_bed.hpp"
#include "support/live_executor.hpp"
#include "support/ordering_history.hpp"

#include <tidings/bus.hpp>

#include <boost/asio/bind_executor.hpp>

#include <atomic>
#include <cstdlib>
#include <mutex>
#include <thread>

namespace tidings::test {

namespace {

/// A sink that is answered for by another thread.
class remote_sink final : public subscriber {
 public:
    outcome deliver(const event_ptr&) noexcept override { return outcome::dropped; }
    void answer_all() {
        std::vector<deliver_handler> answering;
        {
            const std::lock_guard lock(mutex_);
            answering.swap(waiting_);
        }
        for (auto& h : answering) std::move(h)(error_code(), outcome::queued);
        std::this_thread::yield();
    }
    std::atomic<int> asked{0};

 private:
    void start_deliver(event_ptr, deliver_handler handler) override {
        ++asked;
        const std::lock_guard lock(mutex_);
        waiting_.push_back(std::move(handler));
    }
    std::mutex mutex_;
    std::vector<deliver_handler> waiting_;
};

// The request that the client made last names this position.
template <class Bed>
bool asks_behind(Bed& bed, std::string_view position) {
    const auto request = bed.peer().received();
    const auto encoded = "e%3A" + std::string(position.substr(2));
    return request.find(encoded) != request.npos || request.find(position) != request.npos;
}

strings numbers(int first, int last) {
    strings all;
    for (int i = first; i <= last; ++i) all.push_back(std::to_string(i));
    return all;
}

}  // namespace

TEST_CASE("a client's checkpoint is the prefix that its sink has accepted", "[inlet][checkpoint]") {
    with_each_client([](auto& bed) {
        const auto sink = std::make_shared<asking_sink>();
        bed.start(sink);
        bed.open(3);
        CHECK(sink->asked == numbers(1, 3));
        CHECK(bed.position().empty());
        sink->answer("2");
        bed.run();
        CHECK(bed.position().empty());
        sink->answer("1");
        bed.run();
        CHECK(bed.position() == "e:2");
        CHECK(bed.client->counters().accepted == 2);
        sink->answer("3", errc::forbidden);
        bed.run();
        CHECK(bed.position() == "e:3");
        CHECK(bed.client->counters().received == 3);
        CHECK(bed.client->counters().accepted == 2);
        CHECK(bed.client->counters().refused == 1);
    });
}

TEST_CASE("no heartbeat overtakes an event that is not accepted", "[inlet][checkpoint]") {
    with_each_client([](auto& bed) {
        using kind = typename std::remove_reference_t<decltype(bed)>::kind;
        const auto sink = std::make_shared<asking_sink>();
        bed.start(sink);
        bed.open(2);
        bed.send(kind::heartbeat(7));
        sink->answer("1");
        bed.run();
        CHECK(bed.position() == "e:1");
        sink->answer("2");
        bed.run();
        CHECK(bed.position() == "e:7");
        bed.send(kind::heartbeat(8));
        CHECK(bed.position() == "e:8");
    });
}

TEST_CASE("a skipped event takes its place in the checkpoint, before what follows it",
          "[inlet][checkpoint]") {
    with_each_client([](auto& bed) {
        using bed_type = std::remove_reference_t<decltype(bed)>;
        using kind = typename bed_type::kind;
        const auto sink = std::make_shared<asking_sink>();
        auto o = bed.client_options();
        kind::limit_to(o, 1000);
        bed.start(sink, std::move(o));
        bed.open(1);
        bed.send(kind::event(2, large_event(2)));
        REQUIRE(sink->waiting.size() == 2);
        CHECK(skipped_bytes(sink->waiting[1].event).value_or(0) > 4000);
        CHECK(bed.position().empty());
        sink->answer(sink->asked[1]);
        bed.run();
        CHECK(bed.position().empty());
        sink->answer("1");
        bed.run();
        // The position of a message that a WebSocket client has not kept is not known.
        const auto behind = bed_type::is_websocket ? "e:1" : "e:2";
        CHECK(bed.position() == behind);
        if (GENERATE(false, true)) {
            bed.cut();
            CHECK(asks_behind(bed, behind));
            bed.send(kind::open_with(bed.peer().take(), {}));
        }
        bed.send(kind::event(3, json_event(3)));
        CHECK(sink->asked.back() == "3");
        CHECK(bed.position() == behind);
        sink->answer("3");
        bed.run();
        CHECK(bed.position() == "e:3");
        CHECK(bed.client->counters().received == 3);
        CHECK(bed.client->counters().accepted == 3);
        bed.client->stop();
        bed.cut();
    });
}

TEST_CASE("a skipped event that the sink refuses for a while is announced again, in its place",
          "[inlet][checkpoint]") {
    with_each_client([](auto& bed) {
        using kind = typename std::remove_reference_t<decltype(bed)>::kind;
        const auto sink = std::make_shared<asking_sink>();
        auto o = bed.client_options();
        kind::limit_to(o, 1000);
        bed.start(sink, std::move(o));
        bed.send(kind::open_with(bed.peer().take(), {}));
        bed.send(kind::event(1, large_event(1)));
        bed.send(kind::event(2, json_event(2)));
        REQUIRE(sink->asked.size() == 2);
        const auto skipped = sink->asked[0];
        sink->answer("2");
        sink->answer(skipped, errc::store_failed);
        bed.run();
        CHECK(bed.position().empty());
        bed.advance(10s);
        CHECK(sink->asked == strings{skipped, "2", skipped});
        sink->answer_all();
        bed.run();
        CHECK(bed.position() == "e:2");
        CHECK(bed.client->counters().retried == 1);
        bed.client->stop();
        bed.cut();
    });
}

TEST_CASE("an event carries its remote position and the id of its client", "[inlet][checkpoint]") {
    with_each_client([](auto& bed) {
        bus here(bed.io(), {.history = {.max_events = 10}, .clock = &bed.clock});
        bus there(bed.io(), {.clock = &bed.clock});
        std::vector<event_ptr> seen;
        const auto onwards = here.subscribe(">", there);
        const auto watch = there.subscribe(">", [&](const event_ptr& e) { seen.push_back(e); });
        bed.start(here.as_subscriber());
        bed.open(2);
        REQUIRE(seen.size() == 2);
        for (int i = 0; i < 2; ++i) {
            const auto& info = seen[static_cast<std::size_t>(i)]->info();
            CHECK(info.remote_position().text() == "e:" + std::to_string(i + 1));
            CHECK(info.inlet() == bed.client->id());
            CHECK(info.origin != info.inlet());  // it came through a bus
            CHECK_FALSE(info.position);
            CHECK(info.hops == 2);
        }
        CHECK(bed.client->id() != 0);
        error_code ec;
        const auto own = publication::make("a", seen[0], {}, ec);
        CHECK(own->info().remote_position().empty());
        CHECK(own->info().inlet() == 0);
    });
}

TEST_CASE("what is refused for a while is handed over again, and the rest follows in order",
          "[inlet][checkpoint]") {
    with_each_client([](auto& bed) {
        const error_code why = GENERATE(values<error_code>(
            {errc::history_failed, errc::store_failed, errc::out_of_memory, errc::shutting_down}));
        const auto sink = std::make_shared<asking_sink>();
        bed.start(sink);
        bed.open(2);
        sink->answer("1", why);
        bed.run();
        using kind = typename std::remove_reference_t<decltype(bed)>::kind;
        bed.send(kind::more(3, 4));
        bed.advance(10min);
        CHECK(sink->asked == numbers(1, 2));  // what is under way is awaited
        sink->answer("2");
        for (int i = 0; i < 3; ++i) {
            bed.advance(31s);
            CHECK(sink->asked.back() == (i == 0 ? "4" : "1"));
            if (i == 2) break;
            CHECK(bed.position().empty());
            sink->answer("1", why);
            sink->answer_all(i == 0 ? error_code() : why);
        }
        CHECK(sink->asked == strings{"1", "2", "1", "3", "4", "1", "1"});
        sink->answer_all();
        bed.run();
        CHECK(bed.position() == "e:4");
        CHECK(bed.client->counters().retried == 3);
        CHECK(bed.client->counters().accepted == 4);
        CHECK(bed.ended.empty());
    });
}

TEST_CASE("a sink that answers at once gets nothing behind what it refuses for a while",
          "[inlet][checkpoint]") {
    with_each_client([](auto& bed) {
        strings seen;
        const auto history = std::make_shared<ordering_history>(100);
        history->commit_on(bed.io().get_executor());
        bus here(bed.io(), {.history = {.implementation = history}, .clock = &bed.clock});
        const auto watch =
            here.subscribe(">", [&](const event_ptr& e) { seen.emplace_back(e->text()); });
        bed.start(here.as_subscriber());
        bed.open(1);
        CHECK(bed.position() == "e:1");
        history->refuse_appends(errc::history_failed);
        using kind = typename std::remove_reference_t<decltype(bed)>::kind;
        bed.send(kind::more(2, 6));
        bed.advance(5min);
        CHECK(seen == numbers(1, 1));
        CHECK(bed.position() == "e:1");
        history->refuse_appends({});
        bed.advance(1min);
        CHECK(seen == numbers(1, 6));
        CHECK(bed.position() == "e:6");
    });
}

TEST_CASE("a client whose window is full stops reading until there is room",
          "[inlet][checkpoint]") {
    with_each_client([](auto& bed) {
        using bed_type = std::remove_reference_t<decltype(bed)>;
        const bool by_bytes = GENERATE(false, true);
        const auto sink = std::make_shared<asking_sink>();
        auto o = bed.client_options();
        o.window.max_events = by_bytes ? 1000 : 2;
        o.window.max_bytes = by_bytes ? 2 * 600 : 1'000'000;
        bed.start(sink, std::move(o));
        bed.open(7);
        // An answer is taken as a whole.
        const auto held = bed_type::is_rest ? 7U : sink->asked.size();
        CHECK(held >= 2);
        CHECK(held <= (bed_type::is_rest ? 7 : 4));
        CHECK(sink->asked == numbers(1, static_cast<int>(held)));
        if (bed_type::is_rest) CHECK(bed.peer().received().empty());  // no next poll
        bed.advance(1h);
        CHECK(sink->asked.size() == held);
        // Its own timers do not count meanwhile; a REST client has a connection at rest.
        if (!bed_type::is_rest) CHECK(bed.peer().open());
        for (int i = 1; i <= 7; ++i) {
            sink->answer(std::to_string(i));
            bed.run();
        }
        CHECK(sink->asked == numbers(1, 7));
        CHECK(bed.position() == "e:7");
        CHECK(bed.server.peers.size() == (bed_type::is_rest ? 2 : 1));
        if (bed_type::is_rest) CHECK_FALSE(bed.peer().received().empty());
        CHECK(bed.client->counters().received == 7);
    });
}

TEST_CASE("a client with a full window can still be stopped and drained", "[inlet][checkpoint]") {
    with_each_client([](auto& bed) {
        using bed_type = std::remove_reference_t<decltype(bed)>;
        const bool drained = GENERATE(false, true);
        const auto sink = std::make_shared<asking_sink>();
        auto o = bed.client_options();
        o.window.max_events = 1;
        bed.start(sink, std::move(o));
        bed.open(3);
        if (drained)
            bed.client->async_drain(
                net::bind_executor(bed.io(), [](error_code ec) { CHECK(!ec); }));
        else
            bed.client->stop();
        bed.run();
        if constexpr (bed_type::is_websocket) bed.send(server_close(1000));
        bed.cut();
        CHECK(bed.ended.size() == 1);
        const auto asked = sink->asked.size();
        // What was under way may still be accepted.
        CHECK(bed.position().empty());
        sink->answer_all();
        bed.run();
        CHECK(sink->asked.size() == asked);
        CHECK(bed.position() == "e:" + std::to_string(asked));
    });
}

TEST_CASE("within a process a client resumes behind what it has received", "[inlet][checkpoint]") {
    with_each_client([](auto& bed) {
        const auto sink = std::make_shared<asking_sink>();
        bed.start(sink);
        bed.open(3);
        sink->answer("1");
        bed.run();
        CHECK(bed.position() == "e:1");
        const bool restarted = GENERATE(false, true);
        if (restarted) {
            bed.client->restart();
            bed.run();
        } else {
            bed.cut();
        }
        REQUIRE(bed.server.peers.size() == 2);
        CHECK(asks_behind(bed, "e:3"));
        bed.open(4, 5);
        sink->answer_all();
        bed.run();
        CHECK(sink->asked == numbers(1, 5));
        CHECK(bed.position() == "e:5");
        for (const auto& p : bed.server.peers) p->close();
    });
}

TEST_CASE("what came before its server ended a client for good is handed over first",
          "[inlet][checkpoint]") {
    with_each_client([](auto& bed) {
        using kind = typename std::remove_reference_t<decltype(bed)>::kind;
        const std::string then = GENERATE("answered", "stopped", "restarted");
        const auto sink = std::make_shared<asking_sink>();
        auto o = bed.client_options();
        o.reconnect.enabled = false;
        bed.start(sink, std::move(o));
        // The end comes with the events, or as the answer to the poll that follows.
        bed.peer().send(kind::open(bed.peer().take(), 1, 5));
        if (std::remove_reference_t<decltype(bed)>::is_rest) bed.run();
        bed.peer().send(kind::end());
        bed.run();
        bed.peer().close();
        bed.run();
        CHECK(sink->asked == numbers(1, 5));
        CHECK(bed.ended.empty());
        if (then == "stopped") bed.client->stop();
        if (then == "restarted") bed.client->restart();
        bed.run();
        CHECK(bed.server.peers.size() == (then == "restarted" ? 2 : 1));
        CHECK(bed.ended.size() == (then == "stopped" ? 1 : 0));
        sink->answer_all();
        bed.run();
        CHECK(bed.position() == "e:5");
        if (then == "answered") {
            REQUIRE(bed.ended.size() == 1);
            CHECK(bed.ended[0]);
        }
        if (then == "restarted") CHECK(bed.ended.empty());
        bed.client.reset();
    });
}

TEST_CASE("a client that begins at a stored position has it as its checkpoint",
          "[inlet][checkpoint]") {
    with_each_client([](auto& bed) {
        auto o = bed.client_options();
        if constexpr (requires { o.last_event_id; }) {
            o.last_event_id = "e:5";
        } else {
            error_code ec;
            o.after = position::parse("e:5", ec);
        }
        const auto sink = std::make_shared<asking_sink>();
        bed.start(sink, std::move(o));
        CHECK(bed.position() == "e:5");
        CHECK(asks_behind(bed, "e:5"));
        bed.open(6, 6);
        CHECK(bed.position() == "e:5");
        sink->answer_all();
        bed.run();
        CHECK(bed.position() == "e:6");
    });
}

TEST_CASE("a sink that drops the question is asked again", "[inlet][checkpoint]") {
    with_each_client([](auto& bed) {
        const auto sink = std::make_shared<asking_sink>();
        bed.start(sink);
        bed.open(1);
        sink->waiting.clear();
        bed.advance(1min);
        CHECK(sink->asked == strings{"1", "1"});
        CHECK(bed.position().empty());
        sink->answer_all();
        bed.run();
        CHECK(bed.position() == "e:1");
    });
}

TEST_CASE("a bus has accepted what its history and its outlets with storage have",
          "[inlet][checkpoint]") {
    with_each_client([](auto& bed) {
        const auto history = std::make_shared<ordering_history>(100);
        bus here(bed.io(), {.history = {.implementation = history}, .clock = &bed.clock});
        const auto outlet = std::make_shared<asking_sink>();
        const auto first = here.subscribe(">", outlet);
        auto nobody_reads = here.receive(">");
        bed.start(here.as_subscriber());
        bed.open(2);
        CHECK(bed.position().empty());
        history->commit_all();
        bed.run();
        CHECK(outlet->asked == numbers(1, 2));
        CHECK(bed.position().empty());
        outlet->answer("1");
        bed.run();
        CHECK(bed.position() == "e:1");
        outlet->answer("2", errc::store_failed);
        bed.run();
        CHECK(bed.position() == "e:1");
        bed.advance(1min);
        history->commit_all();
        bed.run();
        CHECK(outlet->asked == strings{"1", "2", "2"});
        outlet->answer_all();
        bed.run();
        CHECK(bed.position() == "e:2");
    });
}

TEST_CASE("a client that is destroyed while its sink is asked leaves nothing behind",
          "[inlet][checkpoint]") {
    with_each_client([](auto& bed) {
        const auto sink = std::make_shared<asking_sink>();
        const auto live = publication::live();
        bed.start(sink);
        bed.open(3);
        bed.client.reset();
        bed.run();
        if (GENERATE(false, true))
            sink->answer_all();
        else
            sink->waiting.clear();
        bed.cut();
        CHECK(publication::live() == live);
    });
}

TEST_CASE("a sink may keep its questions beyond the context", "[inlet][checkpoint][lifetime]") {
    with_each_client([](auto& bed) {
        const bool answers = GENERATE(false, true);
        const auto sink = std::make_shared<asking_sink>();
        const auto token = std::make_shared<const int>(0);
        const live_executor executor(bed.io().get_executor(), token);
        bed.client.emplace(executor, bed.client_options(), sink);
        bed.client->start();
        bed.run();
        bed.open(2);
        bed.destroy_everything();
        bed.client.reset();
        CHECK(token.use_count() == 2);  // and `executor`
        REQUIRE(sink->waiting.size() == 2);
        if (answers) sink->answer_all();
        sink->waiting.clear();
    });
}

TEST_CASE("a checkpoint may be read, and a sink may answer, on any thread",
          "[inlet][checkpoint][threads]") {
    with_each_client([](auto& bed) {
        const auto sink = std::make_shared<remote_sink>();
        auto o = bed.client_options();
        if constexpr (std::remove_reference_t<decltype(bed)>::is_rest) o.max_batch = 300;
        bed.start(sink, std::move(o));
        std::atomic<bool> done{false};
        std::thread answering([&] {
            while (!done) sink->answer_all();
        });
        std::thread reading([&] {
            while (!done) {
                const auto at = bed.position();
                if (!at.empty() && !at.starts_with("e:")) std::abort();
                if (bed.client->counters().accepted > 300) std::abort();
            }
        });
        bed.open(300);
        for (int i = 0; i < 1'000'000 && bed.position() != "e:300"; ++i) bed.run();
        done = true;
        answering.join();
        reading.join();
        CHECK(bed.position() == "e:300");
        CHECK(bed.client->counters().accepted == 300);
        CHECK(sink->asked == 300);
    });
}

}  // namespace tidings::test
