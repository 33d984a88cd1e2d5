// SPDX-License-Identifier: BSL-1.0
// Deliveries through a proxy, to targets that the guard judges all the same.
#include "support/relaying_proxy.hpp"
#include "support/webhook_bed.hpp"

#include <tidings/http/impl/message/url.hpp>
#include <tidings/http/proxy_network.hpp>

#include <boost/asio/bind_executor.hpp>

#include <algorithm>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;

struct proxied_bed {
    explicit proxied_bed(const webhook::health_options& health = {}, bool loopback = false) {
        auto o = webhook_options(w);
        o.health = health;
        o.on_endpoint = [this](const webhook::endpoint_change& c) { changes.push_back(c.what); };
        o.environment.network = network.get();
        // The proxy's own address is not allowed.
        o.guard = {.allow_loopback = loopback, .schemes = {"http", "https"}};
        o.tls.ca_pem = certificates().authority.certificate_pem;
        o.keep_addresses = 0s;
        bed.emplace(w, std::move(o));
        w.sim().add_name("target.example", {"8.8.4.4"});
        w.sim().add_name("other.example", {"2001:4860:4860::8844"});
        w.sim().add_name("third.example", {"8.8.8.8"});
    }
    error_code deliver(const std::string& url) {
        auto e = bed->add(url, {.id = url});
        bed->publish("hello");
        w.run_ready();
        e.close();
        w.run_ready();
        REQUIRE_FALSE(bed->attempts.empty());
        return bed->attempts.back().error;
    }

    /// What fails here counts, if anything does.
    static webhook::health_options strict() {
        return {.open_after = 1, .disable_after = 1, .disable_after_time = 0ms};
    }
    webhook::endpoint add(std::string id, webhook::endpoint_options o = {},
                          const std::string& host = "target.example") {
        o.id = std::move(id);
        return bed->add("http://" + host + "/hook", std::move(o));
    }
    /// How often the log has that.
    std::size_t logged(std::string_view what) const {
        std::size_t count = 0;
        const auto& all = bed->logged;
        for (auto at = all.find(what); at != all.npos; at = all.find(what, at + 1)) ++count;
        return count;
    }
    void pass(std::chrono::milliseconds time) {
        for (; time.count() > 0; time -= 1s) w.advance(1s);
    }
    /// Of what is owed.
    std::vector<std::uint32_t> attempts_used() {
        std::vector<std::uint32_t> all;
        for (const auto& l : listed(w, *bed->sender->outbox())) all.push_back(l.entry.attempts);
        return all;
    }

    world w;
    world_sink sink{w};
    std::vector<webhook::endpoint_change::kind> changes;
    const std::uint16_t target = [this] {
        error_code ec;
        return http::url::parse(sink.url(), ec).port;
    }();
    relaying_proxy proxy{w.sim(), w.io().get_executor(), target};
    std::unique_ptr<io::network> network =
        http::make_proxy_network(w.sim(), {.host = "127.0.0.1",
                                           .port = relaying_proxy::port,
                                           .direct = {"direct.example"},
                                           .clock = &w.clock()});
    std::optional<send_bed> bed;
};

using lines = std::vector<std::string>;

}  // namespace

TEST_CASE("webhooks go out through a proxy, which is given judged addresses", "[webhook]") {
    proxied_bed b;
    CHECK_FALSE(b.deliver("http://target.example/hook"));
    CHECK(b.proxy.asked == lines{"CONNECT 8.8.4.4:80 HTTP/1.1"});
    REQUIRE(b.sink.requests.size() == 1);
    CHECK(b.sink.requests[0].fields.get("host") == "target.example");
    CHECK(b.sink.requests[0].body == "hello");
}

#if TIDINGS_TLS
TEST_CASE("webhooks through a proxy verify the target's name, and not its address", "[webhook]") {
    proxied_bed b;
    b.proxy.terminates = &certificates().other_name;
    CHECK_FALSE(b.deliver("https://other.example/hook"));
    CHECK(b.proxy.asked == lines{"CONNECT [2001:4860:4860::8844]:443 HTTP/1.1"});
    CHECK(b.sink.requests.size() == 1);
    CHECK(b.deliver("https://target.example/hook") == errc::tls_failed);
    CHECK(b.proxy.asked.back() == "CONNECT 8.8.4.4:443 HTTP/1.1");
    CHECK(b.sink.requests.size() == 1);
}
#endif

TEST_CASE("a name that leads inside is refused before the proxy is asked", "[webhook]") {
    proxied_bed b;
    for (const auto* const address :
         {"10.0.0.7", "127.0.0.1", "169.254.169.254", "::1", "::ffff:10.0.0.7", "fd00::1"}) {
        CAPTURE(address);
        b.w.sim().add_name("rebound.example", {address});
        CHECK(b.deliver("http://rebound.example/hook") == errc::address_refused);
    }
    CHECK(b.proxy.asked.empty());
    // Its address changes from one connection to the next.
    b.w.sim().add_name("rebound.example", {"8.8.4.4"});
    CHECK_FALSE(b.deliver("http://rebound.example/hook"));
    CHECK(b.proxy.asked == lines{"CONNECT 8.8.4.4:80 HTTP/1.1"});
}

TEST_CASE("what a proxy refuses is tried again later", "[webhook]") {
    proxied_bed b;
    b.proxy.status = 502;
    const auto e = b.bed->add("http://target.example/hook", {.id = "e"});
    b.bed->publish();
    REQUIRE(b.bed->attempts.size() == 1);
    CHECK(b.bed->attempts[0].error == errc::proxy_refused);
    CHECK(b.bed->attempts[0].status == 0);
    std::vector<store::outbox_attempt> rows;
    b.bed->sender->outbox()->async_list_attempts(
        "", 0, 100, net::bind_executor(b.w.io(), [&](error_code, auto all) { rows = all; }));
    b.w.run_ready();
    REQUIRE(rows.size() == 1);
    CHECK(rows[0].address == "8.8.4.4:80");  // where it was to go, not where the proxy is
    b.proxy.status = 407;
    b.w.advance(5s);
    REQUIRE(b.bed->attempts.size() == 2);
    CHECK(b.bed->attempts[1].error == errc::proxy_unauthorized);
    CHECK(b.bed->attempts[1].result == webhook::verdict::retry);
    b.proxy.status = 200;
    b.w.advance(60s);
    REQUIRE(b.bed->attempts.size() == 3);
    CHECK_FALSE(b.bed->attempts[2].error);
    CHECK(b.sink.requests.size() == 1);
}

TEST_CASE("an outage of the proxy uses up no attempts and is no fault of endpoints", "[webhook]") {
    proxied_bed b(proxied_bed::strict());
    const auto one = b.add("one");
    const auto two = b.add("two");
    auto expected = make_error_code(errc::proxy_failed);
    SECTION("it is not there") {
        b.proxy.stop();
    }
    SECTION("it wants other credentials") {
        b.proxy.status = 407;
        expected = errc::proxy_unauthorized;
    }
    SECTION("it has failed itself") {
        b.proxy.status = 501;
    }
    SECTION("it takes no CONNECT") {
        b.proxy.status = 405;
    }
    SECTION("it has enough of us") {
        b.proxy.status = 429;
    }
    const bool stopped = b.proxy.status == 200;
    b.bed->publish("1");
    b.bed->publish("2");
    b.pass(20min);
    // There are four attempts in six minutes, which these are not.
    CHECK(b.bed->attempts.size() > 8);
    CHECK(b.bed->attempts.size() < 40);
    for (const auto& a : b.bed->attempts) {
        CHECK(a.error == expected);
        CHECK(a.number == 1);
        CHECK(a.next >= 1s);
    }
    CHECK(b.attempts_used() == std::vector<std::uint32_t>{0, 0, 0, 0});
    CHECK(b.changes.empty());
    CHECK_FALSE(one.disabled());
    CHECK(one.counters().dead == 0);

    b.proxy.status = 200;
    if (stopped) b.proxy.start();
    b.pass(5min);
    CHECK(one.counters().delivered == 2);
    CHECK(two.counters().delivered == 2);
    CHECK(listed(b.w, *b.bed->sender->outbox()).empty());
    CHECK(b.changes.empty());
}

TEST_CASE("a question for consent that ends at the proxy counts as not asked", "[webhook]") {
    proxied_bed b(proxied_bed::strict());
    b.sink.answer = [](http::exchange& x) {
        http::response r{.status = 200};
        if (x.request().method == "OPTIONS")
            r.fields = {{"WebHook-Allowed-Origin", "hub.example.com"},
                        {"WebHook-Allowed-Rate", "*"}};
        x.respond(std::move(r));
    };
    const bool stopped = GENERATE(true, false);
    stopped ? b.proxy.stop() : static_cast<void>(b.proxy.status = 407);
    const auto e = b.add("e", {.consent = webhook::consent_request{.origin = "hub.example.com"}});
    b.bed->publish("1");
    const auto outage = GENERATE(10s, 10'000s);
    b.pass(outage);
    CHECK(e.consent() == errc::undecided);
    CHECK(b.changes.empty());
    CHECK(b.sink.requests.empty());
    if (!stopped) CHECK(b.proxy.asked.size() < 20);
    stopped ? b.proxy.start() : static_cast<void>(b.proxy.status = 200);
    b.pass(std::min<std::chrono::seconds>(outage, 1h) + 2s);
    CHECK_FALSE(e.consent());
    CHECK(e.counters().delivered == 1);
}

TEST_CASE("a target that the proxy cannot reach or may not is at fault itself", "[webhook]") {
    proxied_bed b(proxied_bed::strict());
    const auto e = b.add("e");
    b.proxy.status = GENERATE(403U, 500U, 502U, 503U, 504U);
    b.bed->publish();
    REQUIRE(b.bed->attempts.size() == 1);
    CHECK(b.bed->attempts[0].error == errc::proxy_refused);
    CHECK(b.attempts_used() == std::vector<std::uint32_t>{1});
    CHECK(e.disabled());
}

TEST_CASE("what waits for the proxy waits no longer when another endpoint reaches it",
          "[webhook]") {
    proxied_bed b({.max_open_for = 2h});
    b.proxy.stop();
    const auto late = b.add("late", {.retry = webhook::retry_options{.delays = {0s, 1h, 1h}}});
    b.bed->publish("1");
    b.add("soon");
    b.bed->publish("2");
    REQUIRE(b.bed->attempts.size() == 2);
    b.proxy.start();
    b.pass(4s);
    CHECK(late.counters().delivered == 0);
    b.pass(2s);
    CHECK(b.bed->attempts.size() == 5);
    CHECK(late.counters().delivered == 2);
}

TEST_CASE("what waits for the proxy waits no longer when anything gets through it", "[webhook]") {
    proxied_bed b({.max_open_for = 2h});
    b.proxy.stop();
    const auto late = b.add("late", {.retry = webhook::retry_options{.delays = {0s, 1h, 1h}}});
    b.bed->publish("1");
    b.proxy.start();
    b.pass(6s);
    CHECK(b.bed->attempts.size() == 1);
    std::optional<webhook::endpoint> other;
    SECTION("a delivery that had not waited") {
        other = b.add("other", {}, "other.example");
        b.bed->publish("2");
        CHECK(late.counters().delivered == 2);
    }
    SECTION("a question") {
        other = b.add("other", {.consent = webhook::consent_request{.origin = "hub.example"}},
                      "other.example");
        b.bed->publish("2");
        CHECK(late.counters().delivered == 2);
        CHECK(other->counters().delivered == 0);
    }
}

TEST_CASE("a connection past the proxy ends no wait for it", "[webhook]") {
    proxied_bed b({.max_open_for = 2h}, true);
    const auto late = b.add("late", {.retry = webhook::retry_options{.delays = {0s, 1h, 1h}}});
    b.proxy.stop();
    b.bed->publish("1");
    b.pass(6s);
    b.w.sim().add_name("direct.example", {"127.0.0.1"});
    const auto direct = b.add("direct", {}, "direct.example:" + std::to_string(b.target));
    b.bed->publish("2");
    CHECK(direct.counters().delivered == 1);
    CHECK(b.bed->attempts.size() == 2);
    CHECK(late.counters().delivered == 0);
}

TEST_CASE("a proxy that hangs is at fault once a second target waits in vain", "[webhook]") {
    proxied_bed b({.open_after = 2, .disable_after = 2, .disable_after_time = 0ms});
    const auto one = b.add("one");
    const auto two = b.add("two", {}, "other.example");
    b.proxy.status = 0;
    b.bed->publish("1");
    b.pass(20min);
    CHECK(b.bed->attempts.size() > 8);
    std::size_t timed_out = 0;
    for (const auto& a : b.bed->attempts) {
        if (a.error == errc::timed_out)
            ++timed_out;
        else
            CHECK(a.error == errc::proxy_failed);
    }
    CHECK(timed_out == 1);  // of the first, which might have been the target's
    CHECK(b.changes.empty());
    b.proxy.status = 200;
    b.pass(20min);
    CHECK(one.counters().delivered == 1);
    CHECK(two.counters().delivered == 1);
}

TEST_CASE("a target that hangs in a proxy which answers others is at fault itself", "[webhook]") {
    proxied_bed b(proxied_bed::strict());
    b.proxy.status = 0;
    b.proxy.status_of = "8.8.4.4:80";
    const auto one = b.add("one");
    b.bed->publish("1");
    b.pass(6s);
    CHECK(one.disabled());
    const auto good = b.add("good", {}, "other.example");
    b.bed->publish("2");
    CHECK(good.counters().delivered == 1);
    b.proxy.status_of = "8.8.8.8:80";
    const auto third = b.add("third", {}, "third.example");
    b.bed->publish("3");
    b.pass(6s);
    CHECK(third.disabled());
    CHECK_FALSE(good.disabled());
}

TEST_CASE("that an endpoint waits for the proxy is logged once each time", "[webhook]") {
    proxied_bed b;
    b.proxy.status = 407;
    b.proxy.status_of = "8.8.4.4:80";
    const auto refused = b.add("refused");
    b.add("good", {}, "other.example");
    b.bed->publish("1");
    b.bed->publish("2");
    b.pass(20min);
    CHECK(b.bed->attempts.size() > 5);
    CHECK(b.logged("waits for the proxy: the proxy wants other credentials") == 1);
    b.proxy.status = 200;
    b.pass(20min);
    CHECK(refused.counters().delivered == 2);
    b.proxy.status = 407;
    b.proxy.stop();
    b.proxy.start();
    b.bed->publish("3");
    b.pass(1min);
    CHECK(b.logged("waits for the proxy") == 2);
}

TEST_CASE("what waits for the proxy keeps its order and ends when it expires", "[webhook]") {
    proxied_bed b;
    b.proxy.stop();
    const auto e = b.add("e", {.order = webhook::delivery_order::endpoint});
    b.bed->hub->publish("a", event("test", "/test", "short")
                                 .id("short")
                                 .extension("expirytime", "2026-01-01T00:01:00Z"));
    for (const auto* const text : {"1", "2", "3"}) b.bed->publish(text);
    b.pass(30s);
    CHECK(e.counters().dead == 0);
    b.pass(10min);
    CHECK(e.counters().dead == 1);
    b.proxy.start();
    b.pass(10min);
    CHECK(bodies_of(b.sink) == std::vector<std::string>{"1", "2", "3"});
}

TEST_CASE("a probe that the proxy fails leaves the circuit as it is", "[webhook]") {
    proxied_bed b({.open_after = 1, .open_for = 30s});
    b.sink.answer = answering({500, 200});
    const auto e = b.add("e");
    b.bed->publish();
    using kind = webhook::endpoint_change::kind;
    REQUIRE(b.changes == std::vector{kind::circuit_opened});
    b.proxy.stop();
    b.pass(5min);
    CHECK(b.changes == std::vector{kind::circuit_opened});
    CHECK(b.attempts_used() == std::vector<std::uint32_t>{1});
    b.proxy.start();
    b.pass(5min);
    CHECK(b.changes == std::vector{kind::circuit_opened, kind::circuit_closed});
    CHECK(e.counters().delivered == 1);
}

}  // namespace tidings::test
