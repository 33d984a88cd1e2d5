// SPDX-License-Identifier: BSL-1.0
#include <tidings/impl/bearer.hpp>

#include "support/catch2.hpp"

using tidings::detail::bearer_credentials;
using tidings::detail::bears_token;

TEST_CASE("the token is what follows the scheme, in any case and after any spaces", "[bearer]") {
    CHECK(bearer_credentials("Bearer s3cret") == "s3cret");
    CHECK(bearer_credentials("bEARER   s3cret") == "s3cret");
    CHECK(bearer_credentials("Bearer s3cret x") == "s3cret x");
    for (const auto* const other : {"", "Bearer", "Bearer ", "Bearer   ", "Basic s3cret", "s3cret",
                                    "Bearers3cret", "xBearer s3cret", " Bearer s3cret"}) {
        CAPTURE(other);
        CHECK(bearer_credentials(other).empty());
    }
}

TEST_CASE("only the whole token is the token, and none is never the right one", "[bearer]") {
    CHECK(bears_token("Bearer s3cret", "s3cret"));
    for (const auto* const other :
         {"Bearer s3cre", "Bearer s3cret2", "Bearer S3CRET", "s3cret", ""})
        CHECK_FALSE(bears_token(other, "s3cret"));
    CHECK_FALSE(bears_token("", ""));
    CHECK_FALSE(bears_token("Bearer ", ""));
}
