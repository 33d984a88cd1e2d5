// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/rest_hook/impl/hook_body.hpp>
#include <tidings/rest_hook/impl/hook_reader.hpp>

#include <optional>
#include <string_view>

namespace tidings::rest_hook::detail {

/// Whether its owner decides that a subscription is in this state.
constexpr bool is_of_owner(hook_state s) noexcept {
    return s == hook_state::active || s == hook_state::paused;
}

/// Which state a request wants: by `active`, by `state`, or by both.
struct state_wish {
    std::optional<bool> active{};
    std::optional<hook_state> state{};

    bool agrees() const noexcept {
        return !active || !state || *active == (*state == hook_state::active);
    }
    /// "Not active" is what a disabled one is already: it stays that.
    TIDINGS_DECL void apply(const reading& how, hook_record& out) const;
};

/// When a request wants the subscription to end, within what the server allows.
class lease_wish {
 public:
    TIDINGS_DECL refusal take_seconds(std::string_view name, std::string_view raw,
                                      io::system_time now);
    TIDINGS_DECL refusal take_date(std::string_view name, std::string_view text,
                                   io::system_time now);
    TIDINGS_DECL void apply(const reading& how, hook_record& out) const;

 private:
    refusal take(std::string_view name, io::system_time end);

    http::detail::expiry_time end_{};
};

}  // namespace tidings::rest_hook::detail
