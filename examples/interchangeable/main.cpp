// SPDX-License-Identifier: BSL-1.0
// One program, any transport: the same events go from a publishing bus to a receiving one. What
// differs between transports is one function each, and inside it one line that matters. Each
// publishes when its way is open: at once, but for a REST hook, which has to be subscribed first.
#include <tidings/tidings.hpp>

#include <boost/asio/steady_timer.hpp>

#include <functional>
#include <iostream>
#include <map>

namespace net = boost::asio;

namespace {

struct program {
    net::io_context io{};
    tidings::bus here{io, {.history = {.max_events = 1000}}};
    tidings::bus there{io};
    tidings::http::server server{io};
    std::vector<std::shared_ptr<void>> alive{};

    std::string url(std::string scheme, std::string path) const {
        return scheme + "://127.0.0.1:" + std::to_string(server.local_endpoint().port) + path;
    }
    template <class T>
    T& keep(T thing) {
        auto kept = std::make_shared<T>(std::move(thing));
        alive.push_back(kept);
        return *kept;
    }
    void publish() {
        for (int n = 1; n <= 3; ++n) {
            tidings::event e{"com.acme.order.created", "/shop", {{"total", 10 * n}}};
            e.id("order-" + std::to_string(n));
            here.publish("orders." + std::to_string(n) + ".created", std::move(e));
        }
    }
};

constexpr const char* secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

void use_bus(program& p) {
    p.keep(p.here.subscribe(">", p.there));
    p.publish();
}

void use_websocket(program& p) {
    p.server.mount("/ws", tidings::websocket::service{p.here});
    tidings::websocket::client_options o{.url = p.url("ws", "/ws"), .topics = {">"}};
    o.after.emplace();  // from the beginning: what was published before it is connected, too
    p.keep(tidings::websocket::client{p.io, std::move(o), p.there}).start();
    p.publish();
}

void use_sse(program& p) {
    p.server.mount("/events", tidings::sse::service{p.here});
    p.keep(tidings::sse::client{p.io, {.url = p.url("http", "/events?topic=%3E&after=")}, p.there})
        .start();
    p.publish();
}

tidings::webhook::sender loopback_sender(program& p) {
    return tidings::webhook::sender{p.io, {.guard = {.allow_loopback = true, .schemes = {"http"}}}};
}

void receive_webhooks(program& p) {
    p.server.mount(
        "/hook", tidings::webhook::receiver{
                     p.there, tidings::webhook::from_standard({tidings::webhook::secret(secret)})});
}

void use_webhook(program& p) {
    receive_webhooks(p);
    auto sender = loopback_sender(p);
    p.keep(
        p.here.subscribe(">", sender.endpoint({.url = p.url("http", "/hook"), .secret = secret})));
    p.keep(std::move(sender));
    p.publish();
}

void use_rest_hook(program& p) {
    receive_webhooks(p);
    auto sender = loopback_sender(p);
    p.server.mount("/hooks", tidings::rest_hook::manager{p.here, sender});
    tidings::rest_hook::client client{p.io,
                                      {.api_url = p.url("http", "/hooks"),
                                       .event = ">",
                                       .target_url = p.url("http", "/hook"),
                                       .secret = secret}};
    client.async_subscribe([&p](tidings::error_code ec, const tidings::rest_hook::registration&) {
        ec ? p.io.stop() : p.publish();
    });
    p.keep(std::move(client));
    p.keep(std::move(sender));
}

void use_rest_topics(program& p) {
    p.server.mount("/topics", tidings::rest::service{p.there});
    tidings::rest::client client{p.io, {.url = p.url("http", "/topics")}};
    p.keep(p.here.subscribe(">", client));
    p.keep(std::move(client));
    p.publish();
}

const std::map<std::string, std::function<void(program&)>> transports{
    {"bus", use_bus},         {"websocket", use_websocket}, {"sse", use_sse},
    {"webhook", use_webhook}, {"rest_hook", use_rest_hook}, {"rest_topics", use_rest_topics},
};

}  // namespace

int main(int argc, char** argv) {
    const auto chosen = transports.find(argc == 2 ? argv[1] : "");
    if (chosen == transports.end()) {
        std::cerr << "usage: interchangeable";
        for (const auto& [name, use] : transports) std::cerr << (name == "bus" ? " " : "|") << name;
        std::cerr << '\n';
        return 2;
    }
    program p;
    int left = 3;
    const auto watch = p.there.subscribe("orders.>", [&](const tidings::event_ptr& e) {
        std::cout << e->topic() << ' ' << e->id() << ' ' << e->text() << std::endl;
        if (--left == 0) p.io.stop();
    });
    chosen->second(p);
    p.server.start();
    net::steady_timer ceiling(p.io, std::chrono::seconds(20));
    ceiling.async_wait([&](tidings::error_code) { p.io.stop(); });
    p.io.run();
    return left == 0 ? 0 : 1;
}
