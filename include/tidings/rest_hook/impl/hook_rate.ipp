// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/rest_hook/impl/hook_rate.hpp>
#include <tidings/text/impl/json_text.hpp>
#include <tidings/text/impl/json_writer.hpp>

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

namespace tidings::rest_hook::detail {

using namespace tidings::detail;

namespace {

constexpr std::uint32_t most_per_second = 1'000'000;
constexpr std::uint32_t most_in_burst = 1'000'000;

std::optional<std::uint32_t> read_whole(std::string_view text, std::uint32_t most) noexcept {
    std::uint32_t value = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (ec != std::errc() || end != text.data() + text.size() || value > most) return std::nullopt;
    return value;
}

// A number of JSON with at most three decimals, and without an exponent. Never 0.
std::optional<std::uint32_t> read_thousandths(std::string_view text) noexcept {
    const auto dot = std::min(text.find('.'), text.size());
    const auto whole = read_whole(text.substr(0, dot), most_per_second);
    auto decimals = dot == text.size() ? std::string_view("0") : text.substr(dot + 1);
    while (decimals.size() > 1 && decimals.ends_with('0')) decimals.remove_suffix(1);
    auto rest = decimals.size() > 3 ? std::nullopt : read_whole(decimals, 999);
    if (!whole || !rest) return std::nullopt;
    for (auto digits = decimals.size(); digits < 3; ++digits) *rest *= 10;
    const auto all = *whole * 1000 + *rest;
    return all == 0 || all > most_per_second * 1000 ? std::nullopt : std::optional(all);
}

// Why it is none; empty: it is one.
std::string find_problem(std::string_view raw, hook_rate& out) {
    if (!raw.starts_with('{')) return "it is not an object";
    out = {};
    bool has_burst = false;
    for (const auto& [name, value] : json_members(raw)) {
        if (name != "per_second" && name != "burst") return "it has no " + in_quotes(name);
        if (name == "per_second") {
            const auto read = read_thousandths(value);
            if (out.thousandths != 0) return "per_second stands there twice";
            if (!read) return "per_second is a number from 0.001 to 1000000, of 3 decimals at most";
            out.thousandths = *read;
        } else {
            const auto read = read_whole(value, most_in_burst);
            if (std::exchange(has_burst, true)) return "burst stands there twice";
            if (!read || *read == 0) return "burst is a number from 1 to 1000000";
            out.burst = *read;
        }
    }
    return out.thousandths == 0 ? "per_second is missing" : "";
}

}  // namespace

refusal read_rate(std::string_view name, std::string_view raw, const webhook::delivery_rate& most,
                  hook_rate& out) {
    if (!raw.starts_with('{')) return malformed(name, in_quotes(name) + " is not an object");
    hook_rate read;
    if (const auto why = find_problem(raw, read); !why.empty()) return refused(name, why);
    const auto wanted = read.for_sender();
    const bool bounded = most.per_second > 0;
    const auto most_at_once = std::max<std::size_t>(most.burst, 1);
    if (bounded && (wanted.per_second > most.per_second || wanted.burst > most_at_once))
        return refused(name, "this server sends slower, or in smaller bursts");
    out = read;
    return std::nullopt;
}

bool read_rate(std::string_view raw, hook_rate& out) {
    return find_problem(raw, out).empty();
}

std::string to_json(const hook_rate& r) {
    auto per_second = std::to_string(r.thousandths / 1000);
    if (auto rest = r.thousandths % 1000; rest != 0) {
        auto decimals = std::to_string(1000 + rest).substr(1);
        while (decimals.ends_with('0')) decimals.pop_back();
        per_second += '.' + decimals;
    }
    return json_writer().raw("per_second", per_second).add("burst", r.burst).end();
}

webhook::delivery_rate slower_of(const webhook::delivery_rate& a,
                                 const webhook::delivery_rate& b) noexcept {
    if (a.per_second <= 0) return b;
    if (b.per_second <= 0) return a;
    return {std::min(a.per_second, b.per_second), std::min(a.burst, b.burst)};
}

}  // namespace tidings::rest_hook::detail
