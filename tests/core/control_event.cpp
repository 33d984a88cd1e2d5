// SPDX-License-Identifier: BSL-1.0
#include "support/catch2.hpp"

#include <tidings/control_event.hpp>
#include <tidings/position.hpp>

#include <limits>
#include <string>

namespace tidings::test {

namespace {

TEST_CASE("a position is 1 to 128 printable bytes", "[event]") {
    error_code ec;
    for (const auto& text : {std::string("x"), std::string("!~"), std::string(128, 'a')}) {
        CHECK(position::parse(text, ec).text() == text);
        CHECK_FALSE(ec);
    }
    for (const auto& text :
         {std::string(), std::string(129, 'a'), std::string("a b"), std::string("a\n"),
          std::string("\x7f"), std::string("\xc3\xa4"), std::string("a\0", 2)}) {
        CHECK(position::parse(text, ec).empty());
        CHECK(ec == errc::bad_position);
    }
    CHECK(position().empty());
    CHECK(position() == position());
    CHECK(position::parse("a", ec) == position::parse("a", ec));
    CHECK_FALSE(position::parse("a", ec) == position::parse("b", ec));
}

TEST_CASE("an announcement of drops tells their number", "[event]") {
    const auto e = make_lagged_event(std::numeric_limits<std::uint64_t>::max());
    CHECK(is_control(e));
    CHECK(e->topic() == lagged_type);
    CHECK(e->type() == lagged_type);
    CHECK(e->source() == "/tidings");
    CHECK(e->content_type() == "application/json");
    CHECK(e->text() == R"({"count":18446744073709551615})");
    CHECK(lagged_count(e) == std::numeric_limits<std::uint64_t>::max());
    CHECK_FALSE(e->position());
}

TEST_CASE("an announcement of a gap tells where it goes on", "[event]") {
    error_code ec;
    const auto head = position::parse("e:7", ec);
    const auto e = make_gap_event(head);
    CHECK(is_control(e));
    CHECK(e->topic() == gap_type);
    CHECK(e->type() == gap_type);
    CHECK(e->position() == head);
    CHECK_FALSE(lagged_count(e));
    CHECK_FALSE(make_gap_event({})->position());
}

TEST_CASE("an announcement of a skipped event tells its size", "[event]") {
    const auto e = make_skipped_event(1'500'000);
    CHECK(is_control(e));
    CHECK(is_loss_signal(e->topic()));
    CHECK(e->topic() == skipped_type);
    CHECK(e->text() == R"({"bytes":1500000})");
    CHECK(skipped_bytes(e) == 1'500'000u);
    CHECK_FALSE(lagged_count(e));
    CHECK_FALSE(is_loss_signal("tidings.refused"));
}

TEST_CASE("an operational event is no control event", "[event]") {
    for (const auto* const topic : {"tidings.webhook.attempt.failed", "tidings.webhook.x"}) {
        CHECK(is_operational(topic));
        CHECK_FALSE(is_control(topic));
    }
    for (const auto* const topic : {"tidings.webhook", "tidings.gap", "tidings.webhooks.x"}) {
        CHECK_FALSE(is_operational(topic));
        CHECK(is_control(topic));
    }
    CHECK_FALSE(is_operational("a.webhook.x"));
    error_code ec;
    CHECK_FALSE(publication::make("a", event{"tidings.webhook.x", "/s"}, {}, ec));
    CHECK(ec == errc::event_reserved_type);
    CHECK_FALSE(publication::make("tidings.webhook.y", event{"tidings.webhook.x", "/s"}, {}, ec));
    CHECK(ec == errc::reserved_topic);
}

TEST_CASE("nothing but a control event has a type or a topic of the library's", "[event]") {
    error_code ec;
    const auto made = [&ec](std::string_view topic, std::string_view type) {
        return publication::make(topic, event{type, "/s"}, {}, ec);
    };
    for (const auto type : {"tidings.gap", "tidings.lagged", "tidings.x", "tidings."}) {
        CAPTURE(type);
        CHECK_FALSE(made("a", type));
        CHECK(ec == errc::event_reserved_type);
        const auto control = make_gap_event({});
        CHECK_FALSE(publication::make("a", control, {}, ec));
        CHECK(ec == errc::event_reserved_type);
    }
    CHECK_FALSE(made("tidings.gap", "t"));
    CHECK(ec == errc::reserved_topic);
    CHECK_FALSE(made("tidings.gap", "tidings.lagged"));
    CHECK(ec == errc::reserved_topic);
    CHECK_FALSE(publication::make("tidings.gap", made("a", "t"), {}, ec));
    CHECK(ec == errc::reserved_topic);
    CHECK(is_control(made("tidings.x", "tidings.x")));
    for (const auto type : {"tidings", "tidings_gap", "Tidings.gap", "sse.tidings.gap"}) {
        CAPTURE(type);
        const auto e = made("a", type);
        REQUIRE(e);
        CHECK_FALSE(is_control(e));
    }
}

TEST_CASE("a count is read from announcements only, and only if there is one", "[event]") {
    error_code ec;
    const auto with = [&](std::string_view topic, std::string_view text) {
        return lagged_count(publication::make(topic, event{topic, "/s", text}, {}, ec));
    };
    CHECK(with("tidings.lagged", R"({"count":7})") == 7u);
    CHECK_FALSE(with("a", R"({"count":7})"));
    CHECK_FALSE(with("tidings.lagged", R"({"count":x})"));
    CHECK_FALSE(with("tidings.lagged", R"({"count":99999999999999999999})"));
    CHECK_FALSE(with("tidings.lagged", R"({)"));
    CHECK_FALSE(with("tidings.lagged", ""));
}

}  // namespace

}  // namespace tidings::test
