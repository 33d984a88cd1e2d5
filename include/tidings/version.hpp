// SPDX-License-Identifier: BSL-1.0
#pragma once

/// The version as one number: major * 10000 + minor * 100 + patch.
#define TIDINGS_VERSION 100
#define TIDINGS_VERSION_STRING "0.1.0"
