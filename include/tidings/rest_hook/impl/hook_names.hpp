// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/rest_hook/proof.hpp>
#include <tidings/webhook/endpoint.hpp>

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace tidings::rest_hook::detail {

/// What becomes of the events that a subscription matches.
enum class hook_state {
    active,    ///< they are delivered
    paused,    ///< its owner wants none for now
    disabled,  ///< none is taken, for a reason that the API shows
    pending,   ///< none is taken until its target has agreed: there is an open question
};

/// When a delivery is tried again.
enum class retry_preset {
    sender,       ///< as the sender does
    standard,     ///< that of Standard Webhooks: ten attempts in three days
    svix,         ///< eight attempts in 28 hours
    exponential,  ///< eleven attempts, the first again after 30 s, then after twice the time each
    none,         ///< one attempt
};

/// How the API and the table spell a value.
template <class E>
struct spelling {
    std::string_view text;
    E value;
};

template <class E>
struct spellings;

template <>
struct spellings<hook_state> {
    static constexpr std::array<spelling<hook_state>, 4> all{{{"active", hook_state::active},
                                                              {"paused", hook_state::paused},
                                                              {"disabled", hook_state::disabled},
                                                              {"pending", hook_state::pending}}};
};
template <>
struct spellings<retry_preset> {
    static constexpr std::array<spelling<retry_preset>, 5> all{
        {{"default", retry_preset::sender},
         {"standard", retry_preset::standard},
         {"svix", retry_preset::svix},
         {"exponential", retry_preset::exponential},
         {"none", retry_preset::none}}};
};
template <>
struct spellings<webhook::body_form> {
    static constexpr std::array<spelling<webhook::body_form>, 5> all{
        {{"binary", webhook::body_form::binary},
         {"structured", webhook::body_form::structured},
         {"batch", webhook::body_form::batch},
         {"standard", webhook::body_form::standard},
         {"raw", webhook::body_form::raw}}};
};
template <>
struct spellings<webhook::delivery_order> {
    static constexpr std::array<spelling<webhook::delivery_order>, 3> all{
        {{"any", webhook::delivery_order::any},
         {"fifo", webhook::delivery_order::endpoint},
         {"partition", webhook::delivery_order::partition}}};
};

template <>
struct spellings<proof> {
    static constexpr std::array<spelling<proof>, 4> all{{{"none", proof::none},
                                                         {"echo", proof::echo},
                                                         {"consent", proof::consent},
                                                         {"challenge", proof::challenge}}};
};

template <class E>
constexpr std::string_view spell(E value) noexcept {
    for (const auto& s : spellings<E>::all)
        if (s.value == value) return s.text;
    return {};
}

/// Nothing for a text that spells none.
template <class E>
constexpr std::optional<E> read_spelling(std::string_view text) noexcept {
    for (const auto& s : spellings<E>::all)
        if (s.text == text) return s.value;
    return std::nullopt;
}

/// The texts, for people.
template <class E>
std::string all_spellings() {
    std::string list;
    for (const auto& s : spellings<E>::all) {
        if (!list.empty()) list += ", ";
        list.append(1, '"').append(s.text).append(1, '"');
    }
    return list;
}

}  // namespace tidings::rest_hook::detail
