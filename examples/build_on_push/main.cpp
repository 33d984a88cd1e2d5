// SPDX-License-Identifier: BSL-1.0
// A push to GitHub starts a command. Its output streams to browsers, its outcome goes out as a
// webhook:
//
//     build_on_push --port 8080 --secret hunter2 -- make -C /srv/checkout
//
// The page is http://127.0.0.1:8080/, GitHub's webhook goes to /github (content type JSON, the push
// event). The command finds BUILD_REPOSITORY, BUILD_REF and BUILD_COMMIT in its environment. Pushes
// are built one after another; a delivery that GitHub repeats is built once.
#include "command.hpp"
#include "options.hpp"
#include "page.hpp"

#include <tidings/tidings.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <iostream>

namespace net = boost::asio;
using nlohmann::json;

namespace {

/// What a push event says of what is to be built. @throws json::exception for another shape
struct push {
    explicit push(const tidings::publication& e) {
        const auto body = json::parse(e.text());
        deleted = body.value("deleted", false);
        repository = body.at("repository").at("full_name").get<std::string>();
        ref = body.at("ref").get<std::string>();
        commit = body.at("after").get<std::string>();
    }
    build::variables variables() const {
        return {{"BUILD_REPOSITORY", repository}, {"BUILD_REF", ref}, {"BUILD_COMMIT", commit}};
    }

    std::string repository, ref, commit;
    bool deleted = false;  // the branch is gone: there is nothing to build
};

net::awaitable<void> build_one(tidings::bus& bus, const build::command& what, int number,
                               const tidings::publication& pushed) {
    const push p(pushed);
    if (p.deleted) co_return;
    const auto topic = "build." + std::to_string(number);
    bus.publish(
        topic + ".started",
        tidings::event{"build.started",
                       "/build_on_push",
                       {{"repository", p.repository}, {"ref", p.ref}, {"commit", p.commit}}});
    const auto output = topic + ".output";
    const auto print = [&](const std::string& line) {
        bus.publish(output, tidings::event{"build.output", "/build_on_push", line});
    };
    build::ending ended{.code = 127};  // as of a shell that does not find it
    try {
        ended = co_await build::run(what, p.variables(), print);
    } catch (const boost::system::system_error& e) {
        print(e.what());
    }
    // The id is that of the push, and so the report's `webhook-id` belongs to it for good.
    tidings::event finished{"build.finished",
                            "/build_on_push",
                            {{"repository", p.repository},
                             {"ref", p.ref},
                             {"commit", p.commit},
                             {"exit_code", ended.code},
                             {"timed_out", ended.timed_out}}};
    finished.id(pushed.id());
    // Completes when the outbox has the report.
    co_await bus.async_publish(topic + ".finished", std::move(finished),
                               net::as_tuple(net::use_awaitable));
}

// Asks for the next push when the last one is built: until then a drain waits for it.
net::awaitable<void> build_pushes(tidings::bus& bus, const build::command& what,
                                  tidings::receiver pushes) {
    for (int number = 1;; ++number) {
        const auto [ec, e] = co_await pushes.async_receive(net::as_tuple(net::use_awaitable));
        if (ec) co_return;
        if (tidings::is_control(e)) {
            std::cerr << "build_on_push: pushes were lost: " << e->text() << '\n';
            continue;
        }
        try {
            co_await build_one(bus, what, number, *e);
        } catch (const std::exception& error) {
            std::cerr << "build_on_push: " << e->id() << ": " << error.what() << '\n';
        }
    }
}

void show_page(tidings::http::exchange& x) {
    if (x.request().path() != "/") return x.respond(tidings::http::problem(404, "Not found"));
    x.respond({200, {{"Content-Type", "text/html; charset=utf-8"}}, build::page});
}

void serve(const build::options& o) {
    net::io_context io{1};
    // Rings of their own: what a build prints evicts no push that waits for its turn.
    tidings::bus bus{io,
                     {.history = {.rules = {{.pattern = "github.>", .max_events = 1000},
                                            {.pattern = "build.>", .max_events = 20'000}}}}};
    tidings::http::server server{io, {.port = o.port}};
    server.mount("/github",
                 tidings::webhook::receiver{bus, tidings::webhook::from_github({o.secret})});
    server.mount("/events", tidings::sse::service{bus});
    server.mount("/", show_page);

    tidings::webhook::sender_options sending;
    if (o.local) sending.guard = {.allow_loopback = true, .schemes = {"https", "http"}};
    tidings::webhook::sender sender{io, std::move(sending)};
    tidings::subscription report;
    if (!o.report.empty())
        report = bus.subscribe("build.*.finished",
                               sender.endpoint({.url = o.report, .secret = o.report_secret}));

    net::co_spawn(io, build_pushes(bus, o.what, bus.receive("github.push")), net::detached);
    server.start();
    std::cout << "listening " << server.local_endpoint().port << std::endl;
    tidings::drain_on_signal(io, bus, server, sender);
    io.run();
}

}  // namespace

int main(int argc, char** argv) {
    const auto o = build::read_options(argc, argv);
    if (!o) {
        std::cerr << build::usage;
        return 2;
    }
    try {
        serve(*o);
    } catch (const std::exception& e) {
        std::cerr << "build_on_push: " << e.what() << '\n';
        return 1;
    }
}
