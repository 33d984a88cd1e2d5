// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/errc.hpp>

#include <boost/asio/ip/address.hpp>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tidings::http {
struct url;
}

namespace tidings::detail {

/// A network of either family. IPv4 is kept as IPv4-mapped IPv6 (RFC 4291 2.5.5.2).
struct ip_network {
    std::array<std::uint8_t, 16> prefix{};
    unsigned bits = 0;
};

}  // namespace tidings::detail

namespace tidings::webhook {

struct address_guard_options {
    /// 127.0.0.0/8 and ::1.
    bool allow_loopback = false;
    /// The user's own networks: 10/8, 172.16/12, 192.168/16 and fc00::/7. Link-local addresses,
    /// where clouds keep their credentials, stay refused.
    bool allow_private = false;
    /// Networks to allow whatever else is said: "10.1.0.0/16", "2001:db8::/32", an address alone.
    /// The metadata services of providers stay refused in every one of them.
    std::vector<std::string> allowed_networks = {};
    /// In lower case.
    std::vector<std::string> schemes = {"https"};
    /// Empty: any.
    std::vector<std::uint16_t> ports = {};
};

/// Keeps requests to URLs that strangers chose away from this machine and its networks
/// (server-side request forgery). Check the URL when it is entered and, since names change their
/// addresses, every address a name resolves to before each connection; connect to none that was not
/// checked. Immutable, so safe from any thread.
class address_guard {
 public:
    /// @throws std::invalid_argument for a network that is not in
    /// CIDR notation or has bits set behind its prefix.
    TIDINGS_DECL explicit address_guard(address_guard_options options = {});

    /// Whether a connection may be made: to globally reachable unicast addresses (IANA special-
    /// purpose registries, RFC 6890), and to what the options allow. Addresses that carry another
    /// one are judged by it (IPv4-mapped) or refused (6to4, Teredo, NAT64, IPv4-compatible).
    bool allows(const net::ip::address& address) const noexcept { return refusal(address).empty(); }
    /// The rule by which an address is refused, in words for a log; empty: it is allowed. The text
    /// lives as long as the program.
    TIDINGS_DECL std::string_view refusal(const net::ip::address& address) const noexcept;

    /// Judges a URL before its host is resolved.
    /// @error errc::bad_url for user info, and for a host that some resolvers would read as a
    /// number
    /// (`127.1`, `0x7f.1`, `017700000001`); errc::webhook_bad_scheme for a scheme that is not in
    /// the options; errc::address_refused for a port that is not, and for a literal address that is
    /// not allowed.
    TIDINGS_DECL error_code check_url(const http::url& target) const;

 private:
    address_guard_options options_;
    std::vector<tidings::detail::ip_network> allowed_;
};

}  // namespace tidings::webhook
