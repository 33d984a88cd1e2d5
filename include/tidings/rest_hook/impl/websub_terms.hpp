// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/crypto/digest.hpp>
#include <tidings/outlet/impl/access.hpp>
#include <tidings/rest_hook/impl/hook_names.hpp>

#include <chrono>
#include <string>

namespace tidings::rest_hook::detail {

/// What a callback is asked, or notified of (W3C WebSub 5.2, 5.3).
enum class websub_mode { none, subscribe, unsubscribe, denied };

template <>
struct spellings<websub_mode> {
    static constexpr std::array<spelling<websub_mode>, 4> all{
        {{"none", websub_mode::none},
         {"subscribe", websub_mode::subscribe},
         {"unsubscribe", websub_mode::unsubscribe},
         {"denied", websub_mode::denied}}};
};
template <>
struct spellings<digest> {
    static constexpr std::array<spelling<digest>, 4> all{{{"sha1", digest::sha1},
                                                          {"sha256", digest::sha256},
                                                          {"sha384", digest::sha384},
                                                          {"sha512", digest::sha512}}};
};

/// A request that its callback has not confirmed. What is verified stays as it is until then.
struct websub_wish {
    websub_mode mode = websub_mode::none;
    std::string pattern{};  ///< that the topic stands for on the bus
    std::string secret{};   ///< empty: deliveries are not signed
    std::string hub{};      ///< the hub's own URL
    digest function = digest::sha256;
    std::chrono::seconds lease{0};
    http::detail::expiry_time permitted_until{};
    std::string reason{};  ///< why it is denied
};

/// What a subscription by a WebSub hub has beside the others.
struct websub_terms {
    std::string topic{};  ///< the URL
    std::string hub{};    ///< the hub's own URL
    digest function = digest::sha256;
    std::string since{};  ///< when it began; another text each time that its key begins anew
    websub_wish wish{};   ///< whose question is open
};

}  // namespace tidings::rest_hook::detail
