// SPDX-License-Identifier: BSL-1.0
// The component `test`: its headers are installed and its target finds the core.
#include <tidings/test/manual_clock.hpp>

bool clock_stands_still() {
    tidings::test::manual_clock clock;
    return clock.now() == clock.now();
}
