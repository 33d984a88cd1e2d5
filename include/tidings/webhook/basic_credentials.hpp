// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/config.hpp>

#include <string>

namespace tidings::webhook {

/// Of the scheme `Basic` (RFC 7617), sent as the bytes they are. No control characters, and no ':'
/// in the name of the user. An empty name and password are none.
struct basic_credentials {
    std::string user{};
    std::string password{};
};

}  // namespace tidings::webhook
