// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/message/url.hpp>
#include <tidings/text/impl/hex.hpp>
#include <tidings/webhook/address_guard.hpp>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace tidings::webhook {

namespace {

using tidings::detail::ip_network;
using ip_octets = std::array<std::uint8_t, 16>;

constexpr unsigned mapped_bits = 96;  // the length of ::ffff:0:0/96

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

ip_octets to_ip_octets(const net::ip::address& address) noexcept {
    if (address.is_v6()) return address.to_v6().to_bytes();
    return net::ip::make_address_v6(net::ip::v4_mapped, address.to_v4()).to_bytes();
}

bool same_prefix(const ip_octets& a, const ip_octets& b, unsigned bits) noexcept {
    const auto whole = static_cast<std::ptrdiff_t>(bits / 8);
    if (!std::equal(a.begin(), a.begin() + whole, b.begin())) return false;
    if (bits % 8 == 0) return true;
    const auto i = static_cast<std::size_t>(whole);
    return (a[i] ^ b[i]) >> (8 - bits % 8) == 0;
}

bool is_mapped(const ip_octets& octets) noexcept {
    return same_prefix(octets, v4(0, 0, 0, 0, 0).prefix, mapped_bits);
}

bool holds(const ip_network& network, const ip_octets& octets) noexcept {
    // An IPv6 network so wide that it holds the mapped ones means IPv6 only.
    const unsigned shortest = is_mapped(octets) ? mapped_bits : 0;
    return network.bits >= shortest && same_prefix(octets, network.prefix, network.bits);
}

template <class Networks>
bool any_holds(const Networks& networks, const ip_octets& octets) noexcept {
    return std::any_of(std::begin(networks), std::end(networks),
                       [&](const ip_network& network) { return holds(network, octets); });
}

[[noreturn]] void refuse_network(std::string_view text) {
    throw std::invalid_argument("tidings::webhook::address_guard: not a network in CIDR form: " +
                                std::string(text));
}

ip_network parse_network(std::string_view text) {
    const std::size_t slash = std::min(text.find('/'), text.size());
    const std::string host(text.substr(0, slash));
    error_code ec;
    const auto address = net::ip::make_address(host, ec);
    if (ec || host.find('%') != std::string::npos) refuse_network(text);

    const unsigned width = address.is_v4() ? 32 : 128;
    unsigned bits = width;
    if (slash != text.size()) {
        const char* const end = text.data() + text.size();
        const auto [stop, error] = std::from_chars(text.data() + slash + 1, end, bits);
        if (error != std::errc() || stop != end || bits > width) refuse_network(text);
    }
    ip_network result{to_ip_octets(address), bits + 128 - width};
    for (unsigned i = result.bits; i < 128; ++i)
        if ((result.prefix[i / 8] & (0x80U >> i % 8)) != 0) refuse_network(text);
    return result;
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
    for (const auto& text : options_.allowed_networks) allowed_.push_back(parse_network(text));
}

std::string_view address_guard::refusal(const net::ip::address& address) const noexcept {
    const ip_octets octets = to_ip_octets(address);
    if (any_holds(metadata_addresses, octets)) return "a provider's metadata service";
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

    error_code ec;
    const auto literal = net::ip::make_address(target.host, ec);
    // Only an IPv4 address in its one usual spelling is that address to every resolver.
    if (!ec && (literal.is_v6() || literal.to_string() == target.host))
        return refusal(literal).empty() ? error_code() : errc::address_refused;
    return ends_in_number(target.host) ? errc::bad_url : error_code();
}

}  // namespace tidings::webhook
