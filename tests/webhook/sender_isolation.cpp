// SPDX-License-Identifier: BSL-1.0
// Endpoints share connections: those that hang take nothing from those that do not.
#include "support/raw_target.hpp"
#include "support/webhook_bed.hpp"

#include <tidings/io/impl/resolver_pool.hpp>
#include <tidings/store/memory_outbox.hpp>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using texts = std::vector<std::string>;

/// Passes on what is not to hang in connecting.
class hanging_network final : public io::network {
 public:
    explicit hanging_network(io::network& inner) : inner_(inner) {}
    std::unique_ptr<io::acceptor> listen(net::any_io_executor executor,
                                         const io::listen_options& options,
                                         error_code& ec) override {
        return inner_.listen(std::move(executor), options, ec);
    }
    io::canceller start_connect(net::any_io_executor executor, io::connect_options options,
                                io::stream_callback done) override {
        if (options.host == "hangs.example") return nullptr;
        return inner_.start_connect(std::move(executor), std::move(options), std::move(done));
    }
    io::canceller start_resolve(net::any_io_executor executor, std::string host, std::uint16_t port,
                                io::resolve_callback done) override {
        return inner_.start_resolve(std::move(executor), std::move(host), port, std::move(done));
    }

 private:
    io::network& inner_;
};

/// Resolves names on a real pool of threads, where those that begin with "hangs" hang. Everything
/// else is simulated.
class pooled_network final : public io::network {
    struct state {
        std::mutex mutex;
        std::condition_variable changed;
        std::size_t hung = 0;
        bool released = false;
    };

 public:
    explicit pooled_network(io::network& inner) : inner_(inner), pool_(options()) {}
    ~pooled_network() override { release(); }
    std::unique_ptr<io::acceptor> listen(net::any_io_executor executor,
                                         const io::listen_options& options,
                                         error_code& ec) override {
        return inner_.listen(std::move(executor), options, ec);
    }
    io::canceller start_connect(net::any_io_executor executor, io::connect_options options,
                                io::stream_callback done) override {
        return inner_.start_connect(std::move(executor), std::move(options), std::move(done));
    }
    io::canceller start_resolve(net::any_io_executor executor, std::string host, std::uint16_t port,
                                io::resolve_callback done) override {
        return pool_.start_resolve(std::move(executor), std::move(host), port, std::move(done));
    }
    io::canceller start_resolve_unproven(net::any_io_executor executor, std::string host,
                                         std::uint16_t port, io::resolve_callback done) override {
        return pool_.start_resolve(std::move(executor), std::move(host), port, std::move(done),
                                   io::resolver_share::half);
    }
    /// Waits until so many threads hang.
    void wait_hung(std::size_t count) {
        std::unique_lock lock(state_->mutex);
        state_->changed.wait(lock, [&] { return state_->hung == count; });
    }
    void release() {
        const std::lock_guard lock(state_->mutex);
        state_->released = true;
        state_->changed.notify_all();
    }

 private:
    io::resolver_pool_options options() const {
        io::resolver_pool_options o;
        o.lookup = [s = state_](const std::string& host, error_code&) {
            std::unique_lock lock(s->mutex);
            if (host.starts_with("hangs")) {
                ++s->hung;
                s->changed.notify_all();
                s->changed.wait(lock, [&] { return s->released; });
                --s->hung;
                s->changed.notify_all();
            }
            return std::vector{net::ip::make_address("127.0.0.1")};
        };
        return o;
    }
    io::network& inner_;
    const std::shared_ptr<state> state_ = std::make_shared<state>();
    io::resolver_pool pool_;
};

/// Takes connections and says nothing on them.
class mute_target {
 public:
    explicit mute_target(world& w) : io_(w.io().get_executor()) {
        error_code ec;
        acceptor_ = w.environment().network->listen(io_, {}, ec);
        REQUIRE_FALSE(ec);
        accept();
    }
    std::string url() const {
        return "https://127.0.0.1:" + std::to_string(acceptor_->local_endpoint().port);
    }
    std::size_t connections() const noexcept { return taken_.size(); }

 private:
    void accept() {
        acceptor_->start_accept(io_, [this](error_code ec, io::stream_ptr s) {
            if (ec) return;
            taken_.push_back(std::move(s));
            accept();
        });
    }
    const net::any_io_executor io_;
    std::unique_ptr<io::acceptor> acceptor_;
    std::vector<io::stream_ptr> taken_;
};

/// A target that takes 50 ms for each answer, and targets that hang, each in its way.
struct crowd_bed {
    static constexpr std::size_t healthy = 100;
    static constexpr auto service_time = 50ms;

    crowd_bed() {
        w.sim().add_name("nowhere.example", {});
        w.sim().add_name("hangs.example", {"127.0.0.1"});
        quick.answer = [this](http::exchange& x) {
            arrived[std::string(x.request().query())].push_back(w.clock().now());
            serving.emplace_back(w.clock().now() + service_time, std::move(x));
        };
        silent.answer = [this](http::exchange& x) { held.push_back(std::move(x)); };
        slow.stays_open = true;
    }
    ~crowd_bed() {
        serving.clear();
        held.clear();
    }
    webhook::sender_options options() {
        auto o = webhook_options(w);
        o.environment.network = &network;
        o.max_connections = 64;
        o.guard.schemes = {"http", "https"};
        return o;
    }
    void add_healthy() {
        for (std::size_t i = 0; i < healthy; ++i)
            bed.add(quick.url("/hook?" + std::to_string(i)), {.id = "quick " + std::to_string(i)});
    }
    void add_hanging(std::size_t count) {
        const auto port = quick.url().substr(quick.url().rfind(':'));
        const texts urls{"http://nowhere.example" + port, "http://hangs.example" + port,
                         hangs_in_tls.url(), silent.url(), slow.url()};
        for (std::size_t i = 0; i < count; ++i)
            bed.add(urls[i % urls.size()], {.id = "hangs " + std::to_string(i)});
    }
    void advance(std::chrono::milliseconds by) {
        w.advance(by);
        for (; !serving.empty() && serving.front().first <= w.clock().now(); serving.pop_front()) {
            serving.front().second.respond({.status = 204});
            w.run_ready();
        }
    }
    /// Publishes an event; how long it took to come to the middle one of the healthy.
    std::chrono::milliseconds median_latency() {
        arrived.clear();
        const auto begun = w.clock().now();
        bed.publish();
        for (int i = 0; i < 100 && arrived.size() < healthy; ++i) advance(10ms);
        REQUIRE(arrived.size() == healthy);
        std::vector<io::steady_time> all;
        for (const auto& [id, times] : arrived) all.push_back(times.front());
        std::sort(all.begin(), all.end());
        for (int i = 0; i < 10; ++i) advance(10ms);  // the last are answered
        // When it was answered.
        return std::chrono::duration_cast<std::chrono::milliseconds>(all[healthy / 2] - begun) +
               service_time;
    }

    world w;
    hanging_network network{*w.environment().network};
    send_bed bed{w, options()};
    world_sink quick{w};
    mute_target hangs_in_tls{w};
    world_sink silent{w};
    raw_target slow{w, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nx"};
    std::map<std::string, std::vector<io::steady_time>, std::less<>> arrived;
    std::deque<std::pair<io::steady_time, http::exchange>> serving;
    std::vector<http::exchange> held;
};

}  // namespace

TEST_CASE("900 endpoints that hang leave 100 others alone", "[webhook]") {
    crowd_bed b;
    b.add_healthy();
    b.w.run_ready();
    b.median_latency();  // from here on they are proven
    const auto alone = b.median_latency();
    b.add_hanging(900);
    b.w.run_ready();
    for (int round = 0; round < 5; ++round) {
        CAPTURE(round);
        const auto beside = b.median_latency();
        CHECK(beside <= 2 * alone);
        for (int i = 0; i < 30; ++i) b.advance(1s);
    }
    CHECK(b.bed.sender->in_flight() <= 64);
    CHECK(b.hangs_in_tls.connections() > 0);
}

TEST_CASE("1,000 endpoints whose names hang leave half of the resolver to the others",
          "[webhook][threads]") {
    world w;
    pooled_network network(*w.environment().network);
    auto o = webhook_options(w);
    o.environment.network = &network;
    send_bed bed(w, std::move(o));
    world_sink target(w);
    const auto port = target.url().substr(target.url().rfind(':'));
    constexpr std::size_t healthy = 10;
    const auto add = [&](const std::string& name) {
        bed.add("http://" + name + ".example" + port, {.id = name});
    };
    for (std::size_t i = 0; i < healthy; ++i) add("quick-" + std::to_string(i));
    bed.publish();
    w.run_until([&] { return target.requests.size() == healthy; });
    w.run_until([&] { return bed.attempts.size() == healthy; });  // from here on they are proven
    for (std::size_t i = 0; i < 1000; ++i) add("hangs-" + std::to_string(i));
    for (int round = 0; round < 3; ++round) {
        CAPTURE(round);
        w.advance(61s);  // addresses are to be looked up again
        target.requests.clear();
        bed.publish();
        network.wait_hung(2);
        w.run_until([&] { return target.requests.size() == healthy; });
        network.wait_hung(2);
    }
    network.release();
    bed.sender.reset();
    w.run_ready();
}

TEST_CASE("an endpoint that is new waits for its first attempt no longer than the formula says",
          "[webhook]") {
    crowd_bed b;
    b.add_hanging(900);
    b.add_healthy();
    b.w.run_ready();
    const auto begun = b.w.clock().now();
    b.bed.publish();
    // Endpoints without a success over half of the connections, rounded up, times the timeout.
    const auto turns = (900 + crowd_bed::healthy + 31) / 32;
    const auto longest = turns * webhook::sender_options().request_timeout;
    while (b.arrived.size() < crowd_bed::healthy && b.w.clock().now() < begun + longest)
        b.advance(1s);
    CHECK(b.arrived.size() == crowd_bed::healthy);
    // And from then on it waits for none of the others.
    b.advance(1s);
    CHECK(b.median_latency() <= 200ms);
}

TEST_CASE("10,000 retries that come due at once delay a new event by one turn at most",
          "[webhook]") {
    world w;
    auto o = webhook_options(w);
    o.outbox = store::make_memory_outbox();
    o.max_connections = 64;
    std::vector<store::outbox_entry> owed;
    for (int i = 0; i < 10'000; ++i) {
        store::outbox_entry e;
        e.endpoint = std::to_string(i % 1000);
        e.message_id = "old";
        e.message = message_of("old");
        e.attempts = 1;
        e.due = w.clock().wall_now() + 10s;
        owed.push_back(std::move(e));
    }
    o.outbox->start_append({.entries = std::move(owed)},
                           {w.io().get_executor(), [](error_code, const auto&) {}});
    send_bed bed(w, std::move(o));
    world_sink target(w);
    std::deque<http::exchange> held;
    target.answer = [&](http::exchange& x) {
        if (x.request().query() == "new") return x.respond({.status = 204});
        held.push_back(std::move(x));
    };
    std::vector<webhook::endpoint> kept;
    for (int i = 0; i < 1000; ++i)
        kept.push_back(bed.sender->endpoint({.url = target.url("/hook?" + std::to_string(i)),
                                             .secret = webhook_secret,
                                             .id = std::to_string(i)}));
    bed.add(target.url("/hook?new"), {.id = "new"});
    const auto of_new = [&] {
        return std::count_if(target.requests.begin(), target.requests.end(),
                             [](const auto& r) { return r.query() == "new"; });
    };
    bed.publish();
    REQUIRE(of_new() == 1);
    w.clock().advance(10s);
    w.run_ready();
    CHECK(held.size() == 32);  // all that may be under way
    bed.publish();
    CHECK(of_new() == 2);  // at once
    // So it is for an endpoint that is new itself, after one turn of those that wait.
    bed.add(target.url("/hook?late"), {.id = "late"});
    bed.publish();
    std::size_t answered = 0;
    const auto late = [&] {
        return std::any_of(target.requests.begin(), target.requests.end(),
                           [](const auto& r) { return r.query() == "late"; });
    };
    for (; !late() && answered < 1100; ++answered) {
        REQUIRE_FALSE(held.empty());
        held.front().respond({.status = 500});
        held.pop_front();
        w.run_ready();
    }
    CHECK(late());
    CHECK(answered <= 1001);  // each other endpoint once
    held.clear();
}

}  // namespace tidings::test
