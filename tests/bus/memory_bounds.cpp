// SPDX-License-Identifier: BSL-1.0
// What each bound in bytes comes to in memory: the process grows by no more than a quarter over it,
// and 64 MiB for everything else, while 120 MB of events pass.
#include "support/growth.hpp"
#include "support/quiet_network.hpp"
#include "support/resume_bed.hpp"

#include <tidings/codec/cloudevents_json.hpp>
#include <tidings/http/server.hpp>
#include <tidings/inlet/impl/recent_ids.hpp>
#include <tidings/lane/impl/send_queue.hpp>
#include <tidings/rest/service.hpp>

#include <algorithm>

namespace tidings::test {

namespace {

constexpr std::size_t bound = 16 * mebibyte;
constexpr int count = 60;
constexpr std::size_t size = 2'000'000;

/// Each byte of it takes six in JSON.
event large() {
    return made(std::string(size, '\x01'));
}

/// A connection whose peer never reads.
class deaf_stream final : public io::stream {
 public:
    explicit deaf_stream(net::io_context& io) : io_(io) {}
    net::any_io_executor executor() const noexcept override { return io_.get_executor(); }
    void start_handshake(io::ready_callback) override {}
    void start_read(std::span<std::byte>, io::read_callback) override {}
    void start_write(std::span<const std::byte>, io::read_callback) override {}
    void start_wait(io::wait_for, io::ready_callback) override {}
    bool can_poll() const noexcept override { return true; }
    std::size_t try_read(std::span<std::byte>, error_code& ec) noexcept override {
        ec = net::error::would_block;
        return 0;
    }
    std::size_t try_write(std::span<const std::byte>, error_code& ec) noexcept override {
        ec = net::error::would_block;
        return 0;
    }
    void start_shutdown(io::ready_callback) override {}
    void close() noexcept override {}
    std::string remote_address() const override { return "192.0.2.1"; }
    bool remote_is_loopback() const noexcept override { return false; }

 private:
    net::io_context& io_;
};

using form_maker = wire_form (*)(const publication&, error_code&) noexcept;

/// A stream to such a peer, with one of the forms that streams send.
class stalled_reader final : public detail::feed_sink {
 public:
    stalled_reader(bus& hub, net::io_context& io, form_maker form)
        : stream_(io),
          queue_(std::make_shared<detail::send_queue>(hub.state()->home(), stream_,
                                                      std::chrono::hours(1))),
          form_(form) {}
    ~stalled_reader() override { queue_->close(); }
    bool ready() noexcept override { return queue_->ready(); }
    void push(const event_ptr& e) noexcept override {
        error_code ec;
        if (auto form = form_(*e, ec)) queue_->append(std::move(form));
    }
    void on_feed_end(error_code) noexcept override {}

 private:
    deaf_stream stream_;
    const std::shared_ptr<detail::send_queue> queue_;
    form_maker form_;
};

struct bounds_bed : context_fixture {
    explicit bounds_bed(bus_options o) {
        o.clock = &clock();
        hub.emplace(io(), std::move(o));
    }
    ~bounds_bed() { hub.reset(); }
    std::optional<bus> hub;
};

}  // namespace

TEST_CASE("a history and the forms of its readers stay within their two bounds", "[memory]") {
    bounds_bed f(
        {.history = {.max_events = 1'000'000, .max_bytes = bound}, .max_form_bytes = bound});
    const form_maker forms[] = {cloudevents_json, cloudevents_json_without_cr,
                                cloudevents_json_line};
    std::vector<std::shared_ptr<stalled_reader>> stalled;
    std::vector<std::shared_ptr<detail::feed>> feeds;
    for (const auto form : forms) {
        stalled.push_back(std::make_shared<stalled_reader>(*f.hub, f.io(), form));
        feeds.push_back(std::make_shared<detail::feed>(f.hub->state(), f.hub->state()->home(),
                                                       stalled.back(),
                                                       detail::feed_options{.patterns = {">"}}));
        REQUIRE_FALSE(feeds.back()->start());
    }
    const auto reads_all = f.hub->subscribe(">", immediate, [&](const event_ptr& e) {
        error_code ec;
        CHECK(cloudevents_json(*e, ec));
    });
    growth g;
    for (int i = 0; i < count; ++i) {
        CHECK_FALSE(f.hub->publish("a", large()).error);
        f.run();
        g.look();
    }
    g.check(2 * bound);
    for (const auto& each : feeds) each->stop();
}

TEST_CASE("ids count where a history keeps their events", "[memory]") {
    bounds_bed f({.history = {.max_events = 1'000'000, .max_bytes = bound}});
    growth g;
    for (int i = 0; i < count; ++i) {
        f.hub->publish("a", made("").id(std::to_string(i) + std::string(size, 'x')));
        g.look();
    }
    g.check(bound);
}

TEST_CASE("ids that are remembered stay within their bound, however long they are", "[memory]") {
    detail::recent_ids ids(bound);
    growth g;
    for (int i = 0; i < count; ++i) {
        const auto id = std::to_string(i) + std::string(size, 'x');
        ids.begin(id);
        ids.accept(id);
        g.look();
    }
    g.check(0);
}

TEST_CASE("the queue of a receiver stays within its bound", "[memory]") {
    const auto policy = GENERATE(overflow::drop_oldest, overflow::drop_newest, overflow::conflate);
    bounds_bed f({});
    auto r = f.hub->receive(
        ">", {.limits = {.max_bytes = bound, .max_events = 1'000'000}, .overflow = policy});
    growth g;
    for (int i = 0; i < count; ++i) {
        f.hub->publish("t." + std::to_string(i), large());
        g.look();
    }
    g.check(bound);
    CHECK(r.counters().dropped > count / 2);
}

TEST_CASE("what callbacks of an executor that does not run wait for stays within their bounds",
          "[memory]") {
    bounds_bed f({});
    net::io_context hung;
    const auto one =
        f.hub->subscribe(">", net::bind_executor(hung.get_executor(), [](const event_ptr&) {}),
                         {.limits = {.max_bytes = bound, .max_events = 1'000'000}});
    growth g;
    for (int i = 0; i < count; ++i) {
        f.hub->publish("a", large());
        g.look();
    }
    g.check(bound);
    CHECK(one.counters().dropped > count / 2);
}

TEST_CASE("what the members of a queue group wait for stays within their bounds", "[memory]") {
    bounds_bed f({});
    const subscribe_options o{.limits = {.max_bytes = bound, .max_events = 1'000'000},
                              .group = "workers"};
    auto one = f.hub->receive(">", o);
    auto two = f.hub->receive(">", o);
    growth g;
    for (int i = 0; i < count; ++i) {
        f.hub->publish("a", large());
        f.run();
        g.look();
    }
    g.check(2 * bound);
    CHECK(one.counters().dropped + two.counters().dropped > count / 2);
}

TEST_CASE("the requests that wait for a responder stay within its bound", "[memory]") {
    int refused = 0;  // those that wait are over with the bed
    bounds_bed f({});
    net::io_context hung;
    const auto r = f.hub->respond(
        "a", net::bind_executor(hung.get_executor(), [](const event_ptr&) { return made(""); }),
        {.limits = {.max_bytes = bound, .max_events = 1'000'000}});
    growth g;
    for (int i = 0; i < count; ++i) {
        f.hub->async_request(
            "a", large(), std::chrono::hours(1),
            [&](error_code ec, const event_ptr&) { refused += ec == errc::overflow; });
        f.run();
        g.look();
    }
    g.check(bound);
    CHECK(refused > count / 2);
}

TEST_CASE("what a bus retains stays within its bound", "[memory]") {
    bounds_bed f({.retained = {{.pattern = ">", .max_topics = 1'000'000, .max_bytes = bound}}});
    growth g;
    for (int i = 0; i < count; ++i) {
        f.hub->publish("t." + std::to_string(i), large());
        g.look();
    }
    g.check(bound);
    CHECK(f.hub->retained().topics > 0);
}

TEST_CASE("what a stream waits to send and no history holds stays within its bound", "[memory]") {
    bounds_bed f({});
    const auto reader = std::make_shared<stalled_reader>(*f.hub, f.io(), cloudevents_json);
    const auto feed = std::make_shared<detail::feed>(
        f.hub->state(), f.hub->state()->home(), reader,
        detail::feed_options{.patterns = {">"},
                             .limits = {.max_bytes = bound, .max_events = 1'000'000},
                             .overflow = overflow::drop_oldest});
    REQUIRE_FALSE(feed->start());
    growth g;
    for (int i = 0; i < count; ++i) {
        f.hub->publish("a", large());
        f.run();
        g.look();
    }
    g.check(bound);
    feed->stop();
}

TEST_CASE("what a conflating stream collects stays within its bound", "[memory]") {
    bounds_bed f({.history = {.max_events = 1'000'000, .max_bytes = bound}});
    const auto sink = std::make_shared<slow_sink>();
    sink->room = 1;
    const auto feed = std::make_shared<detail::feed>(
        f.hub->state(), f.hub->state()->home(), sink,
        detail::feed_options{.patterns = {">"},
                             .limits = {.max_bytes = bound, .max_events = 1'000'000},
                             .overflow = overflow::conflate});
    REQUIRE_FALSE(feed->start());
    growth g;
    for (int i = 0; i < count; ++i) {
        f.hub->publish("t." + std::to_string(i), large());
        if (i == 20) sink->room = 1;  // reads, and then stays full
        feed->pump();
        f.run();
        g.look();
        sink->seen.clear();
    }
    g.check(2 * bound);  // its own, beside that of the history
    feed->stop();
}

TEST_CASE("what waits for a lane's turn stays within the bound of the inbox", "[memory]") {
    bounds_bed f({.inbox = {.max_bytes = bound, .max_events = 1'000'000}});
    const auto s = f.hub->subscribe(">", std::make_shared<recording_subscriber>());
    growth g;
    for (int i = 0; i < count; ++i) {
        f.hub->publish("a", large());
        g.look();
    }
    g.check(bound);
}

TEST_CASE("the answers that pollers do not read stay within the server's bound", "[memory]") {
    constexpr std::size_t pollers = 100;
    bounds_bed f({.history = {.max_events = 1}});
    quiet_network network;
    http::server web(f.io(), {.max_connections_per_address = pollers,
                              .max_buffered_bytes = bound,
                              .environment = {.network = &network, .clock = &f.clock()}});
    web.mount("/topics", rest::service(*f.hub));
    web.start();
    f.run();
    f.hub->publish("a", made(std::string(size / 6, '\x01')));
    std::vector<std::shared_ptr<quiet_peer>> peers;
    growth g;
    for (std::size_t i = 0; i < pollers; ++i) {
        peers.push_back(
            network.connect("GET /topics/a?after= HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"));
        peers.back()->text.reserve(64);
        peers.back()->room = 12;  // "HTTP/1.1 200"
        f.run();
        g.look();
    }
    g.check(bound);
    const auto answered = [&](std::string_view head) {
        return std::count_if(peers.begin(), peers.end(),
                             [&](const auto& p) { return p->text == head; });
    };
    CHECK(answered("HTTP/1.1 200") > 0);
    CHECK(answered("HTTP/1.1 503") > std::ptrdiff_t(pollers / 2));
}

}  // namespace tidings::test
