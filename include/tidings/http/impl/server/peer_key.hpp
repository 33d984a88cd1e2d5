// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/asio/ip/address.hpp>

#include <algorithm>
#include <string>

namespace tidings::http::detail {

/// What the connections of one peer have in common: the address without the port; of an IPv6 one
/// the first 64 bits, because one customer has all the rest (RFC 6177 2). Empty for a Unix socket,
/// whose peers have nothing to tell them apart.
inline std::string peer_key(const std::string& remote_address) {
    const auto colon = remote_address.rfind(':');
    if (colon == std::string::npos) return {};
    auto host = remote_address.substr(0, colon);
    if (!host.starts_with('[') || !host.ends_with(']')) return host;
    boost::system::error_code ec;
    const auto address = boost::asio::ip::make_address_v6(host.substr(1, host.size() - 2), ec);
    if (ec) return host;
    auto bytes = address.to_bytes();
    if (address.is_v4_mapped()) return host;
    std::fill(bytes.begin() + 8, bytes.end(), static_cast<unsigned char>(0));
    return boost::asio::ip::address_v6(bytes).to_string() + "/64";
}

}  // namespace tidings::http::detail
