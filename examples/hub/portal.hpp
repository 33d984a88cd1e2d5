// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/tidings.hpp>

namespace hub {

/// Mounts the page of the REST hooks at /portal, and what makes tickets for it: `POST
/// /portal/tickets` answers a link that opens the page once, as the owner that the body names, or,
/// without one, as an operator. It wants what the API wants, a token where there is one.
void mount_portal(tidings::http::server& admin, tidings::rest_hook::manager& hooks,
                  tidings::authenticator who);

}  // namespace hub
