// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/rest_hook/impl/api_query.hpp>

#include <algorithm>
#include <charconv>

namespace tidings::rest_hook::detail {

namespace {

constexpr std::size_t usual_limit = 100;

// A number that is too large is the largest.
template <class Number>
bool read_number(std::string_view text, Number& out) noexcept {
    const char* const stop = text.data() + text.size();
    const auto [end, ec] = std::from_chars(text.data(), stop, out);
    if (ec == std::errc::result_out_of_range) out = std::numeric_limits<Number>::max();
    return end == stop && (ec == std::errc() || ec == std::errc::result_out_of_range);
}

}  // namespace

refusal api_query::read(const http::query_parameters& all, std::span<const std::string_view> names,
                        std::size_t most) {
    limit_ = std::min(usual_limit, most);
    const auto as_it_is = [](const std::string& name) { return name; };
    if (const auto twice = repeated_name(all, as_it_is))
        return problem_of(*twice, 400, "Bad query", in_quotes(*twice) + " stands there twice");
    for (const auto& [name, value] : all) {
        const bool known = name == "after" || name == "limit" ||
                           std::find(names.begin(), names.end(), name) != names.end();
        if (!known) return problem_of(name, 400, "Bad query", "there is no " + in_quotes(name));
        if (name == "after") {
            after_ = value;
        } else if (name == "limit") {
            if (!read_number(value, limit_) || limit_ == 0)
                return problem_of(name, 400, "Bad query", "limit is a number from 1");
            limit_ = std::min(limit_, most);
        } else {
            others_.emplace_back(name, value);
        }
    }
    return std::nullopt;
}

refusal api_query::refuse_any(const http::query_parameters& all) {
    if (all.empty()) return std::nullopt;
    const auto& name = all.front().first;
    return problem_of(name, 400, "Bad query", "there is no " + in_quotes(name) + " here");
}

refusal api_query::number_after(std::uint64_t& out) const {
    out = 0;
    if (after_.empty() || read_number(after_, out)) return std::nullopt;
    return bad_after();
}

http::response api_query::bad_after() {
    return problem_of("after", 400, "Bad query", "after is what the link to the page says");
}

std::optional<std::string> api_query::get(std::string_view name) const {
    for (const auto& [known, value] : others_)
        if (known == name) return value;
    return std::nullopt;
}

std::string api_query::next(std::string_view path, std::string_view last) const {
    std::string link = '<' + std::string(path) + "?limit=" + std::to_string(limit_);
    for (const auto& [name, value] : others_)
        link += '&' + name + '=' + http::percent_encode(value);
    return link + "&after=" + http::percent_encode(last) + ">; rel=\"next\"";
}

}  // namespace tidings::rest_hook::detail
