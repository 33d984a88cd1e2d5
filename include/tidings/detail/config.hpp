// SPDX-License-Identifier: BSL-1.0
#pragma once

// What the library needs, said in one sentence. Every public header begins here, so that nothing
// else is compiled before; the include that follows the sentence is not there, and ends the
// compilation.
#if (defined(_MSVC_LANG) ? _MSVC_LANG : __cplusplus) < 202002L
#error tidings needs C++20: compile with -std=c++20, or set CMAKE_CXX_STANDARD to 20
#include <tidings_ends_the_compilation_here>
#elif !defined(__cpp_exceptions) && !defined(_CPPUNWIND)
#error tidings needs exceptions: compile without -fno-exceptions
#include <tidings_ends_the_compilation_here>
#elif !__has_include(<boost/version.hpp>)
#error tidings needs the headers of Boost 1.81 or newer: none are in the include path
#include <tidings_ends_the_compilation_here>
#endif

#include <boost/version.hpp>

#if BOOST_VERSION < 108100
#error tidings needs Boost 1.81 or newer: an older one is in the include path
#include <tidings_ends_the_compilation_here>
#endif

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

namespace detail {
/// False, in a static_assert of a template that is instantiated by mistake only.
template <class...>
inline constexpr bool never = false;
}  // namespace detail
}  // namespace tidings
