// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "matrix/findings.hpp"

namespace tidings::matrix {

class scene;

/// What every transport must do, written once. Each plays in a fresh scene.
using test_case = findings (*)(scene&);

namespace cases {

// What goes in comes out. Each through both entries of a subscriber.
findings attributes(scene& s);
findings ids_made_by_the_library(scene& s);
findings binary_data(scene& s);
findings text_data(scene& s);
findings json_data(scene& s);
findings empty_data(scene& s);
findings large_data(scene& s);

/// 500 events at once, through both entries.
findings order(scene& s);
/// The outlet called directly, without a bus in front.
findings outlet(scene& s);
findings two_subscribers(scene& s);

/// A bus does not hand an event back to where it came from.
findings no_echo(scene& s);
/// Two buses, both ways: each event is on each bus once.
findings bridge(scene& s);
/// Connections are cut again and again, at other moments each time.
findings cut(scene& s);
/// A receiving side that is gone: the outlet says so, the bus ends the subscription and tells it.
findings closed(scene& s);

}  // namespace cases

}  // namespace tidings::matrix
