// SPDX-License-Identifier: BSL-1.0
// A batch of events that an outbox in a file holds.
#include "support/store_folder.hpp"

#include <tidings/bus.hpp>
#include <tidings/store/sqlite/outbox.hpp>
#include <tidings/test/run_until.hpp>
#include <tidings/test/sink_server.hpp>
#include <tidings/webhook/sender.hpp>

#include <string>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;

/// One run of a sender over a file.
struct batch_run {
    batch_run(const std::string& path, std::chrono::milliseconds retry)
        : db(io, store_options(path)),
          outbox(sqlite::make_outbox(db)),
          sender(io, {.outbox = outbox,
                      .retry = {.delays = {0s, retry}, .jitter = 0},
                      .guard = {.allow_loopback = true, .schemes = {"http"}}}),
          hook(hub.subscribe(">",
                             sender.endpoint({.url = target.url(),
                                              .secret = "whsec_" + std::string(32, 'S'),
                                              .id = "e",
                                              .form = webhook::body_form::batch,
                                              .batch = {.max_events = 3, .max_delay = 0ms}}))) {}

    net::io_context io;
    sqlite::database db;
    std::shared_ptr<store::outbox> outbox;
    sink_server target{io};
    bus hub{io};
    webhook::sender sender;
    subscription hook;
};

}  // namespace

TEST_CASE("a batch is sent again after a restart as it was", "[sqlite]") {
    const temporary_folder folder;
    const auto path = folder.file("hub.db");
    std::string id, body;
    {
        batch_run first(path, 1h);
        first.target.answer = [](http::exchange& x) { x.respond({.status = 500}); };
        for (int i = 0; i < 3; ++i)
            first.hub.publish("a", event("test", "/test", std::to_string(i)));
        REQUIRE(run_io_until(first.io, [&] { return first.target.requests.size() == 1; }));
        id = first.target.requests[0].fields.get("webhook-id");
        body = first.target.requests[0].body;
        CHECK(body.find(R"("data":"2")") != body.npos);
    }
    batch_run second(path, 1ms);
    second.hub.publish("a", event("test", "/test", "new"));
    REQUIRE(run_io_until(second.io, [&] {
        return second.target.requests.size() == 2 && second.outbox->stats().owed == 0;
    }));
    const auto& r = second.target.requests;
    const auto which = r[0].body == body ? 0U : 1U;
    CHECK(r[which].body == body);
    CHECK(r[which].fields.get("webhook-id") == id);
    CHECK(r[1 - which].body.find(R"("data":"new")") != body.npos);
}

}  // namespace tidings::test
