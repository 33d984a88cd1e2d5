// SPDX-License-Identifier: BSL-1.0
// Asymmetric keys of Standard Webhooks, and keys that expire.
#include <tidings/test/fixed_random.hpp>
#include <tidings/text/impl/base64.hpp>
#include <tidings/webhook/signature.hpp>

#include "support/catch2.hpp"
#include "support/signed_request.hpp"

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using detail::base64_encode;
using std::chrono::system_clock;
using webhook::private_key;
using webhook::public_key;
using webhook::secret;
using webhook::standard_key;
using webhook::standard_signer;
using webhook::standard_verifier;

template <class T>
concept printable = requires(std::ostream& out, const T& value) {
    out << value;
};
static_assert(!printable<private_key> && !printable<standard_key>);

// The vector of Svix' own server for the asymmetric scheme.
const std::string private_text =
    "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==";
const std::string public_text = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=";
const std::string secret_text = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
constexpr system_clock::time_point sent(1614265330s);
const std::string body = R"({"test": 2432232314})";
const std::string signature =
    "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==";

signed_request signed_with(std::string_view tokens) {
    return {{{"webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"},
             {"webhook-timestamp", "1614265330"},
             {"webhook-signature", std::string(tokens)}},
            body};
}

std::string sign(const std::vector<standard_key>& keys, system_clock::time_point when = sent) {
    webhook::standard_headers out;
    if (const auto ec = standard_signer(keys).sign("msg_p5jXN8AQM9LWM0D4loKWxJek", when, body, out))
        return ec.message();
    return out.signature;
}

}  // namespace

TEST_CASE("the known vector of the asymmetric scheme holds both ways", "[webhook]") {
    const private_key key(private_text);
    CHECK(key.public_half() == public_key(public_text));
    CHECK(key.public_half().text() == public_text);
    CHECK(sign({key}) == signature);
    CHECK_FALSE(
        signed_with(signature).verified_by(standard_verifier({public_key(public_text)}), sent));
    CHECK_FALSE(signed_with(signature).verified_by(standard_verifier({key}), sent));
    CHECK_FALSE(signed_with("v1,AAAA junk v1a,AAAA " + signature)
                    .verified_by(standard_verifier({public_key(public_text)}), sent));
}

TEST_CASE("a request that another key signed, or nobody, is refused", "[webhook]") {
    constexpr auto refused = errc::webhook_no_matching_signature;
    const standard_verifier with({public_key(public_text)});
    const private_key other(private_key::make());
    CHECK(signed_with(sign({other})).verified_by(with, sent) == refused);
    auto changed = signed_with(signature);
    changed.body += ' ';
    CHECK(changed.verified_by(with, sent) == refused);
    CHECK(signed_with(signature).with("webhook-id", "msg_2").verified_by(with, sent) == refused);
    const auto text = GENERATE(as<std::string>{}, "v1a", "v1a,", "v1a,====", "v1a,AAAA", "v1a, ",
                               "v1a," + base64_encode(std::string(64, '\0')),
                               "v1a," + base64_encode(std::string(63, '\0')));
    CHECK(signed_with(text).verified_by(with, sent) == refused);
    CHECK(signed_with("v1" + signature.substr(3)).verified_by(with, sent) == refused);
    CHECK(signed_with(signature.substr(0, signature.size() - 2)).verified_by(with, sent) ==
          refused);
}

TEST_CASE("a public key is never taken for the secret of a symmetric signature", "[webhook]") {
    // What an attacker can make who knows the public key: a v1 keyed by its 32 bytes.
    const auto forged = sign({secret("whsec_" + public_text.substr(5))});
    REQUIRE(forged.starts_with("v1,"));
    CHECK(signed_with(forged).verified_by(standard_verifier({public_key(public_text)}), sent) ==
          errc::webhook_no_matching_signature);
}

TEST_CASE("a stranger's list of asymmetric signatures costs sixteen verifications at most",
          "[webhook]") {
    const standard_verifier with({public_key(public_text)});
    std::string tokens;
    for (int i = 0; i < 15; ++i) tokens += "v1a,AAAA ";
    CHECK_FALSE(signed_with(tokens + signature).verified_by(with, sent));
    CHECK(signed_with(tokens + "v1a,AAAA " + signature).verified_by(with, sent) ==
          errc::webhook_no_matching_signature);
}

TEST_CASE("text that is no asymmetric key is refused", "[webhook]") {
    const std::string seed(32, 's');
    error_code ec;
    const auto no_private = GENERATE_COPY(
        as<std::string>{}, "", "whsk_", private_text.substr(5), "whsk_" + base64_encode(seed),
        // The halves do not belong together.
        "whsk_" + base64_encode(seed + seed), public_text, secret_text, private_text + "\n");
    CAPTURE(no_private);
    CHECK(private_key::parse(no_private, ec).empty());
    CHECK(ec == errc::webhook_invalid_secret);
    CHECK_THROWS_AS(private_key(no_private), std::invalid_argument);
    const auto no_public =
        GENERATE_COPY(as<std::string>{}, "", "whpk_", public_text.substr(5),
                      "whpk_" + base64_encode(std::string(31, 'k')), private_text, secret_text);
    CAPTURE(no_public);
    CHECK(public_key::parse(no_public, ec).empty());
    CHECK(ec == errc::webhook_invalid_secret);
    CHECK_THROWS_AS(public_key(no_public), std::invalid_argument);
}

TEST_CASE("a key is read by its prefix", "[webhook]") {
    error_code ec = errc::closed;
    const auto symmetric = standard_key::parse(secret_text, ec);
    CHECK_FALSE(ec);
    const auto signing = standard_key::parse(private_text, ec);
    CHECK_FALSE(ec);
    const auto verifying = standard_key::parse(public_text, ec);
    CHECK_FALSE(ec);
    CHECK_FALSE(
        signed_with(sign({symmetric, signing})).verified_by(standard_verifier({verifying}), sent));
    CHECK_THROWS_AS(standard_signer({verifying}), std::invalid_argument);
    CHECK_THROWS_AS(standard_signer({private_key()}), std::invalid_argument);
    CHECK_THROWS_AS(standard_verifier({public_key()}), std::invalid_argument);
    CHECK(standard_key::parse("whsk_", ec).empty());
    CHECK(ec == errc::webhook_invalid_secret);
}

TEST_CASE("a new private key signs for its public half", "[webhook]") {
    fixed_random random;
    const private_key key(private_key::make(random));
    CHECK_FALSE(signed_with(sign({key})).verified_by(standard_verifier({key.public_half()}), sent));
    CHECK(private_key::make() != private_key::make());
}

TEST_CASE("a key neither signs nor verifies from the moment of its end", "[webhook]") {
    const standard_key old(secret(secret_text), sent + 1s);
    const private_key fresh(private_text);
    const auto both = sign({old, fresh});
    CHECK(both.starts_with("v1,"));
    CHECK(both.ends_with(signature));
    CHECK(sign({old, fresh}, sent + 1s).starts_with("v1a,"));
    CHECK(sign({old}, sent + 1s) == make_error_code(errc::webhook_missing_secret).message());

    const auto message = signed_with(sign({secret(secret_text)}));
    CHECK_FALSE(message.verified_by(standard_verifier({old}), sent));
    CHECK(message.verified_by(standard_verifier({old}), sent + 1s) ==
          errc::webhook_no_matching_signature);
    CHECK_FALSE(message.verified_by(standard_verifier({secret(secret_text)}), sent + 1s));
}

}  // namespace tidings::test
