// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/server.hpp>
#include <tidings/lane/impl/lane.hpp>

#include "support/catch2.hpp"
#include "support/http_bed.hpp"

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/error.hpp>
#include <boost/system/errc.hpp>

#include <stdexcept>

using namespace tidings;
using namespace tidings::test;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;
using Catch::Matchers::EndsWith;
using Catch::Matchers::StartsWith;

namespace {

const std::string get = "GET /echo/a?b HTTP/1.1\r\nHost: h\r\n\r\n";

// Says what it was asked.
inline void echo(http::exchange& x) {
    const auto& r = x.request();
    x.respond({.body = r.method + ' ' + x.suffix() + ' ' + std::string(r.query()) + ' ' + r.body});
}

inline http::server echo_server(http_bed& bed) {
    auto server = bed.server();
    server.mount("/echo", echo);
    server.start();
    return server;
}

inline std::size_t count(std::string_view text, std::string_view part) {
    std::size_t n = 0;
    for (auto at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1)) ++n;
    return n;
}

inline std::string post(std::string_view fields, std::string_view body = {}) {
    return "POST /echo HTTP/1.1\r\nHost: h\r\n" + std::string(fields) + "\r\n" + std::string(body);
}

}  // namespace
