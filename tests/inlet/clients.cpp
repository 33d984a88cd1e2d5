// SPDX-License-Identifier: BSL-1.0
// What every client that comes back has in common: each case runs over all three of them.
#include "support/rest_bed.hpp"
#include "support/sse_client_bed.hpp"
#include "support/websocket_client_bed.hpp"

#include <tidings/rest/client.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <concepts>
#include <stdexcept>
#include <thread>

namespace tidings::test {

namespace {

/// A sink that does something with each event.
class acting_sink final : public subscriber {
 public:
    outcome deliver(const event_ptr& e) noexcept override {
        seen.emplace_back(e->text());
        if (act) act();
        return answer;
    }
    strings seen;
    std::function<void()> act;
    outcome answer = outcome::delivered;
};

std::string json_event(int n) {
    return cloud_event(std::to_string(n), "a.x", "e:" + std::to_string(n));
}

/// One kind of client, and what its server says.
struct sse_kind {
    using client = sse::client;
    static constexpr std::string_view scheme = "http";
    static sse::client_options options(http_bed& bed, std::string url) {
        sse::client_options o;
        o.url = std::move(url);
        o.topics = {"a.>"};
        o.environment = bed.environment();
        return o;
    }
    static void capture(sse::client_options& o, const std::shared_ptr<int>& p) {
        o.on_request = [p](http::fields&) {};
        o.on_refused = [p](const http::response&, bool again) { return again; };
        o.on_message = [p](const sse_message&) { return false; };
        o.on_comment = [p](const std::string&) {};
        o.on_retry = [p](std::chrono::milliseconds) {};
        o.on_state = [p](auto&&...) {};
        o.topic = topic_rule::function([p](const event&) { return "a"; });
        o.log = [p](const log_record&) {};
    }
    static std::string open_with(std::string_view, int events) {
        auto text = std::string(stream_header);
        for (int i = 1; i <= events; ++i)
            text += "id: e:" + std::to_string(i) + "\ndata: " + json_event(i) + "\n\n";
        return text;
    }
};

struct websocket_kind {
    using client = websocket::client;
    static constexpr std::string_view scheme = "ws";
    static websocket::client_options options(http_bed& bed, std::string url) {
        websocket::client_options o;
        o.url = std::move(url);
        o.topics = {"a.>"};
        o.environment = bed.environment();
        return o;
    }
    static void capture(websocket::client_options& o, const std::shared_ptr<int>& p) {
        o.on_request = [p](http::fields&) {};
        o.on_refused = [p](const http::response&, bool again) { return again; };
        o.on_state = [p](auto&&...) {};
        o.hooks.on_open = [p](const auto&) {};
        o.hooks.on_message = [p](const auto&, const auto&) { return false; };
        o.hooks.on_ping = [p](const auto&, auto) {};
        o.hooks.on_pong = [p](const auto&, auto) {};
        o.hooks.on_close = [p](const auto&, const auto&) {};
        o.topic = topic_rule::function([p](const event&) { return "a"; });
        o.log = [p](const log_record&) {};
    }
    static std::string open_with(std::string_view request, int events) {
        auto text = upgrade_answer(request);
        for (int i = 1; i <= events; ++i) text += server_text(json_event(i));
        return text;
    }
};

struct rest_kind {
    using client = rest::client;
    static constexpr std::string_view scheme = "http";
    static rest::client_options options(http_bed& bed, std::string url) {
        rest::client_options o;
        o.url = std::move(url);
        o.topics = {"a.>"};
        o.environment = bed.environment();
        return o;
    }
    static void capture(rest::client_options& o, const std::shared_ptr<int>& p) {
        o.on_error = [p](auto&&...) {};
        o.topic = topic_rule::function([p](const event&) { return "a"; });
    }
    static std::string open_with(std::string_view, int events) {
        std::string body;
        for (int i = 1; i <= events; ++i) body += (body.empty() ? "[" : ",") + json_event(i);
        if (body.empty()) body = "[";
        body += "]";
        return "HTTP/1.1 200 OK\r\nTidings-Position: e:9\r\nContent-Length: " +
               std::to_string(body.size()) + "\r\n\r\n" + body;
    }
};

std::string position_of(const sse::client& c) {
    return c.last_event_id();
}
std::string position_of(const websocket::client& c) {
    return c.last_position().text();
}
std::string position_of(const rest::client& c) {
    return c.last_position().value_or(position()).text();
}

template <class Kind>
std::string url_for() {
    return std::string(Kind::scheme) + "://127.0.0.1/topics";
}

template <class F>
void for_each_client(F f) {
    SECTION("sse") {
        f(sse_kind());
    }
    SECTION("websocket") {
        f(websocket_kind());
    }
    SECTION("rest") {
        f(rest_kind());
    }
}

const std::string refusal = "HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n";

}  // namespace

TEST_CASE("a fragment in a client's URL is refused at construction", "[inlet][fault-27]") {
    for_each_client([](auto kind) {
        using kind_t = decltype(kind);
        http_bed bed;
        const auto sink = std::make_shared<acting_sink>();
        auto o = kind_t::options(bed, url_for<kind_t>() + "#?topic=b");
        CHECK_THROWS_AS(typename kind_t::client(bed.io(), o, sink), std::invalid_argument);
    });
}

TEST_CASE("a client is made of a context as of an executor, with a sink and without", "[inlet]") {
    for_each_client([](auto kind) {
        using client = typename decltype(kind)::client;
        using options = decltype(decltype(kind)::options(std::declval<http_bed&>(), ""));
        CHECK(std::constructible_from<client, net::any_io_executor, options>);
        CHECK(std::constructible_from<client, net::any_io_executor, options, any_subscriber>);
        CHECK(std::constructible_from<client, net::io_context&, options>);
        CHECK(std::constructible_from<client, net::io_context&, options, any_subscriber>);
    });
}

TEST_CASE("after stop inside a handler nothing of the same read reaches the sink",
          "[inlet][fault-2]") {
    const bool destroyed = GENERATE(true, false);
    CAPTURE(destroyed);
    for_each_client([destroyed](auto kind) {
        using kind_t = decltype(kind);
        http_bed bed;
        raw_listener server(bed);
        const auto sink = std::make_shared<acting_sink>();
        std::optional<typename kind_t::client> client;
        sink->act = [&] {
            if (!client) return;
            if (destroyed)
                client.reset();
            else
                client->stop();
        };
        client.emplace(bed.io(), kind_t::options(bed, url_for<kind_t>()), sink);
        client->start();
        bed.run();
        REQUIRE(server.peers.size() == 1);
        auto& peer = *server.peers.front();
        peer.send(kind_t::open_with(peer.received(), 4));
        bed.advance(1min);
        CHECK(sink->seen == strings{"1"});
        peer.close();
        bed.run();
        client.reset();
    });
}

TEST_CASE("what a client's callbacks captured is released when it has ended", "[inlet][fault-22]") {
    const std::string end = GENERATE("stopped", "refused", "destroyed", "stopped from inside");
    CAPTURE(end);
    for_each_client([&end](auto kind) {
        using kind_t = decltype(kind);
        http_bed bed;
        raw_listener server(bed);
        auto captured = std::make_shared<int>(7);
        const std::weak_ptr<int> watch = captured;
        auto sink = std::make_shared<acting_sink>();
        std::optional<typename kind_t::client> client;
        sink->act = [&client, &end, captured] {
            if (end == "stopped from inside") client->stop();
        };
        auto o = kind_t::options(bed, url_for<kind_t>());
        kind_t::capture(o, captured);
        captured.reset();
        client.emplace(bed.io(), std::move(o), std::move(sink));
        client->start();
        bed.run();
        REQUIRE(server.peers.size() == 1);
        auto& peer = *server.peers.front();
        peer.send(end == "refused" ? refusal : kind_t::open_with(peer.received(), 2));
        bed.run();
        if (end == "stopped") client->stop();
        if (end == "destroyed") client.reset();
        bed.run();
        peer.close();
        bed.advance(1min);
        CHECK(watch.expired());
        CHECK(server.peers.size() == 1);
    });
}

TEST_CASE("a client that was moved from answers closed and gives defaults", "[inlet][fault-11]") {
    error_code ec;
    const auto e = publication::make("a.x", event("t", "/s"), {}, ec);
    SECTION("sse") {
        http_bed bed;
        sse::client client(bed.io().get_executor(), sse_kind::options(bed, "http://127.0.0.1/"));
        client.start();
        const auto other = std::move(client);
        client.stop();
        CHECK(client.state() == connection_state::stopped);
        CHECK(client.last_event_id().empty());
    }
    SECTION("websocket") {
        http_bed bed;
        websocket::client client(bed.io().get_executor(),
                                 websocket_kind::options(bed, "ws://127.0.0.1/"));
        client.start();
        const auto other = std::move(client);
        client.stop();
        CHECK(client.last_position().empty());
        CHECK_FALSE(client.connection());
        REQUIRE(client.as_subscriber());
        CHECK(client.as_subscriber()->deliver(e) == outcome::closed);
    }
    SECTION("rest") {
        http_bed bed;
        rest::client client(bed.io(), rest_kind::options(bed, "http://127.0.0.1/"));
        client.start();
        const auto other = std::move(client);
        client.stop();
        CHECK_FALSE(client.last_position());
        CHECK(client.counters().sent == 0);
        REQUIRE(client.as_subscriber());
        CHECK(client.as_subscriber()->deliver(e) == outcome::closed);
        std::optional<error_code> published;
        client.async_publish("a", event("t", "/s"),
                             net::bind_executor(bed.io(), [&](error_code why, const receipt& r) {
                                 CHECK(r.error == why);
                                 published = why;
                             }));
        CHECK_FALSE(published);
        bed.run();
        REQUIRE(published);
        CHECK(*published == errc::closed);
    }
}

TEST_CASE("a client may be moved into one that was moved from", "[inlet][fault-11]") {
    for_each_client([](auto kind) {
        using kind_t = decltype(kind);
        http_bed bed;
        const auto sink = std::make_shared<acting_sink>();
        typename kind_t::client one(bed.io(), kind_t::options(bed, url_for<kind_t>()), sink);
        one.start();
        auto two = std::move(one);
        one = std::move(two);
        two.stop();
        two = std::move(one);
        two = std::move(two);  // NOLINT
    });
}

TEST_CASE("the largest event that is accepted reaches every client", "[inlet][fault-1]") {
    const char filling = GENERATE('"', '\n', '\x01');
    CAPTURE(filling);
    http_bed bed;
    bed.sim().set_link({.buffer_bytes = 1U << 20});
    bus hub(bed.io(), {.history = {.max_events = 100}, .clock = &bed.clock});
    auto server = bed.server();
    server.mount("/topics", rest::service(hub));
    server.mount("/events", sse::service(hub));
    server.mount("/ws", websocket::service(hub));
    server.start();
    const auto by_sse = std::make_shared<recorder>();
    const auto by_websocket = std::make_shared<recorder>();
    const auto by_rest = std::make_shared<recorder>();
    sse::client one(bed.io(), sse_kind::options(bed, "http://127.0.0.1/events"), by_sse);
    one.start();
    websocket::client two(bed.io(), websocket_kind::options(bed, "ws://127.0.0.1/ws"),
                          by_websocket);
    two.start();
    rest::client three(bed.io(), rest_kind::options(bed, "http://127.0.0.1/topics"), by_rest);
    three.start();
    bed.run();
    const std::string data(rest::service_options().max_body_bytes, filling);
    http::client poster(bed.io(), {.environment = bed.environment()});
    unsigned status = 0;
    poster.async_request(
        "http://127.0.0.1/topics/a.x",
        {.method = "POST", .fields = {{"Content-Type", "text/plain"}}, .body = data},
        [&](error_code, const http::response& r) { status = r.status; });
    bed.run();
    CHECK(status == 202);
    for (const auto& seen : {by_sse, by_websocket, by_rest}) {
        REQUIRE(seen->count() == 1);
        CHECK(seen->events()[0]->text() == data);
        seen->clear();
    }
}

TEST_CASE("a retry or an event at each stream's start does not reset the backoff",
          "[inlet][fault-3]") {
    const std::string hint = GENERATE("retry: 0\n\n", "retry: 1\n\n", "data: x\n\n");
    CAPTURE(hint);
    sse_client_bed bed;
    bed.start();
    std::size_t streams = 0;
    for (auto past = 0ms; past < 60s; past += 20ms, bed.advance(20ms)) {
        if (streams == bed.server.peers.size()) continue;
        streams = bed.server.peers.size();
        bed.open(hint);
        bed.cut();
    }
    CHECK(streams <= 10);
    bed.seen->clear();
}

TEST_CASE("a client runs once, and its run completes with why it ended", "[inlet]") {
    const std::string end = GENERATE("stopped", "refused", "destroyed", "cancelled", "before");
    CAPTURE(end);
    for_each_client([&end](auto kind) {
        using kind_t = decltype(kind);
        http_bed bed;
        raw_listener server(bed);
        const auto sink = std::make_shared<acting_sink>();
        std::optional<typename kind_t::client> client(
            std::in_place, bed.io(), kind_t::options(bed, url_for<kind_t>()), sink);
        bed.run();
        CHECK(server.peers.empty());  // a constructor starts nothing
        if (end == "before") client->stop();
        net::cancellation_signal signal;
        std::vector<error_code> ended;
        const auto note = [&](error_code why) { ended.push_back(why); };
        client->async_run(
            net::bind_cancellation_slot(signal.slot(), net::bind_executor(bed.io(), note)));
        CHECK(ended.empty());
        bed.run();
        if (end == "before") {
            CHECK(ended == std::vector<error_code>{errc::closed});
            CHECK(server.peers.empty());
            return;
        }
        REQUIRE(server.peers.size() == 1);
        std::optional<error_code> second;
        client->async_run(net::bind_executor(bed.io(), [&](error_code why) { second = why; }));
        bed.run();
        CHECK(second == error_code(errc::already_running));
        auto& peer = *server.peers.front();
        peer.send(end == "refused" ? refusal : kind_t::open_with(peer.received(), 1));
        bed.run();
        CHECK(sink->seen.size() == (end == "refused" ? 0 : 1));
        CHECK(ended.size() == (end == "refused" ? 1 : 0));
        if (end == "stopped") client->stop();
        if (end == "destroyed") client.reset();
        if (end == "cancelled") {
            signal.emit(net::cancellation_type::partial);
            bed.run();
            CHECK(ended.empty());
            signal.emit(net::cancellation_type::terminal);
        }
        bed.run();
        peer.close();
        bed.advance(1min);
        REQUIRE(ended.size() == 1);
        CHECK(ended[0]);
        if (end == "destroyed") CHECK(ended[0] == errc::closed);
        if (end == "cancelled") CHECK(ended[0] == net::error::operation_aborted);
        CHECK(server.peers.size() == 1);
    });
}

TEST_CASE("a client whose sink is closed ends, and keeps the place of what was refused",
          "[inlet]") {
    for_each_client([](auto kind) {
        using kind_t = decltype(kind);
        http_bed bed;
        raw_listener server(bed);
        const auto sink = std::make_shared<acting_sink>();
        sink->act = [s = sink.get()] {
            if (s->seen.size() == 2) s->answer = outcome::closed;
        };
        typename kind_t::client client(bed.io(), kind_t::options(bed, url_for<kind_t>()), sink);
        std::vector<error_code> ended;
        client.async_run(
            net::bind_executor(bed.io(), [&](error_code why) { ended.push_back(why); }));
        bed.run();
        auto& peer = *server.peers.back();
        peer.send(kind_t::open_with(peer.received(), 3));
        bed.run();
        peer.close();
        bed.advance(1min);
        CHECK(sink->seen == strings{"1", "2"});
        CHECK(position_of(client) == "e:1");
        CHECK(ended == std::vector<error_code>{errc::closed});
        CHECK(server.peers.size() == 1);
    });
}

TEST_CASE("an event for which there was no memory comes again", "[inlet]") {
    for_each_client([](auto kind) {
        using kind_t = decltype(kind);
        http_bed bed;
        raw_listener server(bed);
        const auto sink = std::make_shared<acting_sink>();
        auto o = kind_t::options(bed, url_for<kind_t>());
        o.topic = topic_rule::function([n = 0](const event&) mutable -> std::string {
            if (++n == 2) throw std::bad_alloc();
            return "a.x";
        });
        typename kind_t::client client(bed.io(), std::move(o), sink);
        client.start();
        bed.run();
        auto& peer = *server.peers.back();
        peer.send(kind_t::open_with(peer.received(), 3));
        bed.run();
        CHECK(sink->seen == strings{"1"});
        CHECK(position_of(client) == "e:1");
        peer.close();
        bed.advance(1min);
        CHECK(server.peers.size() == 2);
        CHECK(server.peers.back()->received().find("e:1") +
                  server.peers.back()->received().find("e%3A1") !=
              2 * std::string::npos);
        client.stop();
        bed.run();
    });
}

TEST_CASE("a run's signal may outlive the context and the client", "[inlet]") {
    for_each_client([](auto kind) {
        using kind_t = decltype(kind);
        net::cancellation_signal signal;
        {
            http_bed bed;
            std::optional<raw_listener> server(std::in_place, bed);
            typename kind_t::client client(bed.io(), kind_t::options(bed, url_for<kind_t>()),
                                           std::make_shared<acting_sink>());
            client.async_run(
                net::bind_cancellation_slot(signal.slot(), [](error_code) { FAIL("completed"); }));
            bed.run();
            server.reset();
            bed.destroy_context();
            signal.emit(net::cancellation_type::terminal);
        }
        signal.emit(net::cancellation_type::terminal);
    });
}

TEST_CASE("a stop in a client's last callback does not hide why it ended", "[inlet]") {
    for_each_client([](auto kind) {
        using kind_t = decltype(kind);
        http_bed bed;
        raw_listener server(bed);
        std::optional<typename kind_t::client> client;
        const bool destroyed = GENERATE(false, true);
        auto o = kind_t::options(bed, url_for<kind_t>());
        const auto leave = [&client, destroyed] { destroyed ? client.reset() : client->stop(); };
        if constexpr (requires { o.on_error; })
            o.on_error = [leave](error_code, bool, auto&&) { leave(); };
        else
            o.on_state = [leave](connection_state s, auto&&...) {
                if (s == connection_state::stopped) leave();
            };
        client.emplace(bed.io(), std::move(o), std::make_shared<acting_sink>());
        std::vector<error_code> ended;
        client->async_run(
            net::bind_executor(bed.io(), [&](error_code why) { ended.push_back(why); }));
        bed.run();
        server.peers.back()->send(refusal);
        bed.run();
        REQUIRE(ended.size() == 1);
        CHECK(ended[0] != errc::closed);
    });
}

TEST_CASE("a stop in the lane holds at once, also after one from another thread", "[inlet]") {
    for_each_client([](auto kind) {
        using kind_t = decltype(kind);
        http_bed bed;
        raw_listener server(bed);
        const auto sink = std::make_shared<acting_sink>();
        typename kind_t::client client(bed.io(), kind_t::options(bed, url_for<kind_t>()), sink);
        sink->act = [&] {
            std::thread([&] { client.stop(); }).join();
            client.stop();
        };
        client.start();
        bed.run();
        auto& peer = *server.peers.back();
        peer.send(kind_t::open_with(peer.received(), 3));
        bed.run();
        CHECK(sink->seen == strings{"1"});
        peer.close();
        bed.advance(1min);
    });
}

TEST_CASE("a restart leaves the connection and begins anew from where the client was", "[inlet]") {
    for_each_client([](auto kind) {
        using kind_t = decltype(kind);
        http_bed bed;
        raw_listener server(bed);
        const auto sink = std::make_shared<acting_sink>();
        typename kind_t::client client(bed.io(), kind_t::options(bed, url_for<kind_t>()), sink);
        std::vector<error_code> ended;
        client.async_run(
            net::bind_executor(bed.io(), [&](error_code why) { ended.push_back(why); }));
        bed.run();
        server.peers.back()->send(kind_t::open_with(server.peers.back()->received(), 2));
        bed.run();
        CHECK(sink->seen == strings{"1", "2"});
        client.restart();
        bed.run();
        REQUIRE(server.peers.size() == 2);
        if constexpr (std::is_same_v<kind_t, rest_kind>) CHECK_FALSE(server.peers[0]->open());
        server.peers.back()->send(kind_t::open_with(server.peers.back()->received(), 1));
        bed.run();
        CHECK(sink->seen == strings{"1", "2", "1"});
        CHECK(ended.empty());
        client.stop();
        for (const auto& p : server.peers) p->close();
        bed.advance(1min);
        CHECK(ended.size() == 1);
        client.restart();
        client.start();
        bed.advance(1min);
        CHECK(server.peers.size() == 2);
    });
}

TEST_CASE("a run that is under way when the context goes is released with what it holds",
          "[inlet]") {
    for_each_client([](auto kind) {
        using kind_t = decltype(kind);
        const auto held = std::make_shared<int>(7);
        {
            http_bed bed;
            std::optional<raw_listener> server(std::in_place, bed);
            const auto sink = std::make_shared<acting_sink>();
            const auto client = std::make_shared<typename kind_t::client>(
                bed.io(), kind_t::options(bed, url_for<kind_t>()), sink);
            client->async_run(
                net::bind_executor(bed.io(), [client, held](error_code) { FAIL("completed"); }));
            bed.run();
            server.reset();
            bed.destroy_context();
        }
        CHECK(held.use_count() == 1);
    });
}

TEST_CASE("a function may be the sink", "[inlet]") {
    for_each_client([](auto kind) {
        using kind_t = decltype(kind);
        http_bed bed;
        raw_listener server(bed);
        strings seen;
        typename kind_t::client client(bed.io(), kind_t::options(bed, url_for<kind_t>()),
                                       [&](const event_ptr& e) { seen.emplace_back(e->text()); });
        client.start();
        bed.run();
        server.peers.back()->send(kind_t::open_with(server.peers.back()->received(), 2));
        bed.run();
        CHECK(seen == strings{"1", "2"});
    });
}

TEST_CASE("a drain ends a client's run, and nothing that comes meanwhile is handed on",
          "[inlet][drain]") {
    for_each_client([](auto kind) {
        using kind_t = decltype(kind);
        http_bed bed;
        raw_listener server(bed);
        const auto sink = std::make_shared<acting_sink>();
        std::optional<typename kind_t::client> client(
            std::in_place, bed.io(), kind_t::options(bed, url_for<kind_t>()), sink);
        std::vector<error_code> ended, drained;
        client->async_run(
            net::bind_executor(bed.io(), [&](error_code why) { ended.push_back(why); }));
        bed.run();
        REQUIRE(server.peers.size() == 1);
        auto& peer = *server.peers.front();
        peer.send(kind_t::open_with(peer.received(), 1));
        bed.run();
        CHECK(sink->seen == strings{"1"});
        for (int i = 0; i < 2; ++i)
            client->async_drain(
                net::bind_executor(bed.io(), [&](error_code why) { drained.push_back(why); }));
        CHECK(drained.empty());
        bed.run();
        if (std::is_same_v<kind_t, websocket_kind>) {
            CHECK(drained.empty());  // the peer has not closed
            peer.send(server_text(json_event(2)) + server_close(1000));
            bed.run();
        }
        peer.close();
        bed.advance(1min);
        CHECK(drained == std::vector<error_code>(2));
        CHECK(ended.size() == 1);
        CHECK(sink->seen == strings{"1"});
        CHECK(server.peers.size() <= 2);  // the poll that followed the first answer
        drained.clear();
        client->async_drain(
            net::bind_executor(bed.io(), [&](error_code why) { drained.push_back(why); }));
        bed.run();
        CHECK(drained == std::vector<error_code>(1));
        const auto other = std::move(*client);
        CHECK_FALSE(client->drain_state());
        client->async_drain(
            net::bind_executor(bed.io(), [&](error_code why) { drained.push_back(why); }));
        bed.run();
        CHECK(drained.back() == errc::closed);
    });
}

TEST_CASE("a drain of a client sends what its outlet has taken", "[inlet][drain]") {
    http_bed bed;
    bus hub(bed.io(), {.history = {.max_events = 100}, .clock = &bed.clock});
    const auto seen = std::make_shared<recorder>();
    const auto watch = hub.subscribe(">", seen);
    auto server = bed.server();
    server.mount("/topics", rest::service(hub));
    server.mount("/ws", websocket::service(hub, {.authorizer = allow_all()}));
    server.start();
    const auto drain = [&](auto& client) {
        error_code ec;
        const auto outlet = client.as_subscriber();
        for (int i = 0; i < 3; ++i) {
            const auto e = publication::make("b.x", event("t", "/s", std::to_string(i)), {}, ec);
            CHECK(outlet->deliver(e) == outcome::queued);
        }
        std::optional<error_code> drained;
        client.async_drain(net::bind_executor(bed.io(), [&](error_code why) { drained = why; }));
        bed.run();
        CHECK(drained == error_code());
        CHECK(seen->count() == 3);
        const auto late = publication::make("b.x", event("t", "/s", "late"), {}, ec);
        CHECK(outlet->deliver(late) == outcome::closed);
    };
    SECTION("websocket") {
        websocket::client client(bed.io(), websocket_kind::options(bed, "ws://127.0.0.1/ws"),
                                 std::make_shared<acting_sink>());
        client.start();
        bed.run();
        drain(client);
    }
    SECTION("rest") {
        rest::client client(bed.io(), rest_kind::options(bed, "http://127.0.0.1/topics"));
        std::optional<error_code> published;
        client.async_publish(
            "a.x", event("t", "/s"),
            net::bind_executor(bed.io(), [&](error_code why, const receipt&) { published = why; }));
        bed.run();
        seen->clear();
        drain(client);
        CHECK(published == error_code());
    }
}

TEST_CASE("a drain of a REST client ends after request_timeout, or by stop, and says so",
          "[inlet][drain]") {
    const bool stopped = GENERATE(true, false);
    http_bed bed;
    raw_listener server(bed);  // never answers
    rest::client client(bed.io(), rest_kind::options(bed, url_for<rest_kind>()));
    std::optional<error_code> drained;
    error_code ec;
    const auto e = publication::make("b", event("t", "/s"), {}, ec);
    CHECK(client.as_subscriber()->deliver(e) == outcome::queued);
    bed.advance(5s);
    client.async_drain(net::bind_executor(bed.io(), [&](error_code why) { drained = why; }));
    bed.advance(29s);
    CHECK_FALSE(drained);
    CHECK(client.as_subscriber()->deliver(e) == outcome::closed);
    if (stopped) {
        client.stop();
        bed.run();
    } else {
        bed.advance(2s);
    }
    CHECK(drained == error_code(stopped ? errc::closed : errc::timed_out));
}

}  // namespace tidings::test
