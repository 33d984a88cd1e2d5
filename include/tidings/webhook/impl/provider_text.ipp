// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/text/impl/ascii.hpp>
#include <tidings/text/impl/json_text.hpp>
#include <tidings/topic.hpp>
#include <tidings/webhook/impl/provider_text.hpp>

#include <algorithm>

namespace tidings::webhook::detail {

std::string_view only_member(const json_object& members, std::string_view name, error_code& ec) {
    std::string_view text;
    for (const auto& [key, value] : members) {
        if (key != name) continue;
        if (!text.empty()) ec = errc::event_bad_data;
        text = value;
    }
    return text;
}

std::optional<std::string> text_member(const json_object& members, std::string_view name,
                                       error_code& ec) {
    const auto value = only_member(members, name, ec);
    if (!value.starts_with('"')) return std::nullopt;
    return tidings::detail::read_json_string(value);
}

std::string dotted_tokens(std::string_view text, char separator, std::size_t most) {
    std::string out;
    for (std::size_t n = 1;; ++n) {
        const auto part = n == most ? text : text.substr(0, text.find(separator));
        out += '.' + topic_token(part);
        if (part.size() == text.size()) return out;
        text.remove_prefix(part.size() + 1);
    }
}

topic_rule provider_topic(std::string provider, std::size_t most) {
    return topic_rule::function([provider = std::move(provider), most](const event& e) {
        constexpr std::string_view of_types = "com.";
        std::string_view topic = e.type();
        if (!topic.starts_with(of_types)) return std::string();
        topic.remove_prefix(of_types.size());
        const auto tokens = static_cast<std::size_t>(std::count(topic.begin(), topic.end(), '.'));
        const bool ours = topic.starts_with(provider) && topic.size() > provider.size() &&
                          topic[provider.size()] == '.';
        // More tokens than the reader makes were not made by it.
        return ours && tokens <= most ? std::string(topic) : std::string();
    });
}

bool is_form_type(std::string_view content_type) noexcept {
    return tidings::detail::starts_with_ignoring_case(content_type,
                                                      "application/x-www-form-urlencoded");
}

bool is_form(const http::request& r) noexcept {
    return is_form_type(r.fields.get("content-type"));
}

}  // namespace tidings::webhook::detail
