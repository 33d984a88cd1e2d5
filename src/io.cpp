// SPDX-License-Identifier: BSL-1.0
#include <tidings/io/impl/random.ipp>
#include <tidings/io/impl/system_clock.ipp>
#include <tidings/io/impl/system_network.ipp>
