// SPDX-License-Identifier: BSL-1.0
#include "support/network_fixture.hpp"

#include <tidings/io/impl/resolver_pool.hpp>

#include <boost/asio/strand.hpp>

#include <atomic>
#include <condition_variable>
#include <future>
#include <map>
#include <mutex>
#include <stdexcept>
#include <thread>

namespace tidings::test {

namespace {

/// A lookup under the test's control: names that begin with "hung" wait to be released.
class scripted_lookup {
 public:
    ~scripted_lookup() { release(); }

    io::resolver_pool_options options() {
        io::resolver_pool_options o;
        o.lookup = [s = state_](const std::string& host, error_code& ec) {
            return s->run(host, ec);
        };
        return o;
    }
    void release() {
        const std::lock_guard lock(state_->mutex);
        state_->released = true;
        state_->changed.notify_all();
    }
    /// Waits until so many threads hang.
    void wait_hung(int count) {
        std::unique_lock lock(state_->mutex);
        state_->changed.wait(lock, [&] { return state_->hung == count; });
    }
    /// Waits until none hangs.
    void wait_idle() {
        release();
        wait_hung(0);
    }
    int asked(const std::string& host) {
        const std::lock_guard lock(state_->mutex);
        return state_->asked[host];
    }
    std::size_t threads() {
        const std::lock_guard lock(state_->mutex);
        return state_->threads.size();
    }

 private:
    // Shared with threads that outlive the test's pool.
    struct state {
        std::mutex mutex;
        std::condition_variable changed;
        bool released = false;
        int hung = 0;
        std::map<std::string, int> asked;
        std::map<std::thread::id, int> threads;

        std::vector<net::ip::address> run(const std::string& host, error_code& ec) {
            std::unique_lock lock(mutex);
            ++asked[host];
            ++threads[std::this_thread::get_id()];
            if (host.starts_with("hung")) {
                ++hung;
                changed.notify_all();
                changed.wait(lock, [&] { return released; });
                --hung;
                changed.notify_all();
            }
            if (host == "throws") throw std::runtime_error("lookup");
            if (host == "empty") return {};
            if (host == "fails") {
                ec = errc::name_not_resolved;
                return {};
            }
            return {net::ip::make_address("192.0.2.1"), net::ip::make_address("2001:db8::1")};
        }
    };
    std::shared_ptr<state> state_ = std::make_shared<state>();
};

struct answer {
    std::optional<error_code> ec;
    std::vector<io::socket_address> found;
    auto handler() {
        return [this](error_code e, std::vector<io::socket_address> f) {
            CHECK_FALSE(ec.has_value());
            ec = e;
            found = std::move(f);
        };
    }
};

void ignored(error_code, const std::vector<io::socket_address>&) {}

void forbidden(error_code, const std::vector<io::socket_address>&) {
    FAIL("dropped");
}

}  // namespace

TEST_CASE("a name is resolved on a thread of the pool and answered on the executor",
          "[io][threads]") {
    net::io_context io;
    scripted_lookup script;
    io::resolver_pool pool(script.options());
    const auto strand = net::make_strand(io);
    std::optional<std::vector<io::socket_address>> found;
    auto cancel = pool.start_resolve(strand, "a.example", 443,
                                     [&](error_code ec, std::vector<io::socket_address> f) {
                                         CHECK(strand.running_in_this_thread());
                                         CHECK_FALSE(ec);
                                         found = std::move(f);
                                     });
    CHECK_FALSE(found);
    io.run();  // kept from returning by the request
    REQUIRE(found);
    REQUIRE(found->size() == 2);
    CHECK(found->front() == io::socket_address{net::ip::make_address("192.0.2.1"), 443});
    CHECK(found->back() == io::socket_address{net::ip::make_address("2001:db8::1"), 443});
    cancel();  // late
    CHECK(script.threads() == 1);
}

TEST_CASE("a literal address needs no thread", "[io][threads]") {
    net::io_context io;
    scripted_lookup script;
    io::resolver_pool pool(script.options());
    answer v4, v6;
    auto a = pool.start_resolve(io.get_executor(), "198.51.100.7", 1, v4.handler());
    auto b = pool.start_resolve(io.get_executor(), "2001:db8::2", 2, v6.handler());
    CHECK_FALSE(v4.ec);
    io.run();
    REQUIRE(v4.found.size() == 1);
    CHECK(v4.found.front() == io::socket_address{net::ip::make_address("198.51.100.7"), 1});
    REQUIRE(v6.found.size() == 1);
    CHECK(v6.found.front().port == 2);
    CHECK(script.threads() == 0);
}

TEST_CASE("a name without an address is not resolved, however the lookup says so",
          "[io][threads]") {
    net::io_context io;
    scripted_lookup script;
    io::resolver_pool pool(script.options());
    const auto* host = GENERATE("fails", "empty", "throws");
    answer a;
    auto cancel = pool.start_resolve(io.get_executor(), host, 1, a.handler());
    io.run();
    CHECK(a.ec == errc::name_not_resolved);
    CHECK(a.found.empty());
}

TEST_CASE("names that hang do not hold up others while a thread is left", "[io][threads]") {
    net::io_context io;
    scripted_lookup script;
    auto options = script.options();
    options.max_threads = 3;
    io::resolver_pool pool(options);
    std::vector<io::canceller> cancels;
    for (const auto* host : {"hung.1", "hung.2"})
        cancels.push_back(pool.start_resolve(io.get_executor(), host, 1, forbidden));
    script.wait_hung(2);
    // However often it is asked for, a name that hangs takes one thread.
    for (int i = 0; i < 20; ++i)
        cancels.push_back(pool.start_resolve(io.get_executor(), "hung.1", 1, forbidden));
    for (int i = 0; i < 10; ++i) {
        answer a;
        auto cancel =
            pool.start_resolve(io.get_executor(), "a.example" + std::to_string(i), 1, a.handler());
        run_until(io, [&] { return a.ec.has_value(); });
        CHECK_FALSE(*a.ec);
    }
    CHECK(script.asked("hung.1") == 1);
    CHECK(script.threads() == 3);
    for (auto& cancel : cancels) cancel();
    io.run();  // nothing keeps it
    script.wait_idle();
}

TEST_CASE("names of peers that have not answered lately hang in half of the threads at most",
          "[io][threads]") {
    net::io_context io;
    scripted_lookup script;
    io::resolver_pool pool(script.options());
    constexpr auto half = io::resolver_share::half;
    for (int i = 0; i < 500; ++i)
        pool.start_resolve(io.get_executor(), "hung " + std::to_string(i), 1, ignored, half);
    script.wait_hung(2);
    // The other half is for the rest, however many wait.
    for (int i = 0; i < 20; ++i) {
        answer ok;
        pool.start_resolve(io.get_executor(), "a.example " + std::to_string(i), 1, ok.handler());
        test::run_until(io, [&] { return ok.ec.has_value(); });
        CHECK(ok.found.size() == 2);
    }
    script.wait_hung(2);
    CHECK(script.threads() <= 4);
    script.wait_idle();
}

TEST_CASE("a name that waits in the half goes before where it is asked for by others as well",
          "[io][threads]") {
    net::io_context io;
    scripted_lookup script;
    io::resolver_pool pool(script.options());
    constexpr auto half = io::resolver_share::half;
    for (const auto* hung : {"hung 1", "hung 2"})
        pool.start_resolve(io.get_executor(), hung, 1, ignored, half);
    script.wait_hung(2);
    answer unproven, proven;
    pool.start_resolve(io.get_executor(), "a.example", 1, unproven.handler(), half);
    pool.start_resolve(io.get_executor(), "a.example", 1, proven.handler());
    test::run_until(io, [&] { return unproven.ec.has_value() && proven.ec.has_value(); });
    CHECK(script.asked("a.example") == 1);
    script.wait_idle();
}

TEST_CASE("requests of such peers have half of the queue, and give their places back",
          "[io][threads]") {
    net::io_context io;
    scripted_lookup script;
    auto o = script.options();
    o.max_queued = 6;
    io::resolver_pool pool(std::move(o));
    constexpr auto half = io::resolver_share::half;
    std::vector<io::canceller> cancels;
    for (int i = 0; i < 3; ++i)
        cancels.push_back(
            pool.start_resolve(io.get_executor(), "hung " + std::to_string(i), 1, ignored, half));
    script.wait_hung(2);
    answer refused, taken, again;
    pool.start_resolve(io.get_executor(), "b.example", 1, refused.handler(), half);
    pool.start_resolve(io.get_executor(), "c.example", 1, taken.handler());
    test::run_until(io, [&] { return refused.ec.has_value() && taken.ec.has_value(); });
    CHECK(refused.ec == errc::too_many);
    CHECK_FALSE(*taken.ec);
    for (auto& cancel : cancels) cancel();
    pool.start_resolve(io.get_executor(), "b.example", 1, again.handler(), half);
    script.release();
    test::run_until(io, [&] { return again.ec.has_value(); });
    CHECK_FALSE(*again.ec);
    script.wait_idle();
}

TEST_CASE("a thread is started when a name would have to wait, and used again", "[io][threads]") {
    net::io_context io;
    scripted_lookup script;
    io::resolver_pool pool(script.options());
    for (int i = 0; i < 20; ++i) {
        answer a;
        auto cancel = pool.start_resolve(io.get_executor(), "a.example", 1, a.handler());
        run_until(io, [&] { return a.ec.has_value(); });
    }
    CHECK(script.asked("a.example") == 20);
    CHECK(script.threads() == 1);
}

TEST_CASE("requests for the same name share one answer", "[io][threads]") {
    net::io_context io;
    scripted_lookup script;
    io::resolver_pool pool(script.options());
    answer a, b;
    auto first = pool.start_resolve(io.get_executor(), "hung", 80, a.handler());
    script.wait_hung(1);
    auto second = pool.start_resolve(io.get_executor(), "hung", 443, b.handler());
    script.release();
    io.run();
    REQUIRE(a.found.size() == 2);
    REQUIRE(b.found.size() == 2);
    CHECK(a.found.front().port == 80);
    CHECK(b.found.front().port == 443);
    CHECK(script.asked("hung") == 1);
    // A later request asks anew.
    answer c;
    auto third = pool.start_resolve(io.get_executor(), "hung", 1, c.handler());
    io.restart();
    io.run();
    CHECK(script.asked("hung") == 2);
}

TEST_CASE("more requests than allowed are answered at once, and room comes back", "[io][threads]") {
    net::io_context io;
    scripted_lookup script;
    auto options = script.options();
    options.max_threads = 1;
    options.max_queued = 3;
    io::resolver_pool pool(options);
    const auto ask = [&](const char* host, answer& a) {
        return pool.start_resolve(io.get_executor(), host, 1, a.handler());
    };
    answer hung, same, queued, refused, refused_too, again, literal;
    auto c1 = ask("hung", hung);
    script.wait_hung(1);
    auto c2 = ask("hung", same);
    auto c3 = ask("b", queued);
    auto c4 = ask("c", refused);
    auto c5 = ask("hung", refused_too);
    auto c6 = ask("192.0.2.7", literal);
    run_until(io, [&] { return refused.ec && refused_too.ec && literal.ec; });
    CHECK(*refused.ec == errc::too_many);
    CHECK(*refused_too.ec == errc::too_many);
    CHECK_FALSE(*literal.ec);
    c3();  // a cancelled request gives its place back
    auto c7 = ask("d", again);
    script.release();
    run_until(io, [&] { return hung.ec && same.ec && again.ec; });
    CHECK_FALSE(*again.ec);
    CHECK_FALSE(queued.ec);
    CHECK(script.asked("b") == 0);
    for (int i = 0; i < 10; ++i) {
        answer a;
        auto cancel = ask("e", a);
        run_until(io, [&] { return a.ec.has_value(); });
        CHECK_FALSE(*a.ec);
    }
}

TEST_CASE("a cancelled request is dropped even when its answer has been posted", "[io][threads]") {
    net::io_context io;
    scripted_lookup script;
    io::resolver_pool pool(script.options());
    const auto token = std::make_shared<int>();
    auto cancel = pool.start_resolve(
        io.get_executor(), "192.0.2.1", 1,
        [token](error_code, std::vector<io::socket_address>) { FAIL("cancelled"); });
    cancel();
    CHECK(token.use_count() == 1);
    io.run();
}

TEST_CASE("a pool that goes drops its requests and waits for nobody", "[io][threads]") {
    net::io_context io;
    scripted_lookup script;
    const auto token = std::make_shared<int>();
    {
        auto options = script.options();
        options.max_threads = 2;
        io::resolver_pool pool(options);
        const auto dropped = [token](error_code, std::vector<io::socket_address>) {
            FAIL("dropped");
        };
        answer a;
        auto done = pool.start_resolve(io.get_executor(), "a", 1, a.handler());
        run_until(io, [&] { return a.ec.has_value(); });
        auto hung = pool.start_resolve(io.get_executor(), "hung.1", 1, dropped);
        auto other = pool.start_resolve(io.get_executor(), "hung.2", 1, dropped);
        script.wait_hung(2);
        auto queued = pool.start_resolve(io.get_executor(), "b", 1, dropped);
    }
    CHECK(token.use_count() == 1);
    io.restart();
    io.run();
    script.wait_idle();
}

TEST_CASE("a context that goes drops its requests, and the late answer harms nobody",
          "[io][threads]") {
    scripted_lookup script;
    io::resolver_pool pool(script.options());
    net::io_context other;
    answer a;
    const auto token = std::make_shared<int>();
    io::canceller late, shared;
    {
        net::io_context io;
        late = pool.start_resolve(
            net::make_strand(io), "hung", 1,
            [token](error_code, std::vector<io::socket_address>) { FAIL("gone"); });
        shared = pool.start_resolve(other.get_executor(), "hung", 1, a.handler());
        script.wait_hung(1);
    }
    CHECK(token.use_count() == 1);
    script.release();
    other.run();
    CHECK(a.found.size() == 2);
    late();
}

TEST_CASE("requests are made and cancelled from many threads", "[io][threads]") {
    constexpr int count = 200;
    net::io_context io;
    scripted_lookup script;
    io::resolver_pool pool(script.options());
    std::atomic<int> answered = 0, dropped = 0;
    struct counted {
        explicit counted(std::atomic<int>& d) : dropped(&d) {}
        counted(counted&& o) noexcept : dropped(std::exchange(o.dropped, nullptr)) {}
        ~counted() {
            if (dropped != nullptr) ++*dropped;
        }
        std::atomic<int>* dropped;
    };
    {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 3; ++t)
            threads.emplace_back([&, t] {
                for (int i = 0; i < count; ++i) {
                    auto cancel = pool.start_resolve(
                        net::make_strand(io), "name" + std::to_string(i % 7), 1,
                        [&, c = counted(dropped)](error_code ec,
                                                  std::vector<io::socket_address>) mutable {
                            if (!ec) ++answered;
                            c.dropped = nullptr;
                        });
                    if (i % 3 == t) cancel();
                }
            });
        for (int t = 0; t < 2; ++t) threads.emplace_back([&] { io.run(); });
    }
    io.restart();
    io.run();
    CHECK(answered + dropped == 3 * count);
    CHECK(answered >= 2 * count);
}

TEST_CASE("the system's lookup knows this machine and refuses what a C string cannot hold",
          "[io]") {
    error_code ec;
    const auto found = io::system_lookup("localhost", ec);
    CHECK_FALSE(ec);
    CHECK(std::count(found.begin(), found.end(), net::ip::make_address("127.0.0.1")) == 1);
    CHECK(io::system_lookup("", ec).empty());
    CHECK(ec == errc::name_not_resolved);
    CHECK(io::system_lookup(std::string("localhost\0x", 11), ec).empty());
    CHECK(ec == errc::name_not_resolved);
}

}  // namespace tidings::test
