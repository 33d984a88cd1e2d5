// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/client.hpp>
#include <tidings/webhook/sender.hpp>

namespace tidings::webhook::detail {

/// The options of a client of targets that strangers chose: the deadlines of an attempt, and the
/// guard at each connection.
http::client_options target_client_options(const sender_options& o, const address_guard& guard);

}  // namespace tidings::webhook::detail
