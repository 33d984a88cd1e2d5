// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/proxy_network.hpp>

#include "support/catch2.hpp"
#include "support/http_bed.hpp"

#include <boost/asio/error.hpp>

using namespace tidings;
using namespace tidings::test;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;

namespace {

constexpr std::uint16_t proxy_port = 3128;
const std::string opened = "HTTP/1.1 200 Connection established\r\n\r\n";

inline std::string connect_head(const std::string& where, const std::string& more = {}) {
    return "CONNECT " + where + " HTTP/1.1\r\nHost: " + where + "\r\n" + more + "\r\n";
}

/// A proxy in the hands of the test, which answers nothing by itself.
struct proxy_bed : http_bed {
    std::optional<raw_listener> proxy;
    std::unique_ptr<io::network> network;
    io::canceller cancel;
    io::stream_ptr stream;
    std::optional<error_code> ended;
    std::vector<std::string> judged;
    std::vector<io::connect_phase> phases;

    explicit proxy_bed(http::proxy_options o = {}) {
        proxy.emplace(*this, proxy_port);
        sim().add_name("proxy.example", {"127.0.0.1"});
        sim().add_name("target.example", {"8.8.4.4", "8.8.8.8", "2001:4860:4860::8888"});
        if (o.host.empty()) o.host = "proxy.example";
        o.clock = &clock;
        o.log = [this](const log_record& r) {
            logged.push_back(std::string(r.message) + ": " + r.error.message());
        };
        network = http::make_proxy_network(sim(), std::move(o));
    }
    ~proxy_bed() {
        stream.reset();
        if (proxy) proxy->peers.clear();
        proxy.reset();
        if (has_context()) run();
    }
    void start(io::connect_options to = {.host = "target.example", .port = 80}) {
        ended.reset();
        if (!to.address_filter)
            to.address_filter = [this](const net::ip::address& a) {
                judged.push_back(a.to_string());
                return !a.is_loopback();
            };
        to.on_phase = [this](io::connect_phase p, const io::socket_address&) {
            phases.push_back(p);
        };
        cancel = network->start_connect(io().get_executor(), std::move(to),
                                        [this](error_code ec, io::stream_ptr s) {
                                            CHECK_FALSE(ended);
                                            CHECK(static_cast<bool>(ec) == (s == nullptr));
                                            ended = ec;
                                            stream = std::move(s);
                                        });
        run();
    }
    std::deque<std::unique_ptr<http_peer>>& asked() { return proxy->peers; }
    /// Answers what was asked last.
    void answer(std::string_view text) {
        REQUIRE_FALSE(asked().empty());
        asked().back()->send(text);
        run();
    }
};

}  // namespace
