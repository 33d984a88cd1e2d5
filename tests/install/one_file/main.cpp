// SPDX-License-Identifier: BSL-1.0
// The whole library in the program's only unit, without a build system.
#include <tidings/src.hpp>

#include "../consumer.cpp"
