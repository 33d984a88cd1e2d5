// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/message/url.hpp>
#include <tidings/http/impl/server/local_request.hpp>
#include <tidings/text/impl/ascii.hpp>

#include <boost/asio/ip/address.hpp>

#include <algorithm>

namespace tidings::http::detail {

using namespace tidings::detail;

namespace {

// What nearly every request to this machine has: a usual name of it, with a port or without.
bool is_usual_local_host(std::string_view host) noexcept {
    for (const std::string_view name : {"127.0.0.1", "localhost", "[::1]"}) {
        if (!host.starts_with(name)) continue;
        const auto port = host.substr(name.size());
        std::uint16_t number = 0;
        return port.empty() || (port.front() == ':' && url::read_port(port.substr(1), number));
    }
    return false;
}

}  // namespace

bool names_this_machine(const request& r) {
    if (r.fields.count("Host") != 1) return false;
    const auto host = r.fields.get("Host");
    if (is_usual_local_host(host)) return true;
    error_code ec;
    const auto here = url::parse("http://" + std::string(host), ec);
    if (ec || !here.user_info.empty() || here.target != "/") return false;
    if (here.host == "localhost") return true;
    const auto address = net::ip::make_address(here.host, ec);
    return !ec && address.is_loopback();
}

bool is_forwarded(const request& r) noexcept {
    return r.version < 11 ||
           std::any_of(r.fields.begin(), r.fields.end(), [&](const fields::value_type& f) {
               const std::string_view name = f.first;
               if (name.empty() ||
                   std::string_view("FfVvXx").find(name.front()) == std::string_view::npos)
                   return false;
               return equal_ignoring_case(name, "Forwarded") || equal_ignoring_case(name, "Via") ||
                      equal_ignoring_case(name, "X-Real-IP") ||
                      starts_with_ignoring_case(name, "X-Forwarded-");
           });
}

// HTTP/1.0 may come without Host; no browser speaks it.
std::optional<response> check_local_host(const request& r, std::span<const std::string> allowed) {
    const auto host = r.fields.find("Host");
    const bool known = !host || names_this_machine(r) ||
                       std::any_of(allowed.begin(), allowed.end(), [&](const std::string& a) {
                           return a == "*" || equal_ignoring_case(a, *host);
                       });
    if (known) return std::nullopt;
    return problem(421, "Misdirected Request",
                   "this server listens on a loopback address, and the Host is neither localhost "
                   "nor one nor among allowed_hosts");
}

}  // namespace tidings::http::detail
