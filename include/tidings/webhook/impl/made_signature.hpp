// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/message.hpp>
#include <tidings/io/clock.hpp>

namespace tidings::webhook::detail {

/// What an `async_signer` made of a delivery, and for which time.
struct made_signature {
    io::system_time at{};
    http::fields fields{};
};

}  // namespace tidings::webhook::detail
