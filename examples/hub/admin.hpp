// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "counters.hpp"
#include "stores.hpp"

#include <tidings/tidings.hpp>

namespace hub {

/// Mounts the admin listener's routes: the page, probes, metrics, status. Ready is what `server` is
/// until it drains, while nothing is wrong with what keeps its events. The page begins with the
/// newest events of the history. The server refuses a Host that is not this machine's (421): no web
/// site may read here by a name of its own.
void mount_admin(tidings::http::server& admin, tidings::bus& bus,
                 const tidings::http::server& server, stores kept, std::shared_ptr<counters> counts,
                 std::string listening);

}  // namespace hub
