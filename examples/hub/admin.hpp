// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "counters.hpp"

#include <tidings/tidings.hpp>

namespace hub {

/// Mounts the admin listener's routes: the page, probes, metrics, status. Ready is what `server` is
/// until it drains.
void mount_admin(tidings::http::server& admin, const tidings::bus& bus,
                 const tidings::http::server& server, std::shared_ptr<counters> counts,
                 std::string listening);

}  // namespace hub
