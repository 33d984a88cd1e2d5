// SPDX-License-Identifier: BSL-1.0
#include "support/bus_fixture.hpp"

#include <tidings/lane/impl/lane.hpp>

#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <functional>
#include <memory>
#include <thread>

#if defined(__linux__)
#include <sys/wait.h>
#include <unistd.h>
#endif

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using detail::flushable;
using detail::lane;
using detail::lane_target;
using detail::lane_targets;

class recording_target final : public lane_target {
 public:
    explicit recording_target(texts& all, std::string name = {})
        : all_(all),
          name_(std::move(name)) {}
    void on_event(const event_ptr& e) noexcept override {
        all_.push_back(name_ + show(e));
        if (during) during();
    }
    void on_missed(std::uint64_t count) noexcept override {
        all_.push_back(name_ + "missed " + std::to_string(count));
    }
    bool refills() const noexcept override { return refilling; }
    void on_missed_kept(std::uint64_t count, std::uint64_t through) noexcept override {
        all_.push_back(name_ + "missed kept " + std::to_string(count) + " through " +
                       std::to_string(through));
    }
    bool exact() const noexcept override { return must_have; }
    void on_missed_joined(std::uint64_t sequence,
                          std::shared_ptr<detail::delivery_join> join) noexcept override {
        all_.push_back(name_ + "awaits " + std::to_string(sequence));
        join->finished({}, outcome::delivered);
    }
    bool refilling = false;
    bool must_have = false;
    std::function<void()> during;

 private:
    texts& all_;
    std::string name_;
};

class recording_flush final : public flushable {
 public:
    explicit recording_flush(texts& all) : all_(all) {}
    void flush() noexcept override {
        all_.push_back("flush");
        if (during) during();
    }
    std::function<void()> during;

 private:
    texts& all_;
};

class recording_join final : public detail::delivery_join {
 public:
    void finished(error_code ec, outcome o) noexcept override { ends.emplace_back(ec, o); }
    void skipped() noexcept override { ++skips; }
    std::vector<std::pair<error_code, outcome>> ends;
    int skips = 0;
};

struct lane_bed : context_fixture {
    lane_bed() : of(lane::make(io().get_executor(), clock())) {}

    static event_ptr frozen(std::string_view text, std::uint64_t sequence = 0) {
        error_code ec;
        publication_info info;
        static const auto epoch = std::make_shared<const std::string>("e");
        if (sequence != 0) info.position = position(epoch, sequence);
        return publication::make("a", made(text), std::move(info), ec);
    }
    using list = std::shared_ptr<const lane_targets>;
    /// In one letter. Whether every target gets it.
    bool enqueue(const event_ptr& e, const std::vector<list>& lists, std::uint64_t as,
                 const std::shared_ptr<detail::delivery_join>& join = nullptr,
                 std::vector<const void*> families = {}) {
        families.resize(lists.size(), this);
        std::vector<detail::lane_stop> stops;
        for (const auto& l : lists)
            stops.push_back({of.get(), &l, families[stops.size()], stops.size()});
        return of->enqueue(e, stops, as, most, join) == 0;
    }
    bool enqueue(const event_ptr& e, const std::shared_ptr<detail::delivery_join>& join = nullptr) {
        return enqueue(e, {targets}, ++ticket, join);
    }
    bool enqueue(std::string_view text, std::uint64_t sequence = 0) {
        return enqueue(frozen(text, sequence));
    }
    std::shared_ptr<recording_target> add_target(std::string name = {}) {
        auto t = std::make_shared<recording_target>(seen, std::move(name));
        auto more = std::make_shared<lane_targets>(targets ? *targets : lane_targets());
        more->push_back(t);
        targets = more;
        return t;
    }

    texts seen;
    queue_limits most{.max_bytes = 64 * 1024 * 1024, .max_events = 1000};
    std::shared_ptr<lane> of;
    std::shared_ptr<const lane_targets> targets;
    std::uint64_t ticket = 0;
};

TEST_CASE("a burst is one post, delivered in order to every target", "[lane]") {
    lane_bed f;
    f.add_target("x ");
    f.add_target("y ");
    CHECK(f.enqueue("1"));
    CHECK(f.enqueue("2"));
    f.of->post([&] { f.seen.push_back("call"); });
    CHECK(f.enqueue("3"));
    CHECK(f.seen.empty());
    f.io().restart();
    CHECK(f.io().poll_one() == 1);
    CHECK(f.seen == texts{"x a=1", "x a=2", "y a=1", "y a=2", "call", "x a=3", "y a=3"});
}

TEST_CASE("a burst in the same lists is delivered target by target, in order to each", "[lane]") {
    lane_bed f;
    const auto make = [&](const char* name) {
        return std::make_shared<recording_target>(f.seen, name);
    };
    const auto one = make("1:"), two = make("2:"), three = make("3:"), other = make("o:");
    const auto list = [](auto... t) {
        return std::make_shared<const lane_targets>(lane_targets{t...});
    };
    const auto first = list(one, two), second = list(three), joined = list(three, one);
    const auto publish = [&](const char* text, std::vector<lane_bed::list> lists,
                             const std::shared_ptr<detail::delivery_join>& join = nullptr) {
        f.enqueue(f.frozen(text), lists, ++f.ticket, join);
    };
    publish("a", {first, second});
    publish("b", {first, second});
    publish("c", {first, second});
    SECTION("to its end") {
        f.run();
        CHECK(f.seen == texts{"1:a=a", "1:a=b", "1:a=c", "2:a=a", "2:a=b", "2:a=c", "3:a=a",
                              "3:a=b", "3:a=c"});
    }
    SECTION("to another list, a call, or a list that holds a target again") {
        publish("d", {list(other)});
        f.of->post([&] { f.seen.push_back("call"); });
        publish("e", {first});
        publish("f", {joined});  // what became of `first` and `second`
        f.run();
        const texts tail(f.seen.begin() + 9, f.seen.end());
        CHECK(tail == texts{"o:a=d", "call", "1:a=e", "2:a=e", "3:a=f", "1:a=f"});
    }
    SECTION("but event by event in the lists of several patterns") {
        const int one_pattern = 0, another = 0;
        for (const auto* text : {"d", "e"})
            f.enqueue(f.frozen(text), {joined, first}, ++f.ticket, nullptr,
                      {&one_pattern, &another});
        f.run();
        const texts tail(f.seen.begin() + 9, f.seen.end());
        CHECK(tail == texts{"3:a=d", "1:a=d", "2:a=d", "3:a=e", "1:a=e", "2:a=e"});
    }
    SECTION("but what somebody waits for is delivered in its place") {
        const auto join = std::make_shared<recording_join>();
        publish("d", {first}, join);
        publish("e", {first});
        f.run();
        const texts tail(f.seen.begin() + 9, f.seen.end());
        CHECK(tail == texts{"1:a=d", "2:a=d", "1:a=e", "2:a=e"});
        CHECK(join->ends.size() == 2);
    }
    SECTION("of any length, each once and in order") {
        for (int i = 0; i < 200; ++i) publish("x", {second});
        f.run();
        CHECK(f.seen.size() == 209);
    }
}

TEST_CASE("what is flushed is flushed once, after a lap without news", "[lane]") {
    lane_bed f;
    auto t = f.add_target();
    const auto flush = std::make_shared<recording_flush>(f.seen);
    int more = 2;
    t->during = [&] {
        f.of->schedule_flush(flush);
        f.of->schedule_flush(flush);
        if (more-- > 0) net::post(f.io(), [&] { f.enqueue("more"); });
    };
    f.enqueue("first");
    f.run();
    CHECK(f.seen == texts{"a=first", "a=more", "a=more", "flush"});
    CHECK(f.of->stats().flushes == 1);
}

TEST_CASE("a turn is lengthened by four laps at most", "[lane]") {
    lane_bed f;
    auto t = f.add_target();
    const auto flush = std::make_shared<recording_flush>(f.seen);
    int more = 20;
    t->during = [&] {
        f.of->schedule_flush(flush);
        if (more-- > 0) f.enqueue("x");
    };
    f.enqueue("x");
    f.run();
    texts expected;
    for (int turn = 0; turn < 5; ++turn) {
        expected.insert(expected.end(), turn < 4 ? 5 : 1, "a=x");
        expected.push_back("flush");
    }
    CHECK(f.seen == expected);
}

TEST_CASE("a turn that takes long is flushed at once", "[lane]") {
    lane_bed f;
    auto t = f.add_target();
    const auto flush = std::make_shared<recording_flush>(f.seen);
    int more = 2;
    t->during = [&] {
        f.of->schedule_flush(flush);
        f.clock().advance(200us);
        if (more-- > 0) f.enqueue("x");
    };
    f.enqueue("x");
    f.run();
    CHECK(f.seen == texts{"a=x", "flush", "a=x", "flush", "a=x", "flush"});
}

TEST_CASE("a turn that is asked to flush waits for no more laps", "[lane][flush]") {
    lane_bed f;
    auto t = f.add_target();
    const auto flush = std::make_shared<recording_flush>(f.seen);
    int more = 3;
    t->during = [&] {
        f.of->schedule_flush(flush);
        if (--more > 0) f.enqueue("x");
        if (more == 1) f.of->flush();  // inside its turn
    };
    f.of->flush();  // there is nothing yet
    CHECK(f.io().poll() == 0);
    f.enqueue("x");
    SECTION("outside of its strand with the next handler") {
        f.of->flush();
        CHECK(f.seen.empty());
        f.io().restart();
        f.io().poll_one();
        CHECK(f.seen == texts{"a=x", "flush"});
        f.run();
        CHECK(f.seen == texts{"a=x", "flush", "a=x", "flush", "a=x", "flush"});
    }
    SECTION("inside its strand at once") {
        net::post(f.of->executor(), [&] {
            f.of->flush();
            f.seen.push_back("sent");
        });
        more = 1;
        f.enqueue("y");
        net::dispatch(f.of->executor(), [] {});
        f.run();
        CHECK(f.seen == texts{"a=x", "a=y", "flush", "sent"});
    }
    SECTION("inside it as the turn's end") {
        f.run();
        CHECK(f.seen == texts{"a=x", "a=x", "flush", "a=x", "flush"});
    }
}

TEST_CASE("a lane without a strand is flushed between the handlers of its thread",
          "[lane][flush]") {
    lane_bed f;
    f.of = lane::make(f.io().get_executor(), f.clock(), true);
    auto t = f.add_target();
    const auto flush = std::make_shared<recording_flush>(f.seen);
    t->during = [&] { f.of->schedule_flush(flush); };
    f.enqueue("1");
    f.of->flush();  // no thread has run it
    CHECK(f.seen.empty());
    f.run();
    CHECK(f.seen == texts{"a=1", "flush"});
    f.enqueue("2");
    f.enqueue("3");
    f.of->flush();
    CHECK(f.seen == texts{"a=1", "flush", "a=2", "a=3", "flush"});
    f.of->flush();
    CHECK(f.of->stats().flushes == 2);
    // What is flushed again inside a flush waits for its turn.
    flush->during = [&] {
        f.enqueue("5");
        f.of->flush();
        flush->during = nullptr;
    };
    f.enqueue("4");
    f.of->flush();
    CHECK(f.seen.back() == "flush");
    CHECK(f.seen[5] == "a=4");
    f.run();
    CHECK(f.seen == texts{"a=1", "flush", "a=2", "a=3", "flush", "a=4", "flush", "a=5", "flush"});
    // Another thread asks its turn not to wait.
    f.enqueue("6");
    std::thread([&] { f.of->flush(); }).join();
    CHECK(f.seen.back() == "flush");
    f.io().restart();
    f.io().poll_one();
    CHECK(f.seen[9] == "a=6");
    CHECK(f.seen.size() == 11);
}

TEST_CASE("what is scheduled inside a flush is flushed in the next turn", "[lane]") {
    lane_bed f;
    const auto flush = std::make_shared<recording_flush>(f.seen);
    int more = 2;
    flush->during = [&] {
        if (more-- > 0) f.of->schedule_flush(flush);
    };
    f.of->post([&] { f.of->schedule_flush(flush); });
    f.run();
    CHECK(f.seen == texts{"flush", "flush", "flush"});
    f.of->post([&] { f.of->schedule_flush(flush); });
    f.run();
    CHECK(f.seen.size() == 4);
}

TEST_CASE("a target that stands in several lists gets a publication once", "[lane]") {
    lane_bed f;
    f.add_target();
    const auto join = std::make_shared<recording_join>();
    const auto e = f.frozen("1");
    f.enqueue(e, {f.targets, f.targets}, 1);
    f.enqueue(e, {f.targets}, 1);
    f.enqueue(e, {f.targets, f.targets}, 2, join);
    f.run();
    CHECK(f.seen == texts{"a=1", "a=1"});
    CHECK(join->skips == 1);
    REQUIRE(join->ends.size() == 1);
    CHECK(join->ends[0] == std::pair(error_code(), outcome::queued));
}

TEST_CASE("only what runs in the lane is running there", "[lane]") {
    lane_bed f;
    CHECK_FALSE(f.of->running_here());
    bool inside = false;
    bool outside = true;
    f.of->post([&] { inside = f.of->running_here(); });
    net::post(f.io(), [&] { outside = f.of->running_here(); });
    f.run();
    CHECK(inside);
    CHECK_FALSE(outside);
    const auto alone = lane::make(f.io().get_executor(), f.clock(), true);
    CHECK(alone->running_here());
}

TEST_CASE("what resides in a lane ends there, wherever it is released", "[lane]") {
    const bool single = GENERATE(false, true);
    lane_bed f;
    const auto l = lane::make(f.io().get_executor(), f.clock(), single);
    struct resident {
        ~resident() { ended_in = std::this_thread::get_id(); }
        std::thread::id& ended_in;
    };
    std::thread::id ended_in;
    auto held = l->make_resident<resident>(ended_in);
    std::thread([&] { held.reset(); }).join();
    CHECK(ended_in == std::thread::id());
    f.run();
    CHECK(ended_in == std::this_thread::get_id());

    // In the lane, at once.
    ended_in = {};
    held = l->make_resident<resident>(ended_in);
    l->post([&] {
        held.reset();
        CHECK(ended_in != std::thread::id());
    });
    f.run();

    // Not later than the context, and afterwards at once.
    ended_in = {};
    auto last = l->make_resident<resident>(ended_in);
    held = l->make_resident<resident>(ended_in);
    std::thread([&] { held.reset(); }).join();
    CHECK(ended_in == std::thread::id());
    f.destroy_context();
    CHECK(ended_in != std::thread::id());
    ended_in = {};
    std::thread([&] { last.reset(); }).join();
    CHECK(ended_in != std::thread::id());
}

TEST_CASE("a lane has buffers once they are used", "[lane]") {
    lane_bed f;
    f.add_target();
    f.enqueue("1");
    f.run();
    CHECK(f.of->stats().buffer_bytes == 0);
    CHECK(f.of->receive_buffer().size() == 64 * 1024);
    CHECK(f.of->stats().buffer_bytes == 64 * 1024);
    const auto* at = f.of->send_buffer().data();
    CHECK(f.of->send_buffer().size() == 64 * 1024);
    CHECK(f.of->send_buffer().data() == at);
    CHECK(f.of->receive_buffer().data() != at);
    CHECK(f.of->stats().buffer_bytes == 128 * 1024);
}

#if defined(__linux__) && !defined(NDEBUG)
TEST_CASE("a second thread in a lane without a strand is found out", "[lane]") {
    lane_bed f;
    const auto alone = lane::make(f.io().get_executor(), f.clock(), true);
    alone->post([] {});
    f.run();
    CHECK(alone->running_here());
    const auto child = fork();
    if (child == 0) {
        std::signal(SIGABRT, SIG_DFL);
        std::freopen("/dev/null", "w", stderr);
        std::thread([&] { alone->running_here(); }).join();
        _exit(0);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK((WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT));
}
#endif

TEST_CASE("an inbox counts what an event carries beside its data", "[lane]") {
    lane_bed f;
    f.add_target();
    error_code ec;
    const auto e = publication::make(
        "a", made("").extension("padding", std::string(1024 * 1024, 'x')), {}, ec);
    for (int i = 0; i < 64; ++i) CHECK(f.enqueue(e));
    CHECK_FALSE(f.enqueue(e));
    f.run();
}

TEST_CASE("an inbox takes as many events as it may, and each target is notified of what it missed",
          "[lane]") {
    lane_bed f;
    f.add_target();
    int taken = 0;
    while (taken < 100'000 && f.enqueue("x")) ++taken;
    CHECK(taken == 1000);
    CHECK_FALSE(f.enqueue("kept", 7));
    CHECK_FALSE(f.enqueue("kept", 9));
    CHECK_FALSE(f.enqueue("lost"));
    const auto join = std::make_shared<recording_join>();
    CHECK_FALSE(f.enqueue(f.frozen("lost"), join));
    CHECK(join->ends ==
          std::vector<std::pair<error_code, outcome>>{{errc::overflow, outcome::dropped}});
    auto before = f.targets;
    f.add_target("later ");
    CHECK_FALSE(f.enqueue("lost"));
    f.of->post([&] { f.seen.push_back("call"); });
    f.run();
    REQUIRE(f.seen.size() == 1000 + 4);
    f.seen.erase(f.seen.begin(), f.seen.begin() + 1000);
    // What is called after a miss finds the target notified of it.
    CHECK(f.seen == texts{"missed 4", "missed kept 2 through 9", "later missed 1", "call"});
    CHECK(f.enqueue("again"));
    f.run();
}

TEST_CASE("a publication counts once in an inbox, however many lists it is for", "[lane]") {
    lane_bed f;
    f.add_target();
    const bool large = GENERATE(false, true);
    const auto e = f.frozen(large ? std::string(1024 * 1024, 'x') : "x");
    const std::vector<lane_bed::list> lists(3, f.targets);
    // A target stands in the lists of one pattern once.
    const int one = 0, another = 0, third = 0;
    const std::vector<const void*> patterns{&one, &another, &third};
    std::size_t taken = 0;
    while (taken < 100'000 && f.enqueue(e, lists, ++f.ticket, nullptr, patterns)) ++taken;
    CHECK(taken == (large ? 64 : 1000));
    const auto join = std::make_shared<recording_join>();
    CHECK_FALSE(f.enqueue(e, lists, ++f.ticket, join, patterns));
    CHECK(join->ends.size() == 1);
    CHECK(join->skips == 2);
    f.run();
    CHECK(f.seen.size() == taken + 1);
    CHECK(f.seen.back() == "missed 2");
}

struct recording_task final : detail::lane_task {
    recording_task(texts& seen) : all(seen) {}
    void run() noexcept override { all.push_back("task"); }
    void drop() noexcept override { all.push_back("dropped"); }
    texts& all;
};

TEST_CASE("a task runs in its place among what was enqueued", "[lane]") {
    lane_bed f;
    f.add_target();
    recording_task one(f.seen), two(f.seen), last(f.seen);
    f.enqueue("1");
    f.of->post(one);
    f.enqueue("2");
    f.of->post([&] { f.seen.push_back("call"); });
    f.of->post(two);
    f.of->post(last);
    f.run();
    CHECK(f.seen == texts{"a=1", "task", "a=2", "call", "task", "task"});
    f.seen.clear();
    f.of->post(one);
    f.run();
    CHECK(f.seen == texts{"task"});
    f.seen.clear();
    f.of->post(one);
    f.destroy_context();
    CHECK(f.seen == texts{"dropped"});
    f.of->post(two);
    CHECK(f.seen == texts{"dropped", "dropped"});
}

TEST_CASE("what a full inbox has no room for is dropped, or comes from the history", "[lane]") {
    lane_bed f;
    f.add_target();
    f.add_target()->refilling = true;
    while (f.enqueue("x")) {
    }
    const auto join = std::make_shared<recording_join>();
    CHECK_FALSE(f.enqueue(f.frozen("lost"), join));
    CHECK_FALSE(f.enqueue(f.frozen("kept", 7), join));
    using end = std::pair<error_code, outcome>;
    const end dropped{errc::overflow, outcome::dropped};
    CHECK(join->ends == std::vector<end>{dropped, dropped, dropped, {{}, outcome::queued}});
    f.run();
}

TEST_CASE("what a full inbox has no room for waits for the history in an exact target", "[lane]") {
    lane_bed f;
    f.add_target("stream ")->refilling = true;
    const auto fed = f.add_target("fed ");
    fed->refilling = fed->must_have = true;
    f.add_target("lost ")->must_have = true;
    f.most.max_events = 0;
    const auto join = std::make_shared<recording_join>();
    CHECK_FALSE(f.enqueue(f.frozen("kept", 7), {f.targets, f.targets}, ++f.ticket, join));
    using end = std::pair<error_code, outcome>;
    const end queued{{}, outcome::queued}, missed{errc::missed, outcome::dropped};
    CHECK(join->ends == std::vector<end>{queued, missed});
    CHECK(join->skips == 3);
    CHECK_FALSE(f.enqueue(f.frozen("no history"), join));
    CHECK(join->ends.size() == 5);
    f.seen.clear();
    f.run();
    CHECK(f.seen == texts{"stream missed 1", "stream missed kept 1 through 7", "fed missed 1",
                          "fed missed kept 1 through 7", "lost missed 1",
                          "lost missed kept 1 through 7", "fed awaits 7"});
    CHECK(join->ends.back() == end{{}, outcome::delivered});
    CHECK(join->ends.size() == 6);
}

TEST_CASE("an inbox takes as many bytes as it may", "[lane]") {
    lane_bed f;
    f.add_target();
    const std::string text(1024 * 1024, 'x');
    const auto e = f.frozen(text);
    for (int i = 0; i < 64; ++i) CHECK(f.enqueue(e));
    CHECK_FALSE(f.enqueue(e));
    f.run();
    CHECK(f.seen.size() == 65);
    CHECK(f.seen.back() == "missed 1");
    CHECK(f.enqueue(e));
    f.run();
}

TEST_CASE("a lane whose context is gone drops what is enqueued", "[lane]") {
    lane_bed f;
    f.add_target();
    f.enqueue("1");
    // A letter that holds its lane would keep both alive.
    f.of->post([keep = f.of] {});
    const std::weak_ptr<lane> weak = f.of;
    f.destroy_context();
    CHECK_FALSE(f.enqueue("2"));
    f.of->post([] { FAIL("called"); });
    f.of->schedule_flush(std::make_shared<recording_flush>(f.seen));
    CHECK_FALSE(f.of->running_here());
    f.of.reset();
    CHECK(weak.expired());
    CHECK(f.seen.empty());
}

TEST_CASE("a lane may be used by other threads while its context ends", "[lane][threads]") {
    for (int i = 0; i < 20; ++i) {
        lane_bed f;
        f.add_target();
        std::atomic<bool> begun{false}, done{false};
        bool was_here = false;
        std::thread other([&] {
            detail::lane_stop stop{f.of.get(), &f.targets, &f};
            const auto e = f.frozen("x");
            for (std::uint64_t n = 1; !done || n == 1; ++n, begun = true) {
                was_here = was_here || f.of->running_here();
                f.of->post([] {});
                net::post(f.of->lasting_executor(), [] {});
                f.of->enqueue(e, {&stop, 1}, n, f.most);
                f.of->make_resident<int>(1).reset();
            }
        });
        while (!begun) std::this_thread::yield();
        f.destroy_context();
        done = true;
        other.join();
        CHECK_FALSE(was_here);
    }
}

TEST_CASE("an executor that outlives its lane's context discards what it is given", "[lane]") {
    const bool single = GENERATE(false, true);
    lane_bed f;
    const auto l = lane::make(f.io().get_executor(), f.clock(), single);
    net::any_io_executor kept = l->lasting_executor();
    CHECK(kept == net::any_io_executor(l->lasting_executor()));
    texts& seen = f.seen;
    net::post(kept, [&] {
        seen.push_back("posted");
        net::dispatch(kept, [&] { seen.push_back("inside"); });
        net::post(kept, [&] { seen.push_back("later"); });
        seen.push_back("end");
    });
    net::dispatch(kept, [&] { seen.push_back("dispatched"); });
    CHECK(seen.empty());
    CHECK(&net::query(kept, net::execution::context) == &f.io());
    f.run();
    CHECK(seen == texts{"posted", "inside", "end", "dispatched", "later"});
    f.destroy_context();
    const auto owned = std::make_shared<int>(1);
    net::post(kept, [owned] { FAIL("called"); });
    net::dispatch(kept, [owned] { FAIL("called"); });
    CHECK(owned.use_count() == 1);
}

}  // namespace

}  // namespace tidings::test
