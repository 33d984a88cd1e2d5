// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/config.hpp>

#include <concepts>
#include <optional>
#include <string_view>
#include <type_traits>

namespace tidings::webhook {

/// How a verifier asks for a request's headers: a reference to anything callable as
/// `std::optional<std::string_view>(std::string_view lower_case_name)` that does not throw and
/// finds names in any case. Where a header was sent twice it must not pick one: it answers nothing.
/// By the name `:path` it gives the request's target, path and query as they came (the
/// pseudo-header of RFC 9113 8.3.1), for schemes that sign the URL. Non-owning: lives no longer
/// than the call it is passed to.
class header_lookup {
 public:
    template <class Find>
    requires(!std::same_as<Find, header_lookup>) &&
        std::is_invocable_r_v<std::optional<std::string_view>, const Find&,
                              std::string_view> header_lookup(const Find& find) noexcept
        : find_(&find),
    call_([](const void* f, std::string_view name) {
        return std::optional<std::string_view>((*static_cast<const Find*>(f))(name));
    }) {}

    std::optional<std::string_view> operator()(std::string_view name) const {
        return call_(find_, name);
    }

 private:
    const void* find_;
    std::optional<std::string_view> (*call_)(const void*, std::string_view);
};

}  // namespace tidings::webhook
