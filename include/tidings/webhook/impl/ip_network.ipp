// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/webhook/impl/ip_network.hpp>

#include <algorithm>
#include <charconv>
#include <cstddef>

namespace tidings::webhook::detail {

namespace {

bool same_prefix(const ip_octets& a, const ip_octets& b, unsigned bits) noexcept {
    const auto whole = static_cast<std::ptrdiff_t>(bits / 8);
    if (!std::equal(a.begin(), a.begin() + whole, b.begin())) return false;
    if (bits % 8 == 0) return true;
    const auto i = static_cast<std::size_t>(whole);
    return (a[i] ^ b[i]) >> (8 - bits % 8) == 0;
}

bool is_mapped(const ip_octets& octets) noexcept {
    constexpr ip_octets mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    return same_prefix(octets, mapped, mapped_bits);
}

}  // namespace

ip_octets to_ip_octets(const net::ip::address& address) noexcept {
    if (address.is_v6()) return address.to_v6().to_bytes();
    return net::ip::make_address_v6(net::ip::v4_mapped, address.to_v4()).to_bytes();
}

bool holds(const ip_network& network, const ip_octets& octets) noexcept {
    // An IPv6 network so wide that it holds the mapped ones means IPv6 only.
    const unsigned shortest = is_mapped(octets) ? mapped_bits : 0;
    return network.bits >= shortest && same_prefix(octets, network.prefix, network.bits);
}

ip_network parse_ip_network(std::string_view text, error_code& ec) {
    const std::size_t slash = std::min(text.find('/'), text.size());
    const std::string host(text.substr(0, slash));
    const auto address = net::ip::make_address(host, ec);
    if (ec || host.find('%') != std::string::npos) return ec = errc::invalid_argument, ip_network();

    const unsigned width = address.is_v4() ? 32 : 128;
    unsigned bits = width;
    if (slash != text.size()) {
        const char* const end = text.data() + text.size();
        const auto [stop, error] = std::from_chars(text.data() + slash + 1, end, bits);
        if (error != std::errc() || stop != end || bits > width) ec = errc::invalid_argument;
    }
    ip_network result{to_ip_octets(address), bits + 128 - width};
    for (unsigned i = result.bits; i < 128; ++i)
        if ((result.prefix[i / 8] & (0x80U >> i % 8)) != 0) ec = errc::invalid_argument;
    return ec ? ip_network() : result;
}

std::optional<net::ip::address> literal_address(const std::string& host) {
    error_code ec;
    const auto address = net::ip::make_address(host, ec);
    if (ec || (address.is_v4() && address.to_string() != host)) return std::nullopt;
    return address;
}

}  // namespace tidings::webhook::detail
