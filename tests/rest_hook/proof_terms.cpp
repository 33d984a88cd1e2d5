// SPDX-License-Identifier: BSL-1.0
// Which targets have to show what.
#include "support/catch2.hpp"

#include <tidings/rest_hook/impl/proof_terms.hpp>

#include <stdexcept>

namespace tidings::rest_hook::detail {

namespace {

using namespace std::chrono_literals;
using proofs = std::vector<proof>;

const proofs nothing{proof::none};
const proofs usual{proof::echo, proof::challenge};  // without an origin

}  // namespace

TEST_CASE("every target outside the allow-list of the guard has to show proof",
          "[rest_hook][proof]") {
    const proof_terms closed({}, {});
    const proof_terms open({}, {.allow_loopback = true,
                                .allow_private = true,
                                .allowed_networks = {"8.8.8.0/24", "2001:db8::/32"}});
    for (const auto* const url :
         {"https://example.com/hook", "https://hooks.zapier.com/x", "https://1.1.1.1/",
          "https://[2606:4700::1]/", "https://127.0.0.1.example.com/", "https://localhost.com/",
          "https://10.example.com/"}) {
        CAPTURE(url);
        CHECK(closed.taken("", url) == usual);
        CHECK(open.taken("", url) == usual);
    }
    for (const auto* const url :
         {"http://127.0.0.1:8080/", "http://localhost/", "http://LOCALHOST:1/", "http://[::1]/",
          "http://10.1.2.3/", "http://[fd00::1]/", "https://8.8.8.8/", "https://[2001:db8::1]/",
          "http://[::ffff:127.0.0.1]/"}) {
        CAPTURE(url);
        CHECK(closed.taken("", url) == usual);
        CHECK(open.taken("", url) == nothing);
    }
    // What the guard refuses whatever is allowed is no part of it.
    const proof_terms wide({}, {.allowed_networks = {"169.254.0.0/16"}});
    CHECK(wide.taken("", "http://169.254.169.254/") == usual);
    CHECK(wide.taken("", "http://169.254.1.1/") == nothing);
}

TEST_CASE("the first rule that fits a target and its owner decides", "[rest_hook][proof]") {
    const proof_terms t({.rules = {{.host_suffix = "Zapier.com", .takes = {proof::none}},
                                   {.host_suffix = ".strict.example",
                                    .principal = "ann",
                                    .takes = {proof::challenge}},
                                   {.network = "10.0.0.0/8", .takes = {proof::echo}},
                                   {.network = "2001:db8::/32", .takes = {proof::challenge}},
                                   {.principal = "trusted", .takes = {proof::none}}},
                         .takes = {proof::echo}},
                        {.allow_private = true, .allowed_networks = {"2001:db8::/32"}});
    const proofs echo{proof::echo}, challenge{proof::challenge};
    CHECK(t.taken("", "https://zapier.com/") == nothing);
    CHECK(t.taken("", "https://hooks.ZAPIER.com/hooks/1") == nothing);
    CHECK(t.taken("", "https://hooks.zapier.com.attacker.tld/") == echo);
    CHECK(t.taken("", "https://notzapier.com/") == echo);
    CHECK(t.taken("", "https://attacker.tld/zapier.com") == echo);
    CHECK(t.taken("ann", "https://a.strict.example/") == challenge);
    CHECK(t.taken("bob", "https://a.strict.example/") == echo);
    CHECK(t.taken("", "https://10.1.1.1/") == echo);
    CHECK(t.taken("", "https://11.1.1.1/") == echo);
    CHECK(t.taken("", "https://192.168.0.1/") == nothing);
    CHECK(t.taken("", "https://[2001:db8::7]/") == challenge);
    CHECK(t.taken("trusted", "https://example.com/") == nothing);
    CHECK(t.taken("trusted", "https://10.1.1.1/") == echo);
    CHECK(t.taken("Trusted", "https://example.com/") == echo);
}

TEST_CASE("more may be shown than is asked for, and not less", "[rest_hook][proof]") {
    const proof_terms t({.takes = {proof::echo, proof::none}, .origin = "hub.example"}, {});
    for (const auto p : {proof::none, proof::echo, proof::consent, proof::challenge})
        CHECK(t.permits({proof::none}, p));
    CHECK_FALSE(t.permits({proof::echo}, proof::none));
    CHECK_FALSE(t.permits({proof::echo}, proof::challenge));
    const proof_terms without({}, {});
    CHECK_FALSE(without.permits({proof::none}, proof::consent));
}

TEST_CASE("options about proof that are none are refused", "[rest_hook][proof]") {
    const auto bad = GENERATE(values<proof_options>({
        {.rules = {{.network = "10.0.0.1/8"}}},
        {.rules = {{.network = "example.com"}}},
        {.rules = {{.host_suffix = "."}}},
        {.rules = {{.takes = {}}}},
        {.rules = {{.takes = {proof::consent}}}},
        {.takes = {}},
        {.takes = {proof::consent}},
        {.origin = "*"},
        {.origin = "a b"},
        {.origin = "hub.example", .public_url = "hooks"},
        {.within = 0s},
    }));
    CHECK_THROWS_AS(proof_terms(bad, {}), std::invalid_argument);
}

TEST_CASE("a question is repeated after its waits, and never behind its end",
          "[rest_hook][proof]") {
    const proof_terms t({.waits = {10s, 1h, -5s}, .within = 2h}, {});
    constexpr io::system_time now{std::chrono::seconds(1767225600)};
    open_question q{.until = now + 30min};
    CHECK(t.next_after(q, now) == now + 10s);
    q.asked = 1;
    CHECK(t.next_after(q, now) == now + 10s);
    q.asked = 2;
    CHECK(t.next_after(q, now) == q.until);
    q.until = now + 3h;
    CHECK(t.next_after(q, now) == now + 1h);
    q.asked = 3;
    CHECK(t.next_after(q, now) == now + 1s);
    q.asked = 4;
    CHECK(t.next_after(q, now) == q.until);
    q.asked = 4'000'000'000;
    CHECK(t.next_after(q, now) == q.until);
    CHECK(proof_terms({.within = std::chrono::seconds::max()}, {}).options().within <= 24h * 366);
}

}  // namespace tidings::rest_hook::detail
