// SPDX-License-Identifier: BSL-1.0
// How a client reads what a server of topics answers.
#include "support/catch2.hpp"

#include <tidings/rest/impl/client_state.hpp>

#include <boost/asio/io_context.hpp>

#include <stdexcept>

namespace tidings::rest {

TEST_CASE("an answer's status becomes an error that says what to do", "[rest]") {
    struct row {
        unsigned status;
        error_code error;
    };
    const auto r = GENERATE(values<row>({{200, {}},
                                         {202, {}},
                                         {204, {}},
                                         {304, errc::http_status},
                                         {302, errc::http_status},
                                         {400, errc::invalid_argument},
                                         {401, errc::unauthorized},
                                         {403, errc::forbidden},
                                         {404, errc::not_found},
                                         {405, errc::http_status},
                                         {408, errc::timed_out},
                                         {413, errc::too_large},
                                         {415, errc::invalid_argument},
                                         {422, errc::invalid_argument},
                                         {429, errc::rate_limited},
                                         {500, errc::http_status},
                                         {503, errc::shutting_down}}));
    CAPTURE(r.status);
    CHECK(detail::error_of({.status = r.status}) == r.error);
}

TEST_CASE("a receipt is read, and a body that is none is an empty one", "[rest]") {
    const auto r = detail::read_receipt(
        R"({"id":"x","position":"e:7","matched":6,"delivered":1,"queued":2,"dropped":3})");
    REQUIRE(r.position);
    CHECK(r.position->text() == "e:7");
    CHECK(r.matched == 6);
    CHECK(r.delivered == 1);
    CHECK(r.queued == 2);
    CHECK(r.dropped == 3);

    const auto body = GENERATE(as<std::string>(), "", "{", "[]", "null", "{}",
                               R"({"position":null,"matched":"6"})", R"({"position":7})",
                               R"({"position":"with space","matched":-1})",
                               R"({"matched":99999999999999999999999})");
    CAPTURE(body);
    const auto none = detail::read_receipt(body);
    CHECK_FALSE(none.position);
    CHECK(none.matched == 0);
}

TEST_CASE("a client refuses a configuration that cannot work", "[rest]") {
    net::io_context io;
    const auto sink = [] {
        struct nobody final : subscriber {
            outcome deliver(const event_ptr&) noexcept override { return outcome::delivered; }
        };
        return std::make_shared<nobody>();
    }();
    const auto url = GENERATE(as<std::string>(), "", "host/topics", "ws://host/topics",
                              "http://host/topics?x=1", "http://ho st/");
    CAPTURE(url);
    CHECK_THROWS_AS(client(io, {.url = url}), std::invalid_argument);
    client_options o{.url = "http://host/topics"};
    CHECK_THROWS_AS(client(io, o, sink), std::invalid_argument);  // nothing to read
    o.topics = {"a..b"};
    CHECK_THROWS_AS(client(io, o, sink), std::invalid_argument);
}

}  // namespace tidings::rest
