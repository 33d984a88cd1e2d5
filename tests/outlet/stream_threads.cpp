// SPDX-License-Identifier: BSL-1.0
// Streams over real sockets while two threads run the context, four lanes serve and two further
// threads publish. Run under TSan by CI.
#include "support/board.hpp"
#include "support/catch2.hpp"

#include <tidings/bus.hpp>
#include <tidings/control_event.hpp>
#include <tidings/http/server.hpp>
#include <tidings/sse/client.hpp>
#include <tidings/sse/service.hpp>
#include <tidings/test/faulty_network.hpp>
#include <tidings/websocket/client.hpp>
#include <tidings/websocket/service.hpp>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <numeric>
#include <thread>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t sources = 3;  // two publishers, and the test itself for what comes last

/// Takes events `<source>:<number>` and checks that each source's come once and in order, or after
/// a gap that was told.
class witness final : public subscriber {
 public:
    explicit witness(board& b) : board_(b) {}

    outcome deliver(const event_ptr& e) noexcept override {
        if (inside_.exchange(true)) ++wrong;
        if (e->topic() == gap_type) {
            ++gaps;
            for (auto& g : after_gap) g = true;
        } else {
            take(e->text());
        }
        inside_ = false;
        board_.changed();
        return outcome::delivered;
    }

    std::array<std::atomic<int>, sources> last{};
    std::array<std::atomic<bool>, sources> after_gap{};  // and before the next event
    std::atomic<int> wrong{0}, gaps{0}, events{0};

    /// Whether it has that event, or waits for the first one after a gap.
    bool has(std::size_t source, int number) const {
        return last[source] >= number || after_gap[source];
    }

 private:
    void take(std::string_view text) {
        int number = 0;
        std::from_chars(text.data() + 2, text.data() + text.size(), number);
        const auto source = static_cast<std::size_t>(text[0] - '0');
        const int before = last[source];
        if (number <= before || (number != before + 1 && !after_gap[source])) ++wrong;
        last[source] = number;
        after_gap[source] = false;
        ++events;
    }
    board& board_;
    std::atomic<bool> inside_{false};
};

event numbered(std::size_t source, int number) {
    return {"t", "/threads", std::to_string(source) + ':' + std::to_string(number)};
}

/// Two services on a server of four lanes, clients of both, and what runs them.
struct place {
    explicit place(std::size_t history) {
        bus_options o;
        o.history.max_events = history;
        hub.emplace(*io, std::move(o));
        web.emplace(*io, http::server_options{.lanes = 4});
        websocket::service_options ws;
        ws.ping_interval = 10ms;
        web->mount("/ws", websocket::service(*hub, std::move(ws)));
        sse::service_options events;
        events.retry = 0ms;  // else clients wait for at least 500 ms
        events.heartbeat = 10ms;
        web->mount("/events", sse::service(*hub, std::move(events)));
        web->start();
        port = std::to_string(web->local_endpoint().port);
        for (auto& t : runners) t = std::thread([this] { io->run(); });
    }
    ~place() {
        clients.clear();
        web.reset();
        hub.reset();
        work.reset();
        join();
    }
    void join() {
        for (auto& t : runners)
            if (t.joinable()) t.join();
    }
    /// Clients that have a position: what they miss from then on is a gap.
    void connect(std::size_t pairs) {
        for (std::size_t i = 0; i < pairs; ++i) {
            add_websocket();
            add_sse();
        }
        hub->publish("a.b", numbered(2, 1));
        REQUIRE(noted.wait([&] { return all([](const witness& w) { return w.last[2] == 1; }); }));
    }
    void add_websocket() {
        websocket::client_options o;
        o.url = "ws://127.0.0.1:" + port + "/ws";
        o.topics = {"a.>"};
        o.after.emplace();
        o.reconnect = {.initial = 1ms, .max = 20ms};
        o.environment.network = &network;
        keep(websocket::client(*io, std::move(o), add_witness()));
    }
    void add_sse() {
        sse::client_options o;
        o.url = "http://127.0.0.1:" + port + "/events?after=";
        o.topics = {"a.>"};
        o.reconnect = {.initial = 1ms, .max = 20ms};
        o.environment.network = &network;
        keep(sse::client(*io, std::move(o), add_witness()));
    }
    template <class Client>
    void keep(Client made) {
        made.start();
        clients.push_back(std::make_shared<Client>(std::move(made)));
    }
    std::shared_ptr<witness> add_witness() {
        return witnesses.emplace_back(std::make_shared<witness>(noted));
    }
    template <class F>
    bool all(F f) const {
        return std::all_of(witnesses.begin(), witnesses.end(),
                           [&](const auto& w) { return f(*w); });
    }

    board noted;
    faulty_network network{
        [](std::size_t n) { return stream_faults{.reset_after_read = 2000 + n % 13 * 777}; }};
    std::optional<net::io_context> io{std::in_place};
    std::optional<bus> hub;
    std::optional<http::server> web;
    std::string port;
    std::vector<std::shared_ptr<witness>> witnesses;
    std::vector<std::shared_ptr<void>> clients;
    std::optional<net::executor_work_guard<net::io_context::executor_type>> work{
        net::make_work_guard(*io)};
    std::array<std::thread, 2> runners;
};

}  // namespace

TEST_CASE("Over cuts every client gets every event once and in order, or is told of a gap",
          "[websocket][sse][threads]") {
    constexpr int each = 600;
    const std::size_t history = GENERATE(100'000u, 60u);
    CAPTURE(history);
    place here(history);
    here.connect(3);
    std::atomic<bool> in_time{true};
    std::array<std::thread, 2> publishers;
    for (std::size_t p = 0; p < publishers.size(); ++p)
        publishers[p] = std::thread([&, p] {
            for (int n = 1; n <= each; ++n) {
                here.hub->publish("a.b", numbered(p, n));
                // So that the clients are cut while publishing goes on.
                const auto kept_up = [&] {
                    return here.all([&](const witness& w) { return w.has(p, n - 300); });
                };
                if (n % 10 == 0 && !here.noted.wait(kept_up)) in_time = false;
            }
        });
    for (auto& t : publishers) t.join();
    // One more, and again where a gap swallowed it.
    const auto ended = [&] { return here.all([](const witness& w) { return w.last[2] > 1; }); };
    for (int n = 2; in_time && !ended(); ++n) {
        here.hub->publish("a.b", numbered(2, n));
        in_time =
            here.noted.wait([&] { return here.all([](const witness& w) { return w.has(2, 2); }); });
    }
    REQUIRE(in_time);
    for (const auto& w : here.witnesses) {
        CHECK(w->wrong == 0);
        if (history > 60) CHECK(w->gaps == 0);
        if (w->gaps != 0) continue;
        CHECK(w->events >= 2 * each);
        CHECK(w->last[0] == each);
        CHECK(w->last[1] == each);
    }
    CHECK(here.network.connections() > (history > 60 ? 10 : 1) * here.witnesses.size());
}

TEST_CASE("Bus, server, clients and context may go in any order amid the traffic",
          "[websocket][sse][threads]") {
    std::array<int, 4> order{};
    std::iota(order.begin(), order.end(), 0);
    do {
        place here(1000);
        here.connect(1);
        const auto out = here.hub->as_subscriber();
        std::atomic<bool> stop{false};
        std::atomic<int> published{0};
        std::array<std::thread, 2> publishers;
        for (std::size_t p = 0; p < publishers.size(); ++p)
            publishers[p] = std::thread([&, p] {
                for (int n = 1; !stop; ++n) {
                    error_code ec;
                    out->deliver(publication::make("a.b", numbered(p, n), {}, ec));
                    ++published;
                    here.noted.changed();
                    std::this_thread::yield();
                }
            });
        const auto go_on = [&] {
            const int before = published;
            return here.noted.wait([&] { return published >= before + 20; });
        };
        CHECK(here.noted.wait(
            [&] { return here.all([](const witness& w) { return w.events >= 20; }); }));
        for (const int what : order) {
            if (what == 0) here.hub.reset();
            if (what == 1) here.web.reset();
            if (what == 2) here.clients.clear();
            if (what == 3) {
                here.work.reset();
                here.io->stop();
                here.join();
                here.io.reset();
            }
            CHECK(go_on());
        }
        stop = true;
        for (auto& t : publishers) t.join();
        CHECK(here.all([](const witness& w) { return w.wrong == 0; }));
    } while (std::next_permutation(order.begin(), order.end()));
}

}  // namespace tidings::test
