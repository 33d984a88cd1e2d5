// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <memory>

namespace tidings::detail {

/// What the handles of a service share: when the last of them is gone, the state is closed. The
/// state's own pointers to itself do not count.
template <class State>
std::shared_ptr<State> closing_handle(std::shared_ptr<State> state) {
    auto* const raw = state.get();
    return std::shared_ptr<State>(raw,
                                  [state = std::move(state)](State*) noexcept { state->close(); });
}

}  // namespace tidings::detail
