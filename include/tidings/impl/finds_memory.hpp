// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/config.hpp>

#include <new>

namespace tidings::detail {

/// Runs `f`. False where it found no memory: what it was about then has to see to it.
template <class F>
bool finds_memory(F&& f) {
    try {
        f();
        return true;
    } catch (const std::bad_alloc&) {
        return false;
    }
}

}  // namespace tidings::detail
