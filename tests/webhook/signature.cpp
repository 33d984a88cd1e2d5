// SPDX-License-Identifier: BSL-1.0
#include <tidings/text/impl/base64.hpp>
#include <tidings/webhook/github.hpp>
#include <tidings/webhook/signature.hpp>

#include "support/catch2.hpp"
#include "support/signed_request.hpp"

#include <atomic>
#include <chrono>
#include <concepts>
#include <limits>
#include <memory>
#include <optional>
#include <ostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
using namespace std::string_view_literals;
using std::chrono::seconds;
using std::chrono::system_clock;
using tidings::errc;
using tidings::error_code;
using tidings::webhook::github_scheme;
using tidings::webhook::header_lookup;
using tidings::webhook::hmac_signer;
using tidings::webhook::hmac_verifier;
using tidings::webhook::secret;
using tidings::webhook::standard_headers;
using tidings::webhook::standard_key;
using tidings::webhook::standard_options;
using tidings::webhook::standard_signer;
using tidings::webhook::standard_verifier;
using tidings::webhook::verifier;

// The test vector of Svix' own libraries.
constexpr auto svix_secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"sv;
constexpr auto svix_id = "msg_p5jXN8AQM9LWM0D4loKWxJek"sv;
constexpr auto svix_time = "1614265330"sv;
constexpr auto svix_body = R"({"test": 2432232314})"sv;
constexpr auto svix_signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="sv;
constexpr system_clock::time_point svix_now(1614265330s);

// That of the Rust library of Standard Webhooks, and what its secret makes of the message above.
constexpr auto other_secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"sv;
constexpr auto other_signature = "v1,78nXHjpFP0tVJQW5D0SBwmVyyW87BV/rL6MgfM/Bw44="sv;

template <class T>
concept printable = requires(std::ostream& out, const T& value) {
    out << value;
};
static_assert(printable<std::string> && !printable<secret>);
static_assert(!std::convertible_to<secret, std::string>);
static_assert(!std::convertible_to<std::string_view, secret>);
static_assert(std::is_nothrow_move_constructible_v<secret>);

std::vector<standard_key> keys(std::initializer_list<std::string_view> texts) {
    std::vector<standard_key> list;
    for (const auto text : texts) list.emplace_back(secret(text));
    return list;
}

hmac_verifier github_verifier(const std::vector<std::string>& secrets) {
    return {github_scheme(), secrets};
}

std::string github_sign(std::string_view secret, std::string_view body) {
    tidings::http::fields f;
    if (hmac_signer(github_scheme(), {std::string(secret)})
            .sign({.attempt = svix_now, .body = body}, f))
        return {};
    return std::string(f.get("x-hub-signature-256"));
}

using request = tidings::test::signed_request;

request svix_request() {
    return {{{"webhook-id", std::string(svix_id)},
             {"webhook-timestamp", std::string(svix_time)},
             {"webhook-signature", std::string(svix_signature)}},
            std::string(svix_body)};
}

error_code verify(const verifier& with, const request& what,
                  system_clock::time_point now = svix_now) {
    return with.verify(what, what.body, now);
}

error_code verify_with(std::string_view header, std::string_view value) {
    auto changed = svix_request();
    changed.headers[std::string(header)] = value;
    return verify(standard_verifier(keys({svix_secret})), changed);
}

TEST_CASE("text that is no symmetric secret is refused", "[webhook]") {
    using tidings::detail::base64_encode;
    const auto text = GENERATE(
        as<std::string>{}, "", "whsec_", "whsec_...", "whsec_ MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n", "WHSEC_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whsec-MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLw==",      // 22 bytes
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwAA",    // no padding
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwAB==",  // trailing bits
        "whsk_" + base64_encode(std::string(64, 'k')),
        "whpk_" + base64_encode(std::string(32, 'k')),
        "whsec_" + base64_encode(std::string(23, 'k')),
        "whsec_" + base64_encode(std::string(76, 'k')), base64_encode(std::string(23, 'k')));
    CAPTURE(text);
    error_code ec;
    CHECK(secret::parse(text, ec).empty());
    CHECK(ec == errc::webhook_invalid_secret);
    CHECK_THROWS_AS(secret(text), std::invalid_argument);
}

TEST_CASE("a secret is 24 to 75 bytes in base64, with or without its prefix", "[webhook]") {
    using tidings::detail::base64_encode;
    const auto text =
        GENERATE(as<std::string>{}, std::string(svix_secret), std::string(svix_secret.substr(6)),
                 "whsec_" + base64_encode(std::string(24, '\0')),
                 "whsec_" + base64_encode(std::string(25, 'k')),
                 "whsec_" + base64_encode(std::string(75, 'k')));
    error_code ec = errc::closed;
    CHECK_FALSE(secret::parse(text, ec).empty());
    CHECK_FALSE(ec);
    CHECK_FALSE(secret(text).empty());
}

TEST_CASE("a copy of a secret is the same secret, and assignment replaces it", "[webhook]") {
    secret first(svix_secret);
    secret copy = first;
    CHECK_FALSE(verify(standard_verifier({copy}), svix_request()));
    copy = secret(other_secret);
    CHECK(verify(standard_verifier({copy}), svix_request()));
    CHECK_FALSE(verify(standard_verifier({first}), svix_request()));
    const secret moved = std::move(first);
    CHECK_FALSE(verify(standard_verifier({moved}), svix_request()));
    CHECK(secret().empty());
}

TEST_CASE("signers and verifiers without a secret cannot be made", "[webhook]") {
    using refused = std::invalid_argument;
    CHECK_THROWS_AS(standard_signer(std::vector<standard_key>()), refused);
    CHECK_THROWS_AS(standard_signer({secret()}), refused);
    CHECK_THROWS_AS(standard_verifier(std::vector<standard_key>()), refused);
    CHECK_THROWS_AS(standard_verifier({secret(svix_secret), secret()}), refused);
    CHECK_THROWS_AS(github_verifier(std::vector<std::string>()), refused);
    CHECK_THROWS_AS(github_verifier({"right", ""}), refused);
    CHECK_THROWS_AS(standard_verifier(keys({svix_secret}), {.tolerance = -1s}), refused);
}

TEST_CASE("a request without all three headers is refused first of all", "[webhook]") {
    const standard_verifier with(keys({svix_secret}));
    for (const auto name : {"webhook-id", "webhook-timestamp", "webhook-signature"}) {
        auto without = svix_request();
        without.headers["webhook-timestamp"] = "junk";  // would be refused later for this
        without.headers.erase(name);
        CHECK(verify(with, without) == errc::webhook_missing_header);
        without.headers[name] = "";
        CHECK(verify(with, without) == errc::webhook_missing_header);
    }
    CHECK(verify(with, {}) == errc::webhook_missing_header);
}

TEST_CASE("a timestamp that is not a plain integer is refused", "[webhook]") {
    const auto text =
        GENERATE(as<std::string_view>{}, "1614265330junk", "1614265330.0", "1614265330.",
                 "+1614265330", "-1614265330", " 1614265330", "1614265330 ", "1,614,265,330",
                 "1614265330e0", "1.614265330e9", "0x60378e72", "junk", "-", "+", "-0", "NaN",
                 "1614265330\0"sv, "9223372036854775808", "99999999999999999999999999", "\xd9\xa1");
    CAPTURE(text);
    CHECK(verify_with("webhook-timestamp", text) == errc::webhook_invalid_timestamp);
}

TEST_CASE("a timestamp is believed up to the tolerance either way", "[webhook]") {
    const standard_verifier with(keys({svix_secret}));
    const auto message = svix_request();
    CHECK_FALSE(verify(with, message, svix_now));
    CHECK_FALSE(verify(with, message, svix_now + 300s));
    CHECK_FALSE(verify(with, message, svix_now + 300s + 999ms));
    CHECK(verify(with, message, svix_now + 301s) == errc::webhook_timestamp_too_old);
    CHECK_FALSE(verify(with, message, svix_now - 300s));
    CHECK(verify(with, message, svix_now - 301s) == errc::webhook_timestamp_too_new);
    CHECK(verify(with, message, svix_now - 300s - 1ms) == errc::webhook_timestamp_too_new);

    const standard_verifier strict(keys({svix_secret}), {.tolerance = 0s});
    CHECK_FALSE(verify(strict, message, svix_now));
    CHECK(verify(strict, message, svix_now + 1s) == errc::webhook_timestamp_too_old);
    CHECK(verify(strict, message, svix_now - 1s) == errc::webhook_timestamp_too_new);

    const standard_verifier timeless(keys({svix_secret}), {.tolerance = seconds::max()});
    CHECK_FALSE(verify(timeless, message, system_clock::time_point::max()));
    CHECK_FALSE(verify(timeless, message, system_clock::time_point::min()));
}

TEST_CASE("the timestamp is judged before the signature, whatever number it is", "[webhook]") {
    CHECK(verify_with("webhook-timestamp", "0") == errc::webhook_timestamp_too_old);
    CHECK(verify_with("webhook-timestamp", "1614265029") == errc::webhook_timestamp_too_old);
    CHECK(verify_with("webhook-timestamp", "1614265631") == errc::webhook_timestamp_too_new);
    CHECK(verify_with("webhook-timestamp", "9223372036854775807") ==
          errc::webhook_timestamp_too_new);

    auto late = svix_request();
    late.headers["webhook-timestamp"] = "9223372036854775807";
    const standard_verifier with(keys({svix_secret}));
    CHECK(verify(with, late, system_clock::time_point::min()) == errc::webhook_timestamp_too_new);
    CHECK(verify(with, late, system_clock::time_point::max()) == errc::webhook_timestamp_too_new);
}

TEST_CASE("a request of which anything was changed is refused", "[webhook]") {
    constexpr auto refused = errc::webhook_no_matching_signature;
    const standard_verifier with(keys({svix_secret}));
    CHECK(verify_with("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJeK") == refused);
    CHECK(verify_with("webhook-timestamp", "1614265331") == refused);
    CHECK(verify_with("webhook-timestamp", "01614265330") == refused);
    auto changed = svix_request();
    changed.body += ' ';
    CHECK(verify(with, changed) == refused);
    changed.body = "";
    CHECK(verify(with, changed) == refused);
    CHECK(verify(standard_verifier(keys({other_secret})), svix_request()) == refused);
}

TEST_CASE("an id with a full stop cannot move the border to timestamp and body", "[webhook]") {
    // Signed over "msg.1614265330" with a body of "1614269999.x"; replayed an hour later with the
    // borders moved, the signed bytes are the same.
    standard_headers out;
    REQUIRE_FALSE(standard_signer(keys({svix_secret})).sign("msg", svix_now, "1614269999.x", out));
    request moved{{{"webhook-id", "msg.1614265330"},
                   {"webhook-timestamp", "1614269999"},
                   {"webhook-signature", out.signature}},
                  "x"};
    CHECK(verify(standard_verifier(keys({svix_secret})), moved,
                 system_clock::time_point(1614269999s)) == errc::webhook_no_matching_signature);
}

TEST_CASE("unknown and malformed signatures never match", "[webhook]") {
    const std::string good(svix_signature);
    const std::string base64 = good.substr(3);
    auto last_bit = good;
    last_bit[last_bit.size() - 2] = 'F';  // the same bytes for a decoder that ignores spare bits
    const auto text = GENERATE_COPY(
        as<std::string>{}, "junk", ",", "v1", "v1,", "v1,=", "v1,====", "v1 ,", " ", "   ",
        "v1,v1,", base64, "v1=" + base64, "v0," + base64, "v2," + base64, "v1a," + base64,
        "V1," + base64, "," + base64, "v1,," + base64, "v1, " + base64, "v1," + base64 + ",",
        good + "junk", good.substr(0, good.size() - 1), good.substr(0, good.size() - 5), good + "=",
        good + "\t", "\t" + good, good + "," + good, "v1,\xff\xfe", last_bit,
        "v1,g0hM9SsE-OTPJTGt_tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        "v1,834c4cf52b04f8e4cf2531adfed9882ad4b2665137b852442d594d20e2c9d4e1",
        "v1,G0HM9SSE+OTPJTGT/TMIKTSYZLE3UFJELVLNIOLJ1OE=");
    CAPTURE(text);
    CHECK(verify_with("webhook-signature", text) == errc::webhook_no_matching_signature);
}

TEST_CASE("one good signature among any others is enough", "[webhook]") {
    const std::string good(svix_signature);
    const auto text = GENERATE_COPY(
        as<std::string>{}, good, "v1," + std::string(43, 'A') + "= " + good, good + " junk",
        "v1a,AAAA " + good, "junk " + good, ", " + good, "v1 " + good, "v1, " + good,
        "v1,!!!! " + good, " " + good, good + " ", "   " + good + "   " + good, "v1,\xff " + good,
        std::string(other_signature) + " " + good);
    CAPTURE(text);
    CHECK_FALSE(verify_with("webhook-signature", text));
}

TEST_CASE("any secret of a verifier may fit", "[webhook]") {
    CHECK_FALSE(verify(standard_verifier(keys({svix_secret, other_secret})), svix_request()));
    CHECK_FALSE(verify(standard_verifier(keys({other_secret, svix_secret})), svix_request()));
}

TEST_CASE("a header prefix other than that of the standard may be agreed on", "[webhook]") {
    const standard_verifier with(keys({svix_secret}), {.header_prefix = "svix-"});
    CHECK(verify(with, svix_request()) == errc::webhook_missing_header);
    request branded{{{"svix-id", std::string(svix_id)},
                     {"svix-timestamp", std::string(svix_time)},
                     {"svix-signature", std::string(svix_signature)}},
                    std::string(svix_body)};
    CHECK_FALSE(verify(with, branded));
}

TEST_CASE("an id that a receiver could misread is not signed", "[webhook]") {
    const standard_signer signer(keys({svix_secret}));
    const auto id = GENERATE(as<std::string_view>{}, "", ".", "msg.1", "msg 1", "msg\r\nX: y",
                             "msg\n", "msg\0"sv, "msg\x7f", "m\xc3\xa4g");
    CAPTURE(id);
    standard_headers out;
    CHECK(signer.sign(id, svix_now, "", out) == errc::invalid_argument);
}

TEST_CASE("a time before 1970 is not signed", "[webhook]") {
    const standard_signer signer(keys({svix_secret}));
    standard_headers out;
    CHECK(signer.sign("m", system_clock::time_point(-1ms), "", out) == errc::invalid_argument);
    CHECK_FALSE(signer.sign("m", system_clock::time_point(0ms), "", out));
    CHECK(out.timestamp == "0");
}

TEST_CASE("the known vectors of Standard Webhooks are signed to the letter", "[webhook]") {
    standard_headers out;
    REQUIRE_FALSE(
        standard_signer(keys({svix_secret})).sign(svix_id, svix_now + 999ms, svix_body, out));
    CHECK(out.id == svix_id);
    CHECK(out.timestamp == svix_time);
    CHECK(out.signature == svix_signature);

    REQUIRE_FALSE(standard_signer(keys({other_secret}))
                      .sign("msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
                            system_clock::time_point(1649367553s),
                            R"({"email":"test@example.com","username":"test_user"})", out));
    CHECK(out.id == "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk");
    CHECK(out.timestamp == "1649367553");
    CHECK(out.signature == "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=");
}

TEST_CASE("every live secret signs, in order", "[webhook]") {
    standard_headers out;
    REQUIRE_FALSE(
        standard_signer(keys({svix_secret, other_secret})).sign(svix_id, svix_now, svix_body, out));
    CHECK(out.signature == std::string(svix_signature) + ' ' + std::string(other_signature));
}

TEST_CASE("bodies are bytes: empty and not UTF-8 are signed and verified", "[webhook]") {
    const standard_signer signer(keys({svix_secret}));
    const standard_verifier with(keys({svix_secret}));
    const auto [body, signature] = GENERATE(table<std::string, std::string>({
        {"", "v1,/n9JD+QvCBymh/dplZctdnJL3Jc/7vU4siQ5cz50QYY="},
        {std::string("\xff\0\xfe", 3), "v1,40Ar0TuNJ+bPx45y7MU2+bjD/xPFT3YaWt0W38IgwM0="},
    }));
    standard_headers out;
    REQUIRE_FALSE(signer.sign("msg_1", svix_now, body, out));
    CHECK(out.signature == signature);
    CHECK_FALSE(verify(with, {{{"webhook-id", out.id},
                               {"webhook-timestamp", out.timestamp},
                               {"webhook-signature", out.signature}},
                              body}));
}

TEST_CASE("a signature of GitHub's that does not fit is refused", "[webhook]") {
    const auto with = github_verifier({"It's a Secret to Everybody"});
    const std::string hex = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    const auto judge = [&](std::string_view header, std::string body = "Hello, World!") {
        return verify(with, {{{"x-hub-signature-256", std::string(header)}}, std::move(body)});
    };
    REQUIRE_FALSE(judge("sha256=" + hex));

    CHECK(verify(with, {{}, "Hello, World!"}) == errc::webhook_missing_header);
    CHECK(judge("") == errc::webhook_missing_header);
    CHECK(verify(with, {{{"x-hub-signature", "sha256=" + hex}}, "Hello, World!"}) ==
          errc::webhook_missing_header);

    constexpr auto refused = errc::webhook_no_matching_signature;
    CHECK(judge("sha256=" + hex, "Hello, World?") == refused);
    CHECK(judge("sha256=" + hex, "") == refused);
    CHECK(judge("sha256=") == refused);
    CHECK(judge("sha256") == refused);
    CHECK(judge("sha1=" + hex) == refused);
    CHECK(judge("SHA256=" + hex) == refused);
    CHECK(judge(hex) == refused);
    CHECK(judge("sha256=" + hex + "00") == refused);
    CHECK(judge("sha256=" + hex + "0") == refused);
    CHECK(judge("sha256=" + hex + " ") == refused);
    CHECK(judge(" sha256=" + hex) == refused);
    CHECK(judge("sha256=" + hex.substr(2)) == refused);
    CHECK(judge("sha256=" + hex.substr(1)) == refused);
    CHECK(judge("sha256=x" + hex.substr(1)) == refused);
    CHECK(judge("sha256=sha256=" + hex) == refused);
    CHECK(judge("sha256=0" + hex.substr(1)) == refused);
    CHECK(judge("sha256=" + hex.substr(0, 63) + "6") == refused);
    CHECK(verify(github_verifier({"it's a secret to everybody"}),
                 {{{"x-hub-signature-256", "sha256=" + hex}}, "Hello, World!"}) == refused);
}

TEST_CASE("the example of GitHub's documentation holds both ways", "[webhook]") {
    const auto header = github_sign("It's a Secret to Everybody", "Hello, World!");
    CHECK(header == "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17");
    const request message{{{"x-hub-signature-256", header}}, "Hello, World!"};
    CHECK_FALSE(verify(github_verifier({"It's a Secret to Everybody"}), message));
    CHECK_FALSE(verify(github_verifier({"old", "It's a Secret to Everybody"}), message));
    CHECK_FALSE(verify(github_verifier({"It's a Secret to Everybody", "new"}), message));
}

TEST_CASE("a receiver may hold any verifier by its interface", "[webhook]") {
    const std::shared_ptr<const verifier> any =
        std::make_shared<standard_verifier>(keys({svix_secret}));
    const auto message = svix_request();
    CHECK_FALSE(
        any->verify([&](std::string_view name) { return message(name); }, message.body, svix_now));
    // A lookup may be passed on, and may answer with what becomes an optional view.
    const header_lookup lookup = [](std::string_view) { return "x"sv; };
    const header_lookup copy = lookup;
    CHECK(copy("y") == "x"sv);
    CHECK(any->verify(lookup, "", svix_now) == errc::webhook_invalid_timestamp);
}

TEST_CASE("an attempt is known by what its signature covers", "[webhook]") {
    const auto find = [](std::string_view name) -> std::optional<std::string_view> {
        if (name == "svix-id") return svix_id;
        if (name == "svix-timestamp") return svix_time;
        return std::nullopt;
    };
    const standard_verifier standard(keys({svix_secret}), {.header_prefix = "svix-"});
    CHECK(standard.attempt_id(find) == std::string(svix_id) + '.' + std::string(svix_time));
    CHECK(github_verifier({"a"}).attempt_id(find).empty());
}

TEST_CASE("an attempt that GitHub signed is known by its signature, in whatever letters",
          "[webhook]") {
    std::string signature = "sha256=" + std::string(60, '0') + "abcd";
    const auto find = [&](std::string_view name) -> std::optional<std::string_view> {
        if (name == "x-hub-signature-256") return signature;
        return std::nullopt;
    };
    const auto verifier = github_verifier({"a"});
    const auto id = verifier.attempt_id(find);
    CHECK(id.ends_with("abcd"));
    signature.replace(signature.size() - 4, 4, "aBCd");
    CHECK(verifier.attempt_id(find) == id);
    signature = "sha256=no hex";
    CHECK(verifier.attempt_id(find).empty());
}

TEST_CASE("signers and verifiers serve several threads at once", "[webhook][threads]") {
    const standard_signer signer(keys({svix_secret, other_secret}));
    const standard_verifier with(keys({other_secret, svix_secret}));
    const auto github = github_verifier({"a", "b"});
    std::atomic<int> wrong = 0;
    const auto work = [&](char name) {
        for (int i = 0; i < 200; ++i) {
            const std::string body(static_cast<std::size_t>(i), name);
            standard_headers out;
            if (signer.sign("m", svix_now, body, out)) ++wrong;
            if (verify(with, {{{"webhook-id", out.id},
                               {"webhook-timestamp", out.timestamp},
                               {"webhook-signature", out.signature}},
                              body}))
                ++wrong;
            if (verify(github, {{{"x-hub-signature-256", github_sign("b", body)}}, body})) ++wrong;
        }
    };
    std::thread other(work, 'a');
    work('b');
    other.join();
    CHECK(wrong == 0);
}

}  // namespace
