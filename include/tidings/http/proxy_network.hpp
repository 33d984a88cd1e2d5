// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/io/clock.hpp>
#include <tidings/io/network.hpp>
#include <tidings/log.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace tidings::http {

struct proxy_options {
    /// Of the proxy: a name or a literal address, no URL, which no `address_filter` judges.
    std::string host{};
    std::uint16_t port = 3128;
    std::string unix_path{};  ///< connects to this path instead
    /// Credentials of the scheme Basic (RFC 7617), sent as the bytes they are. No control
    /// characters, and no ':' in the name of the user. An empty name and password are none.
    std::string user{};
    std::string password{};
    /// Or the value of Proxy-Authorization as it is: `Bearer ...`.
    std::string authorization{};
    /// Hosts that are connected to without the proxy: a name or a literal address as URLs have it,
    /// or `.example.com` for every name below that one.
    std::vector<std::string> direct{};
    /// How long the way to one address may take, from the connection to the proxy up to its answer;
    /// then the next address is tried. The deadlines of the caller hold beside it.
    std::chrono::milliseconds connect_timeout{5'000};
    /// Has a line for each tunnel that failed, with the status of the proxy's answer.
    log_sink log{};
    io::clock* clock = &io::system_clock();  ///< outlives what connects
};

/// A network whose connections lead through an HTTP proxy, for `environment.network`: each is a
/// tunnel, which `CONNECT` opens (RFC 9110 9.3.6), of plain `http` too.
///
/// The name of the target is resolved here, by `inner`, and each address is judged by
/// `connect_options::address_filter` before the proxy is asked for it. The proxy is given the
/// literal address that was judged, and no name: it has none to resolve a second time. Addresses
/// are tried one after another, IPv6 and IPv4 in turn. TLS is made through the tunnel, so that the
/// proxy reads nothing of it, and verifies the target's name. The peer of such a stream is the
/// target, not the proxy. An answer's head is read up to 8 KiB, and up to 16 interim answers before
/// it.
///
/// The proxy itself is spoken to without TLS. A Unix path in `connect_options` is connected to
/// directly, and `listen` is that of `inner`. `on_phase` has the connection to the proxy and its
/// answer as a part of `connect`.
///
/// Further errors of `start_connect`. Of the proxy itself, which is asked for no other address
/// then: errc::proxy_failed (no connection to it is made, also within `connect_timeout`; it ends;
/// it answers otherwise than HTTP/1.1 has it; no answer comes within `connect_timeout` to a second
/// target, of another name and address, since it answered any last), and errc::proxy_unauthorized
/// (407). Of the last address: errc::proxy_failed (405, 429 or 5xx but 500 and 502 to 504),
/// errc::proxy_refused (another answer that is no 2xx), errc::timed_out (no answer comes within
/// `connect_timeout`, and nothing says that it is the proxy). And errc::out_of_memory.
///
/// Safe from any thread. The network may be destroyed while connections are made; `inner` outlives
/// them.
/// @throws std::invalid_argument for options without a place to connect to, with a URL for a host
/// (`https://` of a proxy would be TLS to it, which there is not), or with credentials that cannot
/// be sent or are of two kinds
TIDINGS_DECL std::unique_ptr<io::network> make_proxy_network(io::network& inner,
                                                             proxy_options options);

}  // namespace tidings::http
