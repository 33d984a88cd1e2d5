// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/client.hpp>
#include <tidings/webhook/impl/guard_filter.hpp>
#include <tidings/webhook/sender.hpp>

#include <algorithm>

namespace tidings::webhook::detail {

/// The options of a client of targets that strangers chose: the deadlines of an attempt, and the
/// guard at each connection.
inline http::client_options target_client_options(const sender_options& o,
                                                  const address_guard& guard) {
    http::client_options h;
    h.tls = o.tls;
    h.phases = {o.resolve_timeout, o.connect_timeout, o.tls_timeout, o.first_byte_timeout};
    h.connect_timeout = o.request_timeout;
    h.request_timeout = o.request_timeout;
    h.max_response_bytes = o.max_response_bytes;
    // Waiting for a connection would count as a part of the attempt: the sender makes no more.
    h.max_connections = h.max_connections_per_origin = h.max_idle_per_origin =
        std::max<std::size_t>(o.max_connections, 1);
    h.user_agent = o.user_agent;
    h.environment = o.environment;
    h.address_filter = guard_filter(guard, o.log);
    h.keep_addresses = o.keep_addresses;
    return h;
}

}  // namespace tidings::webhook::detail
