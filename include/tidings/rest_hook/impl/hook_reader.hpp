// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/message.hpp>
#include <tidings/rest_hook/impl/event_catalogue.hpp>
#include <tidings/rest_hook/impl/hook_view.hpp>

#include <chrono>
#include <optional>
#include <string_view>
#include <vector>

namespace tidings::rest_hook::detail {

// What a subscription may hold, whatever the size of a body.
inline constexpr std::size_t max_topics = 32;
inline constexpr std::size_t max_description_bytes = 500;

/// What a request means for a subscription, beside its members.
struct reading {
    enum class kind {
        create,   ///< POST: what is not said has its default
        replace,  ///< PUT: the same, but for the secret, which stays
        merge,    ///< PATCH (RFC 7396): what is not said stays, `null` is the default
    };
    kind what = kind::create;
    io::system_time now{};
    /// The subscription as it is; null: it is being made.
    const hook_view* before = nullptr;
    std::chrono::seconds default_lease{0};   ///< 0: none
    std::chrono::seconds max_lease{0};       ///< 0: any
    webhook::body_form form{};               ///< what one has that was given none
    webhook::delivery_rate max_rate{};       ///< `manager_options::max_rate`
    const event_catalogue* types = nullptr;  ///< null: patterns of any are taken
};

/// Applies the members of a JSON object to `h`, which is `before` where there is one. Patterns and
/// secret are checked, the target's form is not. The answer is set when it is refused, and names
/// the member: 400 (a value of a wrong kind, two that contradict each other, one that is missing),
/// 422 (a value that is not taken, a member that is not known).
TIDINGS_DECL std::optional<http::response> read_hook(std::string_view object, const reading& how,
                                                     hook_record& h);

}  // namespace tidings::rest_hook::detail
