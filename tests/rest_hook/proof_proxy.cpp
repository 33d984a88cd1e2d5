// SPDX-License-Identifier: BSL-1.0
// Questions for a proof of intent through a proxy that fails.
#include "support/proof_bed.hpp"
#include "support/relaying_proxy.hpp"

#include <tidings/http/impl/message/url.hpp>
#include <tidings/http/proxy_network.hpp>

#include <algorithm>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;

std::uint16_t port_of(const std::string& url) {
    error_code ec;
    return http::url::parse(url, ec).port;
}

struct proxied_proof_bed {
    explicit proxied_proof_bed(rest_hook::proof p) {
        auto s = hook_sender_options(w);
        s.environment.network = network.get();
        s.keep_addresses = 0s;
        w.sim().add_name("target.example", {"8.8.4.4"});
        bed.emplace(w, asking_for(p), std::move(s));
        bed->target.answer = agree;
        proxy.emplace(w.sim(), w.io().get_executor(), port_of(bed->target.url()));
    }
    std::string make(const std::string& path = "/hook") {
        const nlohmann::json body{{"event", "a"}, {"target_url", "http://target.example" + path}};
        const auto r = bed->post(body.dump());
        INFO(r.body);
        REQUIRE(r.status == 201);
        w.run_ready();
        return nlohmann::json::parse(r.body).at("id");
    }
    void pass(std::chrono::seconds time) {
        for (; time.count() > 0; time -= 1s) w.advance(1s);
    }

    world w;
    std::unique_ptr<io::network> network = http::make_proxy_network(
        w.sim(), {.host = "127.0.0.1", .port = relaying_proxy::port, .clock = &w.clock()});
    std::optional<proof_bed> bed;
    std::optional<relaying_proxy> proxy;
};

}  // namespace

TEST_CASE("a question that ends at the proxy counts as not asked, and is asked again",
          "[rest_hook][proof]") {
    const auto kind = GENERATE(rest_hook::proof::echo, rest_hook::proof::challenge);
    proxied_proof_bed b(kind);
    const bool stopped = GENERATE(true, false);
    stopped ? b.proxy->stop() : static_cast<void>(b.proxy->status = 407);
    const auto id = b.make();
    const auto other = b.make("/hook?other");
    const auto outage = GENERATE(10s, 10'000s);
    b.pass(outage);
    CHECK(b.bed->state_of(id) == "pending");
    CHECK(b.bed->questions().empty());
    if (!stopped) CHECK(b.proxy->asked.size() < 40);
    CHECK(b.bed->logged->find("did not get beyond the proxy") != std::string::npos);
    CHECK_FALSE(b.bed->shown(id).contains("reason"));
    stopped ? b.proxy->start() : static_cast<void>(b.proxy->status = 200);
    b.pass(std::min<std::chrono::seconds>(outage, 1h) + 3s);
    CHECK(b.bed->state_of(id) == "active");
    CHECK(b.bed->state_of(other) == "active");
    CHECK(b.bed->questions().size() == 2);
}

}  // namespace tidings::test
