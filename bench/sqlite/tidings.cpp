// SPDX-License-Identifier: BSL-1.0
//
// tidings: a bus whose history is in a file, with `durability::process`. So many publications wait
// for their commit at any time; a group is what comes during the commit before it.
//
//     sqlite_tidings FILE EVENTS WAITING [READERS]
//
// READERS subscribers read the history from its beginning meanwhile, again whenever they have come
// to its end.

#include "message.hpp"

#include <tidings/bus.hpp>
#include <tidings/store/sqlite/history.hpp>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

namespace net = boost::asio;
using namespace sqlite_bench;

/// Publishes, so many at a time, until as many are committed as were asked for.
class publisher {
 public:
    publisher(net::io_context& io, tidings::bus& bus) : io_(io), topic_(bus.topic(topic)) {}

    void publish(std::size_t count, std::size_t waiting) {
        left_ = to_start_ = count;
        for (std::size_t i = 0; i < waiting; ++i) start();
        while (left_ != 0 && io_.run_one() != 0) {
        }
    }

 private:
    void start() {
        if (to_start_ == 0) return;
        --to_start_;
        topic_.async_publish(
            tidings::event{"bench.order", "/bench", body(next_++), "application/json"},
            net::bind_executor(io_, [this](tidings::error_code ec, const tidings::receipt&) {
                if (ec) {
                    std::fprintf(stderr, "%s\n", ec.message().c_str());
                    std::exit(1);
                }
                --left_;
                start();
            }));
    }

    net::io_context& io_;
    tidings::topic_handle topic_;
    std::size_t next_ = 0, to_start_ = 0, left_ = 0;
};

/// Reads the history from its beginning to the newest event that was there, and begins again.
class reader {
 public:
    reader(net::io_context& io, tidings::bus& bus) : io_(io), bus_(bus) { begin(); }

    std::size_t seen = 0;

 private:
    void begin() {
        const auto end = bus_.head();
        held_ = bus_.subscribe(topic,
                               [this, end](const tidings::event_ptr& e) {
                                   ++seen;
                                   if (e->position() == end) net::post(io_, [this] { begin(); });
                               },
                               {.after = tidings::position(), .max_batch = 64});
    }

    net::io_context& io_;
    tidings::bus& bus_;
    tidings::subscription held_;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc < 4) return 1;
    const std::size_t events = std::strtoul(argv[2], nullptr, 10);
    const std::size_t waiting = std::strtoul(argv[3], nullptr, 10);
    const std::size_t readers = argc > 4 ? std::strtoul(argv[4], nullptr, 10) : 0;
    net::io_context io{1};
    const auto work = net::make_work_guard(io);
    tidings::sqlite::database file{
        io, {.path = argv[1], .durable = tidings::sqlite::durability::process}};
    tidings::bus bus{io,
                     {.history = {.implementation = tidings::sqlite::make_history(
                                      file, {{.pattern = ">", .max_events = kept}})}}};
    publisher publishes(io, bus);
    publishes.publish(kept, 256);

    std::vector<std::unique_ptr<reader>> reads;
    for (std::size_t i = 0; i < readers; ++i) reads.push_back(std::make_unique<reader>(io, bus));
    const auto commits = file.commits().count;
    const stopwatch watch;
    publishes.publish(events, waiting);
    const auto cpu = watch.cpu();
    const auto wall = watch.wall();
    const auto after = file.commits();
    std::size_t read = 0;
    for (const auto& r : reads) read += r->seen;
    const auto count = static_cast<double>(events);
    std::printf(
        "cpu_us=%.3f wall_us=%.3f group=%.0f commit_median_us=%lld commit_p99_us=%lld "
        "commit_worst_us=%lld read=%zu\n",
        cpu / count * 1e6, wall / count * 1e6, count / static_cast<double>(after.count - commits),
        static_cast<long long>(after.median.count()), static_cast<long long>(after.p99.count()),
        static_cast<long long>(after.slowest.count()), read);
}
