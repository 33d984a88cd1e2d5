// SPDX-License-Identifier: BSL-1.0
//
// tidings: an outbox in a file, with `durability::process`, by its interface alone. So many
// operations wait for their commit at any time: each event is appended for an endpoint, the oldest
// that is due is claimed, and it is acknowledged, with which it is erased.
//
//     sqlite_outbox FILE EVENTS WAITING

#include "message.hpp"

#include <tidings/store/sqlite/outbox.hpp>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/io_context.hpp>

#include <cstdio>
#include <cstdlib>
#include <utility>
#include <vector>

namespace {

namespace net = boost::asio;
namespace store = tidings::store;
using namespace sqlite_bench;

void check(tidings::error_code ec) {
    if (!ec) return;
    std::fprintf(stderr, "%s\n", ec.message().c_str());
    std::exit(1);
}

class deliveries {
    template <class F>
    auto done(F then) {
        return net::bind_executor(io_, [then](tidings::error_code ec, auto value) {
            check(ec);
            then(std::move(value));
        });
    }

 public:
    deliveries(net::io_context& io, store::outbox& outbox) : io_(io), outbox_(outbox) {
        left_ = 1;
        outbox_.async_open({.now = now(), .endpoints = {{.id = endpoint}}},
                           done([this](auto) { --left_; }));
        run();
    }

    /// Appends so many that stay.
    void fill(std::size_t count) {
        for (left_ = count; next_ < count;) append([this] { --left_; });
        run();
    }
    /// So many events, from their append to their end, so many at a time.
    void make(std::size_t count, std::size_t waiting) {
        left_ = to_start_ = count;
        for (std::size_t i = 0; i < waiting; ++i) start();
        run();
    }

 private:
    static store::outbox_time now() { return std::chrono::system_clock::now(); }

    template <class F>
    void append(F then) {
        auto m = std::make_shared<store::outbox_message>();
        m->id = event_id(next_);
        m->source = "/bench";
        m->type = m->topic = topic;
        m->content_type = "application/json";
        m->body = std::make_shared<const std::string>(body(next_++));
        store::outbox_entry e;
        e.endpoint = endpoint;
        e.message_id = m->id;
        e.message = std::move(m);
        store::outbox_append a{.now = now()};
        e.due = a.now;
        a.entries.push_back(std::move(e));
        outbox_.async_append(std::move(a), done([then](const auto&) { then(); }));
    }
    void start() {
        if (to_start_ == 0) return;
        --to_start_;
        append([this] { claim(); });
    }
    void claim() {
        outbox_.async_claim({.now = now(), .max_entries = 1, .max_per_endpoint = 1},
                            done([this](const store::outbox_claim& c) {
                                if (c.entries.size() != 1) check(tidings::errc::store_failed);
                                acknowledge(c.entries.front());
                            }));
    }
    void acknowledge(const store::outbox_entry& e) {
        store::outbox_round r{.now = now()};
        r.results.push_back({.key = e.key, .attempts = 1});
        outbox_.async_finish(std::move(r), net::bind_executor(io_, [this](tidings::error_code ec) {
                                 check(ec);
                                 --left_;
                                 start();
                             }));
    }
    void run() {
        while (left_ != 0 && io_.run_one() != 0) {
        }
    }

    net::io_context& io_;
    store::outbox& outbox_;
    std::size_t next_ = 0, to_start_ = 0, left_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc < 4) return 1;
    const std::size_t events = std::strtoul(argv[2], nullptr, 10);
    const std::size_t waiting = std::strtoul(argv[3], nullptr, 10);
    net::io_context io{1};
    const auto work = net::make_work_guard(io);
    tidings::sqlite::database file{
        io, {.path = argv[1], .durable = tidings::sqlite::durability::process}};
    const auto outbox = tidings::sqlite::make_outbox(file);
    deliveries all(io, *outbox);
    all.fill(kept);
    const auto commits = file.commits().count;
    const stopwatch watch;
    all.make(events, waiting);
    const auto cpu = watch.cpu();
    const auto wall = watch.wall();
    const auto after = file.commits();
    const auto count = static_cast<double>(events);
    std::printf(
        "cpu_us=%.3f wall_us=%.3f group=%.0f commit_median_us=%lld commit_p99_us=%lld "
        "commit_worst_us=%lld\n",
        cpu / count * 1e6, wall / count * 1e6, count / static_cast<double>(after.count - commits),
        static_cast<long long>(after.median.count()), static_cast<long long>(after.p99.count()),
        static_cast<long long>(after.slowest.count()));
}
