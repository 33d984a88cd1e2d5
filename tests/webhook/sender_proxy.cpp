// SPDX-License-Identifier: BSL-1.0
// Deliveries through a proxy, to targets that the guard judges all the same.
#include "support/relaying_proxy.hpp"
#include "support/webhook_bed.hpp"

#include <tidings/http/impl/message/url.hpp>
#include <tidings/http/proxy_network.hpp>

#include <boost/asio/bind_executor.hpp>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;

struct proxied_bed {
    proxied_bed() {
        auto o = webhook_options(w);
        o.environment.network = network.get();
        o.guard = {.schemes = {"http", "https"}};  // the proxy's own address is not allowed
        o.tls.ca_pem = certificates().authority.certificate_pem;
        o.keep_addresses = 0s;
        bed.emplace(w, std::move(o));
        w.sim().add_name("target.example", {"8.8.4.4"});
        w.sim().add_name("other.example", {"2001:4860:4860::8844"});
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

    world w;
    world_sink sink{w};
    const std::uint16_t target = [this] {
        error_code ec;
        return http::url::parse(sink.url(), ec).port;
    }();
    relaying_proxy proxy{w.sim(), w.io().get_executor(), target};
    std::unique_ptr<io::network> network = http::make_proxy_network(
        w.sim(), {.host = "127.0.0.1", .port = relaying_proxy::port, .clock = &w.clock()});
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

}  // namespace tidings::test
