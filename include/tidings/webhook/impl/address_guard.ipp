// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/message/url.hpp>
#include <tidings/text/impl/hex.hpp>
#include <tidings/webhook/address_guard.hpp>
#include <tidings/webhook/impl/ip_network.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace tidings::webhook {

namespace {

using namespace detail;

constexpr ip_network v4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d,
                        unsigned bits) {
    return {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d}, mapped_bits + bits};
}

constexpr ip_network v6(const std::uint16_t (&words)[8], unsigned bits) {
    ip_network result{{}, bits};
    for (std::size_t i = 0; i < 8; ++i) {
        result.prefix[2 * i] = static_cast<std::uint8_t>(words[i] >> 8);
        result.prefix[2 * i + 1] = static_cast<std::uint8_t>(words[i] & 0xff);
    }
    return result;
}

// What a provider tells a machine about itself, its credentials among it.
constexpr ip_network metadata_addresses[] = {
    v4(169, 254, 169, 254, 32),  // AWS, Azure, Google, Oracle, DigitalOcean, OpenStack, ...
    v4(169, 254, 170, 2, 32),    // AWS ECS: credentials of a task
    v4(169, 254, 170, 23, 32),   // AWS EKS: credentials of a pod
    v4(169, 254, 42, 42, 32),    // Scaleway
    v4(169, 254, 0, 23, 32),     // Tencent
    v4(100, 100, 100, 200, 32),  // Alibaba
    v4(168, 63, 129, 16, 32),    // Azure: WireServer, in public address space
    v4(192, 0, 0, 192, 32),      // Oracle Classic
    v6({0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254}, 128),  // AWS
    v6({0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23}, 128),   // AWS EKS
    v6({0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254}, 128),   // Google
    v6({0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42}, 128),    // Scaleway
};

/// Where an IPv6 address has the IPv4 one that it leads to.
struct carrier {
    ip_network network;
    std::array<std::uint8_t, 4> at;
};

constexpr std::array<std::uint8_t, 4> at_end{12, 13, 14, 15};
constexpr carrier carriers[] = {
    {v6({}, 96), at_end},                          // IPv4-compatible
    {v6({0, 0, 0, 0, 0xffff}, 96), at_end},        // IPv4-translated
    {v6({0x64, 0xff9b}, 96), at_end},              // NAT64, RFC 6052
    {v6({0x64, 0xff9b, 1}, 48), at_end},           // local NAT64 with a prefix of 96 bits
    {v6({0x64, 0xff9b, 1}, 48), {6, 7, 9, 10}},    // and with one of 48, RFC 6052 2.2
    {v6({0x64, 0xff9b, 1}, 48), {9, 10, 11, 12}},  // and of 64
    {v6({0x2002}, 16), {2, 3, 4, 5}},              // 6to4
};

constexpr ip_network loopback_networks[] = {
    v4(127, 0, 0, 0, 8),
    v6({0, 0, 0, 0, 0, 0, 0, 1}, 128),
};

constexpr ip_network private_networks[] = {
    v4(10, 0, 0, 0, 8),      // RFC 1918
    v4(172, 16, 0, 0, 12),   // RFC 1918
    v4(192, 168, 0, 0, 16),  // RFC 1918
    v6({0xfc00}, 7),         // unique local, RFC 4193
};

struct refused_network {
    ip_network network;
    std::string_view rule;
};

constexpr refused_network refused_networks[] = {
    {v4(0, 0, 0, 0, 8), "this host, RFC 1122"},
    {v4(100, 64, 0, 0, 10), "carrier-grade NAT, RFC 6598"},
    {v4(169, 254, 0, 0, 16), "link-local, RFC 3927"},
    {v4(192, 0, 0, 0, 24), "IETF protocol assignments, RFC 6890"},
    {v4(192, 0, 2, 0, 24), "documentation, RFC 5737"},
    {v4(192, 88, 99, 0, 24), "6to4 relays, RFC 7526"},
    {v4(198, 18, 0, 0, 15), "benchmarks, RFC 2544"},
    {v4(198, 51, 100, 0, 24), "documentation, RFC 5737"},
    {v4(203, 0, 113, 0, 24), "documentation, RFC 5737"},
    {v4(224, 0, 0, 0, 4), "multicast, RFC 5771"},
    {v4(240, 0, 0, 0, 4), "reserved and broadcast, RFC 1112, RFC 919"},
    {v6({}, 96), "unspecified; IPv4-compatible, RFC 4291 2.5.5.1"},
    {v6({0, 0, 0, 0, 0xffff}, 96), "IPv4-translated, RFC 2765"},
    {v6({0x64, 0xff9b}, 96), "NAT64, RFC 6052"},
    {v6({0x64, 0xff9b, 1}, 48), "local NAT64, RFC 8215"},
    {v6({0x100}, 64), "discard, RFC 6666"},
    {v6({0x2001}, 32), "Teredo, RFC 4380"},
    {v6({0x2001, 2}, 48), "benchmarks, RFC 5180"},
    {v6({0x2001, 0x10}, 28), "ORCHID, RFC 4843"},
    {v6({0x2001, 0xdb8}, 32), "documentation, RFC 3849"},
    {v6({0x2002}, 16), "6to4, RFC 3056"},
    {v6({0x3fff}, 20), "documentation, RFC 9637"},
    {v6({0x5f00}, 16), "segment routing, RFC 9602"},
    {v6({0xfe80}, 10), "link-local, RFC 4291 2.5.6"},
    {v6({0xfec0}, 10), "site-local, RFC 3879"},
    {v6({0xff00}, 8), "multicast, RFC 4291 2.7"},
};

template <class Networks>
bool any_holds(const Networks& networks, const ip_octets& octets) noexcept {
    return std::any_of(std::begin(networks), std::end(networks),
                       [&](const ip_network& network) { return holds(network, octets); });
}

bool leads_to_metadata(const ip_octets& octets) noexcept {
    if (any_holds(metadata_addresses, octets)) return true;
    return std::any_of(std::begin(carriers), std::end(carriers), [&](const carrier& c) {
        if (!holds(c.network, octets)) return false;
        ip_octets inner{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
        for (std::size_t i = 0; i < c.at.size(); ++i) inner[12 + i] = octets[c.at[i]];
        return any_holds(metadata_addresses, inner);
    });
}

// WHATWG URL 3.5, "ends in a number": what inet_aton and browsers read as an IPv4 address, be it in
// decimal, octal or hexadecimal, of one to four parts.
bool ends_in_number(std::string_view host) noexcept {
    if (host.ends_with('.')) host.remove_suffix(1);
    std::string_view last = host.substr(host.rfind('.') + 1);
    const bool hex = last.starts_with("0x") || last.starts_with("0X");
    if (hex) last.remove_prefix(2);
    return std::all_of(last.begin(), last.end(), [hex](char c) {
        const int value = tidings::detail::hex_value(c);
        return value >= 0 && (hex || value < 10);
    });
}

template <class Range, class Value>
bool guard_lists(const Range& range, const Value& value) {
    return std::find(range.begin(), range.end(), value) != range.end();
}

}  // namespace

address_guard::address_guard(address_guard_options options) : options_(std::move(options)) {
    for (const auto& text : options_.allowed_networks) {
        error_code ec;
        allowed_.push_back(parse_ip_network(text, ec));
        if (ec)
            throw std::invalid_argument(
                "tidings::webhook::address_guard: not a network in CIDR form: " + text);
    }
}

std::string_view address_guard::refusal(const net::ip::address& address) const noexcept {
    const ip_octets octets = to_ip_octets(address);
    if (leads_to_metadata(octets)) return "a provider's metadata service";
    if (any_holds(allowed_, octets)) return {};
    if (any_holds(loopback_networks, octets))
        return options_.allow_loopback ? std::string_view() : "loopback (allow_loopback)";
    if (any_holds(private_networks, octets))
        return options_.allow_private ? std::string_view() : "a private network (allow_private)";
    for (const auto& refused : refused_networks)
        if (holds(refused.network, octets)) return refused.rule;
    return {};
}

error_code address_guard::check_url(const http::url& target) const {
    if (!target.user_info.empty()) return errc::bad_url;
    if (!guard_lists(options_.schemes, target.scheme)) return errc::webhook_bad_scheme;
    if (!options_.ports.empty() && !guard_lists(options_.ports, target.port))
        return errc::address_refused;

    if (const auto literal = literal_address(target.host))
        return refusal(*literal).empty() ? error_code() : errc::address_refused;
    return ends_in_number(target.host) ? errc::bad_url : error_code();
}

}  // namespace tidings::webhook
