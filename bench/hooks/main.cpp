// SPDX-License-Identifier: BSL-1.0
//
// What subscriptions of a REST hook manager cost, so many of them, in one line: to load, to hold,
// to publish to, to make and to end.
//
//     hooks WORK SUBSCRIPTIONS [FILE]
//
// WORK: `memory-1`, `memory-10`, `file-1`, `file-10`: where table and outbox are, and how many
// subscriptions have the topic of an event; `memory-api`, `file-api`: made and deleted by requests;
// `memory-lease`: each ends by itself, one a second, by a clock that is set. No delivery is
// attempted: the first is due in a day. Every figure is of the whole process, all of its threads.

#include "host.hpp"

#include <tidings/http/client.hpp>
#include <tidings/http/server.hpp>
#include <tidings/rest_hook/impl/hook_record.hpp>
#include <tidings/webhook/make_secret.hpp>

#include <boost/asio/bind_executor.hpp>

#include <malloc.h>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#else
#define CALLGRIND_START_INSTRUMENTATION
#define CALLGRIND_STOP_INSTRUMENTATION
#endif

namespace {

using namespace hooks_bench;

/// What is in use of the heap, of OpenSSL and SQLite too.
double heap_bytes() {
    const auto all = ::mallinfo2();
    return static_cast<double>(all.uordblks + all.hblkhd);
}

double clock_us(clockid_t which) {
    timespec t{};
    ::clock_gettime(which, &t);
    return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_nsec) / 1e3;
}

/// CPU and time since it was made, of each of so many.
struct stopwatch {
    double cpu_began = clock_us(CLOCK_PROCESS_CPUTIME_ID), wall_began = clock_us(CLOCK_MONOTONIC);
    void print(const char* name, std::size_t of) const {
        const auto n = static_cast<double>(of);
        std::printf("%s_us=%.3f %s_wall_us=%.3f ", name,
                    (clock_us(CLOCK_PROCESS_CPUTIME_ID) - cpu_began) / n, name,
                    (clock_us(CLOCK_MONOTONIC) - wall_began) / n);
        std::fflush(stdout);
    }
};

std::string topic_of(std::size_t group) {
    return "bench.shop" + std::to_string(group) + ".order";
}
std::string key_of(std::size_t i) {
    auto digits = std::to_string(i);
    return "hook_" + std::string(10 - digits.size(), '0') + digits;
}

/// The value of a row. @param lease in so many seconds it ends; 0: never
std::string row_of(std::size_t i, std::size_t matches, io::system_time now, std::size_t lease = 0) {
    static const auto secret = tidings::webhook::make_secret();
    tidings::rest_hook::detail::hook_record h;
    h.id = key_of(i);
    h.topics = {topic_of(i / matches)};
    h.target_url = "https://shop" + std::to_string(i) + ".example.com/hook";
    h.secret = secret;
    h.created_at = tidings::rest_hook::detail::to_text(now);
    h.owner = "shop" + std::to_string(i / 10);
    if (lease != 0) h.lease_until = now + std::chrono::seconds(lease);
    return tidings::rest_hook::detail::to_row_value(h);
}

/// Begins `one` for each of `count`, so many at a time, until each is done.
void for_each(host& h, std::size_t count, std::size_t at_once,
              const std::function<void(std::size_t, std::function<void()>)>& one) {
    std::size_t begun = 0, done = 0;
    const std::function<void()> next = [&] {
        if (begun != count)
            one(begun++, [&] {
                ++done;
                next();
            });
    };
    for (std::size_t i = 0; i < at_once; ++i) next();
    h.run_until([&] { return done == count; });
}

constexpr std::size_t writes_at_once = 256;

void write_rows(host& h, std::size_t count, std::size_t matches, bool leases = false) {
    for_each(h, count, writes_at_once, [&](std::size_t i, std::function<void()> done) {
        h.table().start_put(key_of(i), row_of(i, matches, h.now(), leases ? i + 1 : 0), 0,
                            {h.executor(), [done](error_code ec, std::uint64_t) {
                                 if (ec) fail("a row is not written", ec);
                                 done();
                             }});
    });
}

void erase_rows(host& h, std::size_t count) {
    for_each(h, count, writes_at_once, [&](std::size_t i, std::function<void()> done) {
        h.table().start_erase(key_of(i), 0, {h.executor(), [done](error_code ec) {
                                                 if (ec) fail("a row is not erased", ec);
                                                 done();
                                             }});
    });
}

}  // namespace

/// Publishes events in turns of 16, and works off each turn.
[[gnu::noinline]] void measured(host& h, std::size_t events, std::size_t groups) {
    static const std::string text(128, 'x');
    constexpr std::size_t stride = 7919;  // prime: no two that follow each other are neighbours
    for (std::size_t i = 0; i < events; ++i) {
        h.publish(topic_of(i * stride % groups), text);
        if (i % 16 == 15) h.poll();
    }
    h.poll();
}

namespace {

void run_table(host& h, std::size_t count, std::size_t matches) {
    write_rows(h, count, matches);
    h.rest();
    const auto before = heap_bytes();
    {
        const stopwatch w;
        h.manage();
        h.run_until([&] { return h.subscriptions() == count; });
        w.print("load", count);
        h.rest();
        w.print("load_rest", count);
    }
    std::printf("heap_bytes=%.0f ", (heap_bytes() - before) / static_cast<double>(count));
    {
        const stopwatch w;
        erase_rows(h, count);
        h.run_until([&] { return h.subscriptions() == 0; });
        h.rest();
        w.print("end", count);
    }
    {
        const stopwatch w;
        write_rows(h, count, matches);
        h.run_until([&] { return h.subscriptions() == count; });
        h.rest();
        w.print("make", count);
    }
    const auto events = 20'000 / matches;
    const auto groups = count / matches;
    measured(h, 1000, groups);
    h.run_until([&] { return h.owed() == 1000 * matches; });
    {
        const stopwatch w;
        CALLGRIND_START_INSTRUMENTATION;
        measured(h, events, groups);
        h.run_until([&] { return h.owed() == (1000 + events) * matches; });
        CALLGRIND_STOP_INSTRUMENTATION;
        w.print("event", events);
        std::printf("events=%zu ", events);
    }
}

void run_lease(host& h, manual_clock& clock, std::size_t count) {
    write_rows(h, count, 1, true);
    h.manage();
    h.run_until([&] { return h.subscriptions() == count; });
    h.rest();  // the timer of the first end waits from here on
    const stopwatch w;
    for (std::size_t left = count; left != 0;) {
        clock.advance(std::chrono::seconds(1));
        --left;
        h.run_until([&] { return h.subscriptions() <= left; });
    }
    h.rest();
    w.print("lease_end", count);
}

void run_api(host& h, std::size_t count) {
    h.manage();
    h.rest();
    const auto url = h.serve();
    tidings::http::client client(h.context(), {.max_connections_per_origin = 16});
    std::vector<std::string> places(count);
    const auto request = [&](std::string method, std::string to, std::string body, unsigned status,
                             const std::function<void(const tidings::http::response&)>& done) {
        client.async_request(std::move(to),
                             {.method = std::move(method),
                              .fields = {{"Content-Type", "application/json"}},
                              .body = std::move(body)},
                             [=](error_code ec, const tidings::http::response& r) {
                                 if (ec) fail("no answer", ec);
                                 if (r.status != status) fail(r.body.c_str(), {});
                                 done(r);
                             });
    };
    {
        const stopwatch w;
        for_each(h, count, 16, [&](std::size_t i, std::function<void()> done) {
            request("POST", url,
                    R"({"target_url":"https://shop)" + std::to_string(i) +
                        R"(.example.com/hook","topic":")" + topic_of(i) + R"("})",
                    201, [&places, i, done](const auto& r) {
                        places[i] = std::string(r.fields.get("Location"));
                        done();
                    });
        });
        h.rest();
        w.print("api_make", count);
    }
    {
        const stopwatch w;
        const auto server = url.substr(0, url.find('/', url.find("//") + 2));
        for_each(h, count, 16, [&](std::size_t i, std::function<void()> done) {
            const auto& to = places[i];
            request("DELETE", to.front() == '/' ? server + to : to, {}, 204,
                    [done](const auto&) { done(); });
        });
        h.rest();
        w.print("api_end", count);
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3) {
        std::fputs("hooks WORK SUBSCRIPTIONS [FILE]; see the head of main.cpp\n", stderr);
        return EXIT_FAILURE;
    }
    const std::string_view work = argv[1];
    const std::size_t count = std::strtoul(argv[2], nullptr, 10);
    const bool in_file = work.starts_with("file-");
    if (count < 10 || count % 10 != 0) fail("a multiple of 10 subscriptions is needed", {});
    if (in_file && argc < 4) fail("FILE is needed", {});
    manual_clock clock;
    const bool leases = work == "memory-lease";
    host h(in_file ? argv[3] : "", leases ? &clock : nullptr);
    if (leases)
        run_lease(h, clock, count);
    else if (work.ends_with("-api"))
        run_api(h, count);
    else if (work.ends_with("-10"))
        run_table(h, count, 10);
    else
        run_table(h, count, 1);
    std::puts("");
    return EXIT_SUCCESS;
}
