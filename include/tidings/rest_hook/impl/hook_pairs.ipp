// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/rest_hook/impl/hook_pairs.hpp>
#include <tidings/rest_hook/impl/hook_view.hpp>
#include <tidings/rest_hook/impl/target_headers.hpp>
#include <tidings/text/impl/ascii.hpp>
#include <tidings/text/impl/json_text.hpp>
#include <tidings/text/utf8.hpp>

#include <algorithm>

namespace tidings::rest_hook::detail {

using namespace tidings::detail;

namespace {

// Names are the same where `fold` makes the same of them; `check` may refuse a name with its value,
// or change the value.
template <class Fold, class Check>
refusal merge_pairs(std::string_view name, std::string_view raw, text_pairs& into, Fold fold,
                    Check check) {
    if (!raw.starts_with('{')) return malformed(name, in_quotes(name) + " is not an object");
    const auto members = json_members(raw);
    if (const auto twice = repeated_name(members, fold))
        return refused(name, in_quotes(*twice) + " stands there twice");
    for (const auto& [key, value] : members) {
        const auto it = std::find_if(into.begin(), into.end(), [&, &k = key](const auto& p) {
            return fold(p.first) == fold(k);
        });
        if (value == "null") {
            if (it != into.end()) into.erase(it);
            continue;
        }
        if (!value.starts_with('"') || !is_valid_utf8(key))
            return malformed(name, in_quotes(name) + " has a value that is not a string");
        auto text = read_json_string(value);
        if (auto no = check(key, text)) return no;
        if (it != into.end())
            it->second = std::move(text);
        else
            into.emplace_back(key, std::move(text));
    }
    return std::nullopt;
}

}  // namespace

refusal merge_metadata(std::string_view name, std::string_view raw, text_pairs& into) {
    const auto check = [&](std::string_view key, const std::string& value) -> refusal {
        if (!key.empty() && key.size() <= max_metadata_name_bytes &&
            value.size() <= max_metadata_value_bytes && is_valid_utf8(value))
            return std::nullopt;
        return refused(name, "a name has 1 to " + std::to_string(max_metadata_name_bytes) +
                                 " bytes, a value at most " +
                                 std::to_string(max_metadata_value_bytes));
    };
    const auto as_it_is = [](const std::string& text) { return text; };
    if (auto no = merge_pairs(name, raw, into, as_it_is, check)) return no;
    if (into.size() <= max_metadata) return std::nullopt;
    return refused(name, "at most " + std::to_string(max_metadata) + " are taken");
}

refusal merge_headers(std::string_view name, std::string_view raw, const text_pairs* before,
                      text_pairs& into) {
    const auto check = [&](std::string_view key, std::string& value) -> refusal {
        if (const auto why = refusal_of_header(key, value); !why.empty())
            return refused(name, in_quotes(key) + " is " + std::string(why));
        if (value != hidden_value) return std::nullopt;
        if (before != nullptr)
            for (const auto& [known, hidden] : *before)
                if (equal_ignoring_case(known, key)) return value = hidden, std::nullopt;
        return refused(name, in_quotes(key) + " has no value yet that could stay");
    };
    const auto in_lower_case = [](std::string text) {
        std::transform(text.begin(), text.end(), text.begin(),
                       [](char c) { return ascii_lower(c); });
        return text;
    };
    if (auto no = merge_pairs(name, raw, into, in_lower_case, check)) return no;
    std::size_t bytes = 0;
    for (const auto& [known, value] : into) bytes += known.size() + value.size();
    if (into.size() <= max_headers && bytes <= max_header_bytes) return std::nullopt;
    return refused(name, "at most " + std::to_string(max_headers) + " are taken, of " +
                             std::to_string(max_header_bytes) + " bytes together");
}

}  // namespace tidings::rest_hook::detail
