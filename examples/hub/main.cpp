// SPDX-License-Identifier: BSL-1.0
// A hub for events in one process: everything that comes in by webhook, HTTP POST or WebSocket goes
// out to browsers, webhooks and REST hooks.
#include "admin.hpp"
#include "console.hpp"
#include "options.hpp"
#include "portal.hpp"
#include "stores.hpp"

#include <tidings/tidings.hpp>

#include <csignal>
#include <iostream>

namespace net = boost::asio;

namespace {

constexpr std::size_t max_event_bytes = 2 << 20;

std::string url(const tidings::io::socket_address& e) {
    const auto host = e.address.to_string();
    return "http://" + (e.address.is_v6() ? '[' + host + ']' : host) + ':' + std::to_string(e.port);
}

tidings::authenticator authentication(const hub::options& o) {
    return o.token.empty() ? tidings::loopback_only() : tidings::bearer_token(o.token);
}

tidings::webhook::sender_options sender_options(const std::shared_ptr<hub::counters>& counts,
                                                const hub::stores& stores,
                                                const tidings::log_sink& log, const char* route) {
    tidings::webhook::sender_options s;
    s.outbox = stores.outbox;  // one for both senders: each claims for its own endpoints
    // An example delivers to programs on the same machine; a hub for strangers must not.
    s.guard = {.allow_loopback = true, .schemes = {"https", "http"}};
    s.on_attempt = [n = counts->counter("route_events", {{"route", route}})](const auto& a) {
        if (a.result == tidings::webhook::verdict::success) ++*n;
    };
    s.attempts.successes = std::string_view(route) == "rest_hook";  // its page has them
    s.log = log;
    s.metrics = counts;
    return s;
}

tidings::http::server_options server_options(const hub::address& a, const tidings::log_sink& log) {
    tidings::http::server_options s;
    s.address = a.host;
    s.port = a.port;
    s.max_body_bytes = max_event_bytes;
    s.log = log;
    return s;
}

void run(const hub::options& o) {
    net::io_context io;
    const auto counts = std::make_shared<hub::counters>();
    const auto log = hub::log_sink(o.log_level, counts);
    const auto stores = hub::open_stores(io, o, log);
    tidings::bus bus{io, {.history = stores.history, .log = log, .metrics = counts}};
    auto counted = bus.subscribe(">", tidings::immediate,
                                 [n = counts->counter("route_events", {{"route", "bus"}})](
                                     const tidings::event_ptr&) { ++*n; });

    tidings::http::server server{io, server_options(o.listen, log)};
    const auto who = authentication(o);
    const tidings::queue_limits limits{.max_bytes = 8 << 20};
    server.mount("/ws", tidings::websocket::service{bus,
                                                    {.authenticator = who,
                                                     .authorizer = tidings::allow_all(),
                                                     .max_message_bytes = max_event_bytes,
                                                     .limits = limits,
                                                     .log = log,
                                                     .metrics = counts}});
    server.mount("/events",
                 tidings::sse::service{
                     bus, {.authenticator = who, .limits = limits, .log = log, .metrics = counts}});
    server.mount("/topics", tidings::rest::service{
                                bus, {.authenticator = who, .max_body_bytes = max_event_bytes}});
    const auto github_secret =
        o.github_secret.empty() ? tidings::webhook::make_secret() : o.github_secret;
    auto github = tidings::webhook::from_github({github_secret});
    github.max_body_bytes = max_event_bytes;
    github.log = log;
    github.ids = stores.github_ids;
    server.mount("/in/github", tidings::webhook::receiver{bus, github});

    tidings::webhook::sender hook_sender{io, sender_options(counts, stores, log, "rest_hook")};
    tidings::rest_hook::manager hooks{bus,
                                      hook_sender,
                                      {.table = stores.hooks,
                                       .authenticator = who,
                                       .authorizer = tidings::allow_all(),
                                       .log = log,
                                       .metrics = counts}};
    server.mount("/hooks", hooks);

    tidings::webhook::sender sender{io, sender_options(counts, stores, log, "webhook")};
    tidings::subscription hook;
    if (!o.webhook_url.empty())
        hook = bus.subscribe(
            o.webhook_topic,
            sender.endpoint({.url = o.webhook_url, .secret = o.webhook_secret, .id = "webhook"}));

    auto admin_options = server_options(o.admin, log);
    admin_options.drain_role = tidings::drain_role::probes;
    tidings::http::server admin{io, admin_options};
    const auto listening = url(server.local_endpoint());
    hub::mount_admin(admin, bus, server, stores, counts, listening);
    hub::mount_portal(admin, hooks, who);

    server.start();
    admin.start();
    // By role: nothing new first, then what was accepted is delivered; the page sees it to the end.
    // This comes before the first line, as its reader may send a signal at once.
    tidings::drain_on_signal(io, server, sender, hook_sender, admin);
    hub::output().write("hub: listening on " + listening);
    hub::output().write("hub: admin on " + url(admin.local_endpoint()) + '/');
    if (o.github_secret.empty())
        hub::output().write("hub: secret of /in/github for this run " + github_secret);
    io.run();
    hub::output().write("hub: drained");
}

}  // namespace

int main(int argc, char** argv) {
    // A reader of the log that has gone must not end the hub.
    std::signal(SIGPIPE, SIG_IGN);
    std::string error;
    const auto o = hub::parse_options(argc, argv, error);
    if (!o) {
        std::cerr << "hub: " << error << "\n\n" << hub::usage();
        return 2;
    }
    if (o->help) {
        std::cout << hub::usage();
        return 0;
    }
    try {
        run(*o);
        return 0;
    } catch (const std::exception& e) {
        std::cerr << "hub: " << e.what() << '\n';
        return 1;
    }
}
