// SPDX-License-Identifier: BSL-1.0
// says: data is text, bytes with a content type, JSON in braces
#include "prelude.hpp"

const tidings::event mistake{"order.created", "/shop", 42};
