// SPDX-License-Identifier: BSL-1.0
// says: the event ends with this line: give it a name
#include "prelude.hpp"

tidings::event made();

const std::string_view mistake = made().id();
