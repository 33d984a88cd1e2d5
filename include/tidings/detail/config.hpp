// SPDX-License-Identifier: BSL-1.0
#pragma once

// Visibility of what src/ compiles. Static builds need nothing; shared ones define the two macros
// through the CMake target.
#if defined(TIDINGS_SHARED) && defined(_WIN32)
#if defined(TIDINGS_EXPORTS)
#define TIDINGS_DECL __declspec(dllexport)
#else
#define TIDINGS_DECL __declspec(dllimport)
#endif
#elif defined(TIDINGS_SHARED)
#define TIDINGS_DECL __attribute__((visibility("default")))
#else
#define TIDINGS_DECL
#endif

// https and wss; a build without OpenSSL's TLS defines TIDINGS_NO_TLS.
#if !defined(TIDINGS_TLS)
#if defined(TIDINGS_NO_TLS)
#define TIDINGS_TLS 0
#else
#define TIDINGS_TLS 1
#endif
#endif

namespace boost::asio {}
namespace boost::system {}

namespace tidings {
namespace net = boost::asio;
}  // namespace tidings
