// SPDX-License-Identifier: BSL-1.0
// A recheck completes, whatever ends before.
#include "support/access_bed.hpp"

#include <boost/asio/bind_executor.hpp>

#include <future>
#include <stdexcept>

namespace tidings::test {

namespace {

constexpr auto everybody = [](const principal&) { return true; };

/// A stream, a WebSocket client and a long poll; what is asked about them next has no answer.
struct held_bed : access_bed {
    held_bed()
        : access_bed({.authorizer = [this](principal, action, std::string topic,
                                           decision_handler<permission> done) {
              if (!later) return done({}, true);
              may->asked.push_back({topic, std::move(done)});
          }}) {
        peers.push_back(send(upgrade_request("/ws?topic=a")));
        peers.push_back(send(get_request("/events?topic=a")));
        peers.push_back(send(get_request("/topics/a?wait=60s")));
        later = true;
    }
    template <class Handler>
    void recheck_by(int kind, Handler h) {
        if (kind == 0) ws.async_recheck(everybody, std::move(h));
        if (kind == 1) events.async_recheck(everybody, std::move(h));
        if (kind == 2) topics.async_recheck(everybody, std::move(h));
    }
    void end_context() {
        peers.clear();
        destroy_context();
    }
    std::shared_ptr<permissions> may = std::make_shared<permissions>();
    std::vector<std::unique_ptr<http_peer>> peers;
    bool later = false;
};

}  // namespace

TEST_CASE("a recheck after the context has ended completes with an error", "[access]") {
    const int kind = GENERATE(0, 1, 2);
    CAPTURE(kind);
    held_bed bed;
    if (GENERATE(true, false)) {  // not closed by the end of its server
        bed.ws = websocket::service(*bed.hub);
        bed.events = sse::service(*bed.hub);
        bed.topics = rest::service(*bed.hub);
    }
    bed.end_context();
    net::io_context own;
    std::optional<error_code> seen;
    bed.recheck_by(kind, net::bind_executor(own, [&](error_code ec) { seen = ec; }));
    CHECK_FALSE(seen.has_value());
    own.run();
    CHECK(seen == make_error_code(errc::closed));
    // Without an executor of its own on the system's.
    std::promise<error_code> result;
    bed.recheck_by(kind, [&](error_code ec) { result.set_value(ec); });
    CHECK(result.get_future().get() == errc::closed);
}

TEST_CASE("a recheck completes with an error where the context ends first", "[access]") {
    const int kind = GENERATE(0, 1, 2);
    const bool asked = GENERATE(true, false);
    CAPTURE(kind, asked);
    held_bed bed;
    net::io_context own;
    std::optional<error_code> seen;
    bed.recheck_by(kind, net::bind_executor(own, [&](error_code ec) { seen = ec; }));
    if (asked) bed.run();
    CHECK(bed.may->asked.size() == (asked ? 1 : 0));
    bed.end_context();
    bed.may->asked.clear();
    own.run();
    CHECK(seen == make_error_code(errc::closed));
}

TEST_CASE("a recheck's handler is gone with its context, before it or with it", "[access]") {
    const int kind = GENERATE(0, 1, 2);
    const bool own_context = GENERATE(true, false);
    CAPTURE(kind, own_context);
    held_bed bed;
    std::optional<net::io_context> own(std::in_place);
    const auto captured = std::make_shared<int>();
    const auto handler = [captured](error_code) { FAIL("nowhere to run"); };
    if (own_context)
        bed.recheck_by(kind, net::bind_executor(*own, handler));
    else
        bed.recheck_by(kind, handler);
    bed.run();
    own.reset();
    if (!own_context) {
        bed.end_context();
        CHECK(captured.use_count() == 2);  // of `handler`
        bed.may->asked.clear();
        return;
    }
    CHECK(captured.use_count() == 2);
    bed.may->asked.at(0).give(true);
    bed.run();
    bed.may->asked.clear();
}

TEST_CASE("a recheck whose filter throws says so, and rechecks the others", "[access]") {
    held_bed bed;
    std::optional<error_code> seen;
    bed.events.async_recheck([](const principal&) -> bool { throw std::runtime_error("no"); },
                             [&](error_code ec) { seen = ec; });
    bed.run();
    CHECK(seen == make_error_code(errc::callback_threw));
    bed.recheck_by(1, [&](error_code ec) { seen = ec; });
    bed.run();
    bed.may->asked.at(0).give(true);
    bed.run();
    CHECK(seen == error_code());
    bed.may->asked.clear();
}

}  // namespace tidings::test
