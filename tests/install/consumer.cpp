// SPDX-License-Identifier: BSL-1.0
// The program of every consumer: a little of each floor that the core has, checked at run time.
#include <tidings/errc.hpp>
#include <tidings/version.hpp>

#include <iostream>

int main() {
    const tidings::error_code ec = tidings::errc::ws_bad_mask;
    std::cout << "tidings " TIDINGS_VERSION_STRING ": " << ec.message() << '\n';
    return ec == tidings::condition::protocol_violation ? 0 : 1;
}
