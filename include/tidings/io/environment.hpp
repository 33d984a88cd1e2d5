// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/io/clock.hpp>
#include <tidings/io/random.hpp>

namespace tidings::io {

class network;  // <tidings/io/network.hpp>, which most users need not compile
TIDINGS_DECL network& system_network() noexcept;

/// Everything the library asks of the machine. Every module that needs any of it takes one in its
/// options (`.environment`); tests put a simulated one in. What it points to must outlive its
/// users.
struct environment {
    io::network* network = &system_network();
    io::clock* clock = &io::system_clock();
    io::random* random = &system_random();
};

}  // namespace tidings::io
