// SPDX-License-Identifier: BSL-1.0
#include <tidings/position.hpp>

#include "support/catch2.hpp"

#include <limits>
#include <memory>
#include <string>

namespace {

using tidings::errc;
using tidings::error_code;
using tidings::position;

position parsed(std::string_view text) {
    error_code ec;
    auto p = position::parse(text, ec);
    REQUIRE_FALSE(ec);
    return p;
}

TEST_CASE("the text of a position is given back as it came", "[position]") {
    const auto text = GENERATE(
        as<std::string>{}, "e:1", "e:0", "a:b:17", "x", ":1", ":", "e:", "e:01", "e:+1", "e:1x",
        "e/7", "e:18446744073709551614", "e:18446744073709551615", "e:18446744073709551616",
        "e:99999999999999999999999999", std::string(128, 'e'), std::string(126, 'e') + ":5");
    const auto p = parsed(text);
    CHECK(p.text() == text);
    CHECK_FALSE(p.empty());
    CHECK(p == parsed(text));
}

TEST_CASE("text that is no position is refused", "[position]") {
    const auto text =
        GENERATE(as<std::string>{}, "", "e 1", "e:1\n", "\x7f", "\xc3\xa4", std::string(129, 'e'));
    error_code ec;
    CHECK(position::parse(text, ec).empty());
    CHECK(ec == errc::bad_position);
}

TEST_CASE("a position that a history made is what its text is read as", "[position]") {
    const auto epoch = std::make_shared<const std::string>("epoch");
    const auto number =
        GENERATE(as<std::uint64_t>{}, 0, 1, 42, std::numeric_limits<std::uint64_t>::max() - 1);
    const position made(epoch, number);
    CHECK(made.text() == "epoch:" + std::to_string(number));
    const auto read = parsed(made.text());
    CHECK(read == made);
    CHECK(read.epoch() == "epoch");
    CHECK(read.number() == number);
    CHECK_FALSE(read == position(epoch, number + 1));
    CHECK_FALSE(read == position(std::make_shared<const std::string>("other"), number));
    CHECK_FALSE(read == position());
}

TEST_CASE("an epoch that is a number is twelve digits as text, and the same place", "[position]") {
    const auto epoch = GENERATE(as<std::uint64_t>{}, 0, 1, 0x123456789abcdef, (1ULL << 60) - 1);
    const position made(epoch, 7);
    CHECK(made.epoch().size() == 12);
    CHECK(made.text() == made.epoch() + ":7");
    CHECK(parsed(made.text()) == made);
    const auto text = std::make_shared<const std::string>(made.epoch());
    CHECK(position(text, 7) == made);
    CHECK(text.use_count() == 1);
    CHECK(made.has_epoch_of(position(epoch, 8)));
    CHECK_FALSE(made.has_epoch_of(position(epoch ^ 2, 7)));
    CHECK_FALSE(made == parsed(made.epoch()));
    CHECK_FALSE(made.empty());
    // No digit of the thirty-two.
    CHECK(parsed("0123456789aw:7").epoch() == "0123456789aw");
    CHECK(parsed("0123456789aV:7").text() == "0123456789aV:7");
}

TEST_CASE("text without a number is an epoch alone", "[position]") {
    CHECK(parsed("e:01").epoch() == "e:01");
    CHECK_FALSE(parsed("e:01").has_number());
    CHECK(parsed("e:01").number() == 0);
    CHECK_FALSE(parsed("e:0") == parsed("e"));
}

TEST_CASE("a copy within an epoch shares its text", "[position]") {
    const auto epoch = std::make_shared<const std::string>("epoch");
    position cursor(epoch, 1);
    const auto users = epoch.use_count();
    const position next(epoch, 2);
    cursor = next;
    CHECK(cursor == next);
    CHECK(epoch.use_count() == users + 1);
    cursor = parsed("other:3");
    CHECK(cursor.text() == "other:3");
    cursor = position();
    CHECK(cursor.empty());
    CHECK(cursor.text().empty());
}

}  // namespace
