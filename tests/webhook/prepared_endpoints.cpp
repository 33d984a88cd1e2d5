// SPDX-License-Identifier: BSL-1.0
#include "support/catch2.hpp"

#include <tidings/webhook/impl/prepared_endpoints.hpp>

#include <memory>
#include <string>
#include <vector>

namespace tidings::test {

namespace {

using webhook::detail::endpoint_target;
using webhook::detail::prepared_endpoints;

std::shared_ptr<endpoint_target> target(webhook::endpoint_options o) {
    if (o.url.empty()) o.url = "https://shop.example/hook?key=1";
    if (o.id.empty()) o.id = o.url;
    return std::make_shared<endpoint_target>(std::move(o),
                                             std::make_shared<const webhook::retry_schedule>());
}

const std::string secret = "whsec_" + std::string(32, 'S');

}  // namespace

TEST_CASE("an endpoint's requests begin with what all of them have", "[webhook]") {
    prepared_endpoints all("agent/1");
    error_code ec;
    const auto made =
        all.of(target({.secret = secret, .fields = {{"X-Own", "1"}}, .bearer_token = "abc"}), ec);
    REQUIRE_FALSE(ec);
    CHECK(made->request->begin ==
          "POST /hook?key=1 HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: agent/1\r\n"
          "Accept-Encoding: identity\r\nX-Own: 1\r\nAuthorization: Bearer abc\r\n");
    CHECK(made->request->to.port == 443);
    CHECK(made->signs != nullptr);
}

TEST_CASE("what an endpoint's deliveries share is made once, for those sent to last", "[webhook]") {
    const auto max = prepared_endpoints::max_kept;
    prepared_endpoints all("");
    error_code ec;
    std::vector<std::shared_ptr<endpoint_target>> targets;
    for (std::size_t i = 0; i <= max; ++i)
        targets.push_back(target({.secret = secret, .id = std::to_string(i)}));
    const auto first = all.of(targets[0], ec);
    const auto second = all.of(targets[1], ec);
    for (std::size_t i = 2; i < max; ++i) all.of(targets[i], ec);
    CHECK(all.size() == max);
    CHECK(all.of(targets[0], ec) == first);  // the latest now
    all.of(targets[max], ec);
    CHECK(all.size() == max);
    CHECK(all.of(targets[0], ec) == first);
    const auto again = all.of(targets[1], ec);
    CHECK(again != second);
    CHECK(again->request->begin == second->request->begin);
    CHECK_FALSE(ec);
}

TEST_CASE("an endpoint that is replaced is prepared anew, and the old one forgotten", "[webhook]") {
    prepared_endpoints all("");
    error_code ec;
    auto old = target({.secret = secret, .id = "a"});
    const auto before = all.of(old, ec);
    const auto now =
        all.of(target({.url = "http://other.example/", .secret = secret, .id = "a"}), ec);
    CHECK(now->request->begin.starts_with("POST / HTTP/1.1\r\nHost: other.example\r\n"));
    CHECK(all.size() == 2);
    all.forget_gone();  // nothing holds the new one
    CHECK(all.size() == 1);
    CHECK(all.of(old, ec) == before);
    old.reset();
    all.forget_gone();
    CHECK(all.size() == 0);
}

}  // namespace tidings::test
