// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/catch2.hpp"

#include <tidings/http/client.hpp>
#include <tidings/test/run_until.hpp>

#include <boost/asio/io_context.hpp>

#include <optional>
#include <string>
#include <utility>

namespace tidings::test {

/// Makes one request over real sockets, on a connection of its own.
inline http::response request_over_sockets(net::io_context& io, std::string url, http::request r) {
    http::client client(io);
    std::optional<http::response> answer;
    client.async_request(std::move(url), std::move(r), [&](error_code ec, http::response got) {
        INFO(ec.message());
        CHECK_FALSE(ec);
        answer = std::move(got);
    });
    REQUIRE(run_io_until(io, [&] { return answer.has_value(); }));
    return *std::move(answer);
}

}  // namespace tidings::test
