// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/message/percent.hpp>
#include <tidings/rest_hook/impl/hook_body.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace tidings::rest_hook::detail {

/// What the query of a list may say, each once.
class api_query {
 public:
    /// @param names those that the list knows beside `after` and `limit`
    /// The answer is set where it is refused: 400.
    refusal read(const http::query_parameters& all, std::span<const std::string_view> names,
                 std::size_t most);

    /// Of what is no list, which has no query.
    static refusal refuse_any(const http::query_parameters& all);

    std::size_t limit() const noexcept { return limit_; }
    const std::string& after() const noexcept { return after_; }
    /// The same of a list whose places are numbers. The answer is set where it is none: 400.
    refusal number_after(std::uint64_t& out) const;
    /// The answer to an `after` that is no place of a list: 400.
    static http::response bad_after();
    /// Of one of the names; none: it is not there.
    std::optional<std::string> get(std::string_view name) const;
    /// The value of Link for the page behind `last`.
    std::string next(std::string_view path, std::string_view last) const;

 private:
    std::size_t limit_ = 0;
    std::string after_{};
    http::query_parameters others_{};
};

}  // namespace tidings::rest_hook::detail
