// SPDX-License-Identifier: BSL-1.0
#include "support/catch2.hpp"

#include <tidings/test/fixed_random.hpp>
#include <tidings/webhook/make_secret.hpp>
#include <tidings/webhook/signature.hpp>

namespace tidings::webhook {

TEST_CASE("a secret that is made can be used, and is another each time", "[webhook]") {
    test::fixed_random random;
    const auto one = make_secret(random);
    const auto other = make_secret(random);
    CHECK(one != other);
    CHECK(one.size() == 6 + 44);  // 32 bytes in base64
    for (const auto& text : {one, other, make_secret()}) {
        CHECK(text.starts_with("whsec_"));
        error_code ec;
        CHECK_FALSE(secret::parse(text, ec).empty());
        CHECK_FALSE(ec);
    }
}

}  // namespace tidings::webhook
