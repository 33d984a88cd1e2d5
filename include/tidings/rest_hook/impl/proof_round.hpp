// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/io/random.hpp>
#include <tidings/rest_hook/impl/hook_body.hpp>
#include <tidings/rest_hook/impl/hook_record.hpp>
#include <tidings/rest_hook/impl/proof_terms.hpp>

namespace tidings::rest_hook::detail {

/// What a subscription that is written is to have shown. Every record that a request makes or
/// changes passes here, so that none is served whose target has not agreed.
struct proof_round {
    const proof_terms& terms;
    io::system_time now{};
    io::random& random;

    /// Keeps, begins or ends the question of `h`, which is pending as long as there is one.
    /// @param before as the row is; null: there is none
    /// @param asks gets whether the target is to be asked once `h` is written: the first question
    /// counts as begun already
    /// @return 422 for a proof that is not enough
    TIDINGS_DECL refusal settle(const hook_record* before, hook_record& h, bool& asks) const;
    /// Begins a question in the place of the one before; the first counts as begun already.
    TIDINGS_DECL void open(hook_record& h, hook_state then, std::chrono::seconds within) const;
    /// One by a hub ends, and its callback is notified (W3C WebSub 5.2).
    TIDINGS_DECL void deny(hook_record& h, std::string reason) const;

 private:
    refusal choose(const hook_record* before, hook_record& h) const;
    void begin(hook_record& h, hook_state then) const;
};

/// The target has agreed. @param per_minute deliveries that it takes; 0: any number
TIDINGS_DECL void confirm(hook_record& h, std::uint32_t per_minute, io::system_time now);
/// It has not, and is not asked again. False: that is known already.
TIDINGS_DECL bool end_question(hook_record& h, const std::string& why);

}  // namespace tidings::rest_hook::detail
