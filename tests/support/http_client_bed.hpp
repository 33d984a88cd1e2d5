// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/client.hpp>
#include <tidings/http/impl/client/client_streams.hpp>

#include "support/catch2.hpp"
#include "support/http_bed.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/error.hpp>

using namespace tidings;
using namespace tidings::test;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;
using Catch::Matchers::EndsWith;
using Catch::Matchers::StartsWith;

namespace {

const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

struct result {
    std::optional<error_code> error{};
    http::response answer{};
    bool pending() const { return !error.has_value(); }
};

struct client_bed : http_bed {
    std::optional<raw_listener> listener;
    std::optional<http::client> client;

    explicit client_bed(http::client_options o = {}) {
        listener.emplace(*this);
        o.environment = environment();
        client.emplace(io(), std::move(o));
    }
    ~client_bed() {
        client.reset();
        if (listener) listener->peers.clear();
        listener.reset();
    }
    std::deque<std::unique_ptr<http_peer>>& peers() { return listener->peers; }
    std::shared_ptr<result> start(http::request r = {}, std::string url = "http://127.0.0.1/a?b") {
        auto out = std::make_shared<result>();
        client->async_request(std::move(url), std::move(r), [out](error_code ec, http::response a) {
            CHECK(out->pending());
            out->error = ec;
            out->answer = std::move(a);
        });
        run();
        return out;
    }
    /// What the only request on a new connection completes with when it is answered so, cut there.
    std::shared_ptr<result> answered(const std::string& text, std::size_t cut = 0, bool eof = false,
                                     http::request r = {}) {
        const auto out = start(std::move(r));
        REQUIRE_FALSE(peers().empty());
        auto& peer = *peers().back();
        if (cut > 0) {
            peer.send(text.substr(0, cut));
            run();
        }
        peer.send(text.substr(cut));
        run();
        if (eof) peer.shutdown();
        run();
        return out;
    }
};

inline http::request with_body(std::string method, std::string body) {
    return {.method = std::move(method), .body = std::move(body)};
}

}  // namespace
