// SPDX-License-Identifier: BSL-1.0
//
// What a delivery costs that does not happen inside `publish`: callbacks and receivers of tidings
// beside bare rings with one post per burst, one post per event, and channels of Boost.Asio. The
// publication counts. See rounds.hpp.
//
//     bus_delivery [ROUNDS] [CASE...]     nine rounds of all cases if none is given
//     bus_delivery count CASE WHO TIMES   for callgrind: what `measured` takes

#include "deliveries.hpp"
#include "rounds.hpp"

#include <boost/asio/experimental/concurrent_channel.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <array>
#include <mutex>

namespace {

namespace net = boost::asio;
using bus_bench::contender;
using bus_bench::make_event;
using bus_bench::posted_bed;
using bus_bench::receive_bed;
using bus_bench::target;
using bus_bench::test_case;
using tidings::event_ptr;

struct peer {
    explicit peer(std::size_t b) : burst(b) {}

    std::size_t burst;
    net::io_context io{1};
    net::executor_work_guard<net::io_context::executor_type> work = net::make_work_guard(io);
    net::steady_timer timer{io};  // as a bus has: the context asks the system as well
    tidings::error_code ec;
    event_ptr event = tidings::publication::make("orders.paid", make_event(), {}, ec);
    std::uint64_t seen = 0;
};

/// A ring for each callback, which bounds nothing, a mutex and one post for all of them.
struct rings : peer {
    rings(std::size_t n, std::size_t b) : peer(b), all(n) {}
    void once() {
        for (auto n = burst; n != 0; --n) publish();
        io.poll();
    }
    void publish() {
        const std::lock_guard lock(mutex);
        for (auto& r : all) r.events[r.end++ % r.events.size()] = event;
        if (!std::exchange(posted, true)) net::post(io, [this] { drain(); });
    }
    void drain() {
        std::array<event_ptr, 16> taken;
        for (auto& r : all) {
            std::size_t count = 0;
            {
                const std::lock_guard lock(mutex);
                while (r.begin != r.end && count < taken.size())
                    taken[count++] = std::move(r.events[r.begin++ % r.events.size()]);
            }
            for (std::size_t i = 0; i < count; ++i) {
                r.call(r.to);
                taken[i] = {};
            }
        }
        const std::lock_guard lock(mutex);
        posted = false;
    }

    struct ring {
        std::array<event_ptr, 16> events{};
        std::size_t begin = 0, end = 0;
        target to;
        void (*call)(target&) = [](target& t) { ++t.seen; };
    };
    std::vector<ring> all;
    std::mutex mutex;
    bool posted = false;
};

/// One post per event and callback.
struct posts : peer {
    posts(std::size_t n, std::size_t b) : peer(b), targets(n) {}
    void once() {
        for (auto n = burst; n != 0; --n)
            for (auto& t : targets) net::post(io, [&t, e = event] { t(e); });
        io.poll();
    }
    std::vector<target> targets;
};

/// A channel, which threads may share, that a function or a coroutine reads.
struct channel : peer {
    channel(bool coroutine, std::size_t b) : peer(b) {
        if (coroutine)
            net::co_spawn(io, read(), net::detached);
        else
            arm();
        io.poll();
    }
    void once() {
        for (auto n = burst; n != 0; --n) way.try_send(tidings::error_code(), event);
        io.poll();
    }
    void arm() {
        way.async_receive([this](tidings::error_code failed, const event_ptr&) {
            if (!failed) ++seen, arm();
        });
    }
    net::awaitable<void> read() {
        for (;;) {
            co_await way.async_receive(net::use_awaitable);
            ++seen;
        }
    }
    net::experimental::concurrent_channel<void(tidings::error_code, event_ptr)> way{io, 1024};
};

template <class T, class First>
contender in_bursts(const char* name, First first, std::size_t burst, std::size_t targets = 1) {
    auto made = bus_bench::make(name, &T::once, first, burst);
    made.operations = static_cast<double>(burst * targets);
    return made;
}

test_case posted(const char* name, std::size_t burst) {
    constexpr std::size_t n = 100;
    return {name,
            {in_bursts<rings>("rings", n, burst, n), in_bursts<posts>("posts", n, burst, n),
             in_bursts<posted_bed>("tidings", n, burst, n)}};
}

test_case received(const char* name, std::size_t burst) {
    using way = receive_bed::way;
    return {name,
            {in_bursts<posts>("posts", std::size_t(1), burst),
             in_bursts<channel>("channel", false, burst),
             in_bursts<channel>("channel, coroutine", true, burst),
             in_bursts<receive_bed>("tidings", way::handler, burst),
             in_bursts<receive_bed>("tidings, deferred", way::deferred, burst),
             in_bursts<receive_bed>("tidings, coroutine", way::coroutine, burst),
             in_bursts<receive_bed>("tidings, batches", way::batch, burst)}};
}

}  // namespace

int main(int argc, char** argv) {
    const bus_bench::idle_thread beside;
    return bus_bench::rounds({posted("posted-1", 1), posted("posted-16", 16),
                              received("receive-1", 1), received("receive-16", 16)},
                             "the first")
        .main(argc, argv);
}
