// SPDX-License-Identifier: BSL-1.0
#pragma once

// One include for Catch2 2.13 (Debian 12) and Catch2 3.
#if __has_include(<catch2/catch_test_macros.hpp>)
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#else
#include <catch2/catch.hpp>
#endif
