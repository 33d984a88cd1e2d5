// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/message.hpp>

#include <string>
#include <string_view>

namespace tidings::rest_hook::detail {

/// What the `Link` fields (RFC 8288) of a topic say about its hub (W3C WebSub 4); empty: nothing.
struct hub_links {
    std::string hub{};   ///< the first of them
    std::string self{};  ///< the URL that the hub knows the topic by
};

/// Only absolute URLs count.
TIDINGS_DECL hub_links read_hub_links(const http::fields& fields);

/// The target of the first link with this relation, as it is written; empty: there is none.
TIDINGS_DECL std::string read_link(const http::fields& fields, std::string_view relation);

}  // namespace tidings::rest_hook::detail
