// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/webhook/address_guard.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace tidings::webhook::detail {

using tidings::detail::ip_network;

/// An address of either family, IPv4 as IPv4-mapped IPv6.
using ip_octets = std::array<std::uint8_t, 16>;

inline constexpr unsigned mapped_bits = 96;  // the length of ::ffff:0:0/96

ip_octets to_ip_octets(const net::ip::address& address) noexcept;
bool holds(const ip_network& network, const ip_octets& octets) noexcept;
/// Of CIDR notation, or of an address alone. @error errc::invalid_argument, also for bits that are
/// set behind the prefix
TIDINGS_DECL ip_network parse_ip_network(std::string_view text, error_code& ec);
/// The address that a URL's host is to every resolver: IPv6, or IPv4 in its one usual spelling.
/// Nothing for a name.
TIDINGS_DECL std::optional<net::ip::address> literal_address(const std::string& host);

}  // namespace tidings::webhook::detail
