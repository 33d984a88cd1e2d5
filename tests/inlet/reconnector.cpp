// SPDX-License-Identifier: BSL-1.0
// When a client connects, waits and gives up, without a client.
#include "support/catch2.hpp"

#include <tidings/inlet/impl/client_url.hpp>
#include <tidings/inlet/impl/reconnector.hpp>
#include <tidings/test/manual_clock.hpp>

#include <ostream>
#include <stdexcept>
#include <vector>

namespace tidings::detail {

inline std::ostream& operator<<(std::ostream& out, const reconnect_action& a) {
    return out << "action " << static_cast<int>(a.what) << " after " << a.after.count() << " ms, "
               << a.why.message();
}

namespace {

using namespace std::chrono_literals;
using event = reconnect_event::kind;
using action = reconnect_action::kind;

/// A machine with a clock of its own, and random numbers that draw the longest waits.
struct machine {
    explicit machine(reconnect_options o = {}) : under_test(o) {}

    reconnect_action on(event what, error_code why = {}, std::chrono::milliseconds asked = {}) {
        return under_test.resume({what, why, asked}, now, random);
    }
    void go_to(connection_state s) {
        if (s == connection_state::stopped) return;
        on(event::start);
        if (s == connection_state::open) on(event::opened);
        if (s == connection_state::waiting) on(event::lost, errc::connection_failed);
    }
    /// A stream that lasts so long is lost; how long the wait for the next one is.
    std::chrono::milliseconds lose_after(std::chrono::milliseconds lifetime) {
        on(event::opened);
        now += lifetime;
        const auto wait = on(event::lost, errc::connection_failed).after;
        on(event::due);
        return wait;
    }
    reconnector under_test;
    io::steady_time now{};
    std::uint64_t random = 0;  // draws the shortest
};

}  // namespace

TEST_CASE("every event in every state of a reconnector has one answer", "[inlet][fault-3]") {
    using s = connection_state;
    const error_code why = errc::connection_failed;
    const reconnect_action nothing{}, connect{action::connect, 0ms, {}};
    const reconnect_action wait{action::wait, 250ms, why}, stop{action::stop, 0ms, why};
    struct row {
        s from;
        event what;
        s to;
        reconnect_action expected;
    };
    const std::vector<row> rows{
        {s::stopped, event::start, s::connecting, connect},
        {s::stopped, event::due, s::stopped, nothing},
        {s::stopped, event::opened, s::stopped, nothing},
        {s::stopped, event::lost, s::stopped, nothing},
        {s::stopped, event::refused, s::stopped, nothing},
        {s::stopped, event::stop, s::stopped, stop},
        {s::connecting, event::start, s::connecting, nothing},
        {s::connecting, event::due, s::connecting, nothing},
        {s::connecting, event::opened, s::open, nothing},
        {s::connecting, event::lost, s::waiting, wait},
        {s::connecting, event::refused, s::stopped, stop},
        {s::connecting, event::stop, s::stopped, stop},
        {s::open, event::start, s::open, nothing},
        {s::open, event::due, s::open, nothing},
        {s::open, event::opened, s::open, nothing},
        {s::open, event::lost, s::waiting, wait},
        {s::open, event::refused, s::stopped, stop},
        {s::open, event::stop, s::stopped, stop},
        {s::waiting, event::start, s::waiting, nothing},
        {s::waiting, event::due, s::connecting, connect},
        {s::waiting, event::opened, s::waiting, nothing},
        {s::waiting, event::lost, s::waiting, nothing},
        {s::waiting, event::refused, s::stopped, stop},
        {s::waiting, event::stop, s::stopped, stop},
    };
    for (const auto& r : rows) {
        machine m;
        m.go_to(r.from);
        CAPTURE(static_cast<int>(r.from), static_cast<int>(r.what));
        REQUIRE(m.under_test.state() == r.from);
        CHECK(m.on(r.what, why) == r.expected);
        CHECK(m.under_test.state() == r.to);
    }
}

TEST_CASE("a client that must not come back stops at its first loss", "[inlet]") {
    machine m({.enabled = false});
    m.go_to(GENERATE(connection_state::connecting, connection_state::open));
    CHECK(m.on(event::lost, errc::timed_out) ==
          reconnect_action{action::stop, 0ms, errc::timed_out});
}

TEST_CASE("waits grow until a stream has lasted 10 s, whatever the server says meanwhile",
          "[inlet][fault-3]") {
    const bool hints = GENERATE(true, false);
    CAPTURE(hints);
    machine m({.initial = 1000ms, .max = 8000ms});
    m.on(event::start);
    const auto lose_after = [&](std::chrono::milliseconds lifetime) {
        if (hints) m.under_test.set_least(1000ms);
        return m.lose_after(lifetime);
    };
    std::vector<std::chrono::milliseconds> waits;
    for (int i = 0; i < 6; ++i) waits.push_back(lose_after(9'999ms));
    if (hints)
        CHECK(waits == std::vector{1000ms, 1000ms, 2000ms, 4000ms, 4000ms, 4000ms});
    else
        CHECK(waits == std::vector{500ms, 1000ms, 2000ms, 4000ms, 4000ms, 4000ms});
    CHECK(lose_after(10s) == (hints ? 1000ms : 500ms));
}

TEST_CASE("a server's retry is the least wait, at least 500 ms and at most max_retry_after",
          "[inlet][fault-3]") {
    struct row {
        std::chrono::milliseconds retry, least;
    };
    const auto r = GENERATE(
        values<row>({{0ms, 500ms}, {499ms, 500ms}, {700ms, 700ms}, {90s, 90s}, {24h, 300s}}));
    CAPTURE(r.retry.count());
    machine m({.initial = 2000ms});
    m.on(event::start);
    m.under_test.set_least(r.retry);
    CHECK(m.lose_after(0ms) == r.least);
    m.random = ~std::uint64_t(0);
    std::chrono::milliseconds last{};
    for (int i = 0; i < 10; ++i) {
        m.under_test.set_least(r.retry);
        const auto wait = m.lose_after(0ms);
        CHECK(wait >= r.least);
        last = wait;
    }
    CHECK(last >= std::max<std::chrono::milliseconds>(15s, r.least));
}

TEST_CASE("what an answer asks for is one wait, up to max_retry_after", "[inlet]") {
    machine m;
    m.on(event::start);
    CHECK(m.on(event::lost, errc::http_status, 42s).after == 42s);
    m.on(event::due);
    CHECK(m.on(event::lost, errc::http_status, 24h).after == 300s);
    m.on(event::due);
    CHECK(m.on(event::lost, errc::http_status).after == 1000ms);
}

TEST_CASE("a start after the end begins anew", "[inlet]") {
    machine m;
    m.on(event::start);
    for (int i = 0; i < 5; ++i) m.lose_after(0ms);
    m.on(event::stop, errc::closed);
    CHECK(m.on(event::start).what == action::connect);
    CHECK(m.on(event::lost, errc::timed_out).after == 250ms);
}

TEST_CASE("answers and failures say whether the same may succeed later", "[inlet]") {
    test::manual_clock clock;
    for (const unsigned status : {408U, 429U, 500U, 502U, 503U, 599U}) CHECK(is_temporary(status));
    for (const unsigned status : {200U, 204U, 302U, 400U, 401U, 404U, 409U, 410U, 426U})
        CHECK_FALSE(is_temporary(status));
    CHECK(failed(errc::connection_failed).what == event::lost);
    CHECK(failed(errc::timed_out).what == event::lost);
    CHECK(failed(errc::bad_url).what == event::refused);
    CHECK(failed(errc::invalid_argument).what == event::refused);
    http::response busy{.status = 503, .fields = {{"Retry-After", "7"}}};
    CHECK(answered(busy, errc::http_status, true, clock).asked == 7s);
    CHECK(answered(busy, errc::http_status, false, clock).what == event::refused);
    // Two values contradict each other.
    busy.fields.append("Retry-After", "9");
    CHECK(answered(busy, errc::http_status, true, clock).asked == 0ms);
}

TEST_CASE("a client's configuration is refused with the object and the cause", "[inlet]") {
    const auto text_of = [](const std::string& url, std::vector<std::string> patterns) {
        try {
            check_client("client", url, "ws", patterns);
            return std::string();
        } catch (const std::invalid_argument& e) {
            return std::string(e.what());
        }
    };
    CHECK(text_of("ws://h/x", {"a.>"}).empty());
    CHECK(text_of("wss://h/x?y", {}).empty());
    CHECK(text_of("http://h/x", {}) ==
          "client: a URL of ws or wss is wanted, not of http: http://h/x");
    CHECK(text_of("nonsense", {}) == "client: not a URL of ws or wss: nonsense");
    CHECK(text_of("ws://h/x#frag", {}) ==
          "client: a URL without a fragment is wanted, not one with #frag: ws://h/x");
    CHECK(text_of("ws://h/x", {"a..b"}) == "client: not a pattern: a..b");
}

TEST_CASE("a URL is logged without what may be secret in it", "[inlet]") {
    CHECK(loggable_url("http://h:1/x?token=1#f") == "http://h:1/x");
    CHECK(loggable_url("https://user:pass@h/x@y") == "https://h/x@y");
    CHECK(loggable_url("user@h") == "user@h");
    std::string url = "http://h/x";
    append_query(url, "topic", "a.>");
    append_query(url, "after", "e:1");
    CHECK(url == "http://h/x?topic=a.%3E&after=e%3A1");
}

}  // namespace tidings::detail
