// SPDX-License-Identifier: BSL-1.0
// The answers of long polls while they are gathered and on their way: what they hold counts in the
// server's max_buffered_bytes, and what a recheck revokes does not leave.
#include "support/http_bed.hpp"

#include <tidings/bus.hpp>
#include <tidings/rest/service.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <set>

namespace tidings::test {

namespace {

constexpr std::size_t event_count = 20;

/// Topics behind a server that holds little: "a" has events of 10'000 bytes. The principal has the
/// name that the Authorization field gives.
struct answers_bed : http_bed {
    explicit answers_bed(authorizer may = {})
        : hub(io(), {.history = {.max_events = 1000}, .clock = &clock}),
          web(io(), small(options())),
          topics(hub, {.authenticator =
                           [this](const credentials& c, error_code& ec) {
                               const std::string name(c.authorization);
                               if (gone.count(name) != 0) ec = errc::unauthorized;
                               return principal{.name = name, .anonymous = false};
                           },
                       .authorizer = std::move(may)}) {
        web.mount("/topics", topics);
        web.start();
        for (std::size_t i = 0; i < event_count; ++i)
            hub.publish("a", event("test", "/test", std::string(10'000, '.')));
        run();
    }
    static http::server_options small(http::server_options o) {
        o.max_buffered_bytes = 100'000;
        return o;
    }
    std::unique_ptr<http_peer> get(std::string_view after, std::string_view wait = "60s",
                                   bool reads = true) {
        auto peer = connect();
        if (!reads) peer->stop_reading();
        peer->send("GET /topics/a?wait=" + std::string(wait) + "&after=" + std::string(after) +
                   " HTTP/1.1\r\nHost: h\r\nAuthorization: ann\r\n\r\n");
        run();
        return peer;
    }
    std::unique_ptr<http_peer> get_slowly(std::string_view wait = "60s") {
        return get("", wait, false);
    }
    unsigned post(std::size_t size);
    bool recheck() {
        bool over = false;
        topics.async_recheck([](const principal&) { return true; },
                             [&over](error_code ec) { over = !ec; });
        run();
        return over;
    }

    std::set<std::string> gone;
    bus hub;
    http::server web;
    rest::service topics;
};

unsigned status_in(const http_peer& p) {
    const auto& text = p.received();
    return text.size() < 12 ? 0 : static_cast<unsigned>(std::stoul(text.substr(9, 3)));
}

unsigned answers_bed::post(std::size_t size) {
    const auto peer = connect();
    peer->send("POST /topics/b HTTP/1.1\r\nHost: h\r\nAuthorization: ann\r\nContent-Length: " +
               std::to_string(size) + "\r\n\r\n" + std::string(size, '.'));
    run();
    return status_in(*peer);
}

std::string field_in(const http_peer& p, const std::string& name) {
    const auto& text = p.received();
    const auto at = text.find("\r\n" + name + ": ");
    if (at == std::string::npos) return {};
    const auto begin = at + 2 + name.size() + 2;
    return text.substr(begin, text.find("\r\n", begin) - begin);
}

std::size_t events_in(const http_peer& p) {
    if (status_in(p) != 200) return 0;
    return nlohmann::json::parse(p.received().substr(p.received().find("\r\n\r\n") + 4)).size();
}

}  // namespace

TEST_CASE("an answer holds no more events than the server has room for, and loses none",
          "[rest][answers]") {
    answers_bed bed;
    std::size_t read = 0;
    std::string after;
    while (read < event_count) {
        const auto peer = bed.get(after);
        const auto found = events_in(*peer);
        CHECK(found == std::min<std::size_t>(8, event_count - read));
        REQUIRE(found != 0);
        read += found;
        after = field_in(*peer, "Tidings-Position");
    }
    CHECK(read == event_count);
    CHECK(bed.hub.head().text() == after);
}

TEST_CASE("an answer on its way leaves less room, until it is written or dropped",
          "[rest][answers]") {
    answers_bed bed;
    const std::string how = GENERATE("read", "leave", "write_timeout");
    const auto slow = bed.get_slowly();  // about 80'000 bytes
    CHECK(bed.post(30'000) == 503);
    CHECK(bed.post(5000) == 202);
    CHECK(events_in(*bed.get("")) == 1);

    if (how == "read") slow->resume_reading();
    if (how == "leave") slow->close();
    if (how == "write_timeout") bed.advance(bed.options().write_timeout);
    bed.run();
    if (how == "read") CHECK(events_in(*slow) == 8);
    CHECK(bed.post(90'000) == 202);
    CHECK(events_in(*bed.get("")) == 8);
}

TEST_CASE("a question is refused for a while where the server has no room for one event",
          "[rest][answers]") {
    answers_bed bed;
    const auto slow = bed.get_slowly();
    const auto body = bed.connect();
    body->send(
        "POST /topics/b HTTP/1.1\r\nHost: h\r\nAuthorization: ann\r\nContent-Length: "
        "15000\r\n\r\n" +
        std::string(12'000, '.'));
    bed.run();
    const auto none = bed.get("");
    CHECK(status_in(*none) == 503);
    CHECK(field_in(*none, "Retry-After") == "1");
    body->send(std::string(3000, '.'));
    bed.run();
    CHECK(status_in(*body) == 202);
    CHECK(events_in(*bed.get("")) == 1);
}

TEST_CASE("a recheck cuts the answer that is on its way and was revoked", "[rest][answers]") {
    answers_bed bed;
    const std::string lost = GENERATE("ann", "bob");
    const auto peer = bed.get_slowly(GENERATE("0s", "60s"));
    CHECK(bed.recheck());
    bed.gone = {lost};
    CHECK(bed.recheck());
    peer->resume_reading();
    bed.run();
    const bool cut = lost == "ann";
    CHECK(static_cast<bool>(peer->ended()) == cut);
    CHECK(peer->received().ends_with(']') != cut);
    // What the network held then may arrive.
    CHECK((peer->received().size() < 70'000) == cut);
}

TEST_CASE("a recheck leaves alone a connection whose answer is written", "[rest][answers]") {
    answers_bed bed;
    const auto peer = bed.get("");
    CHECK(events_in(*peer) == 8);
    bed.gone = {"ann"};
    CHECK(bed.recheck());
    CHECK_FALSE(peer->ended());
}

TEST_CASE("a recheck completes when the answer that it asks about is written", "[rest][answers]") {
    std::vector<decision_handler<permission>> asked;
    answers_bed bed([&](principal, action, std::string, decision_handler<permission> done) {
        asked.push_back(std::move(done));
    });
    const auto peer = bed.get_slowly();
    REQUIRE(asked.size() == 1);
    asked.front()({}, true);
    bed.run();
    std::optional<error_code> over;
    bed.topics.async_recheck([](const principal&) { return true; },
                             [&](error_code ec) { over = ec; });
    bed.run();
    CHECK(asked.size() == 2);
    CHECK_FALSE(over);
    peer->resume_reading();
    bed.run();
    CHECK(over == error_code());
    CHECK(peer->received().ends_with(']'));
    asked.clear();
}

}  // namespace tidings::test
