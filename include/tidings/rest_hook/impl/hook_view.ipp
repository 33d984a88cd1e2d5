// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/rest_hook/impl/hook_view.hpp>
#include <tidings/text/impl/header_tokens.hpp>
#include <tidings/text/impl/json_writer.hpp>

namespace tidings::rest_hook::detail {

using namespace tidings::detail;

std::string to_json(const hook_view& v, webhook::body_form form, bool with_secret) {
    const auto& h = v.record;
    std::string topics;
    for (const auto& topic : h.topics) {
        std::string quoted;
        append_json_string(quoted, topic);
        append_element(topics, quoted);
    }
    json_writer headers;
    for (const auto& [name, value] : h.headers) headers.add(name, hidden_value);
    json_writer metadata;
    for (const auto& [name, value] : h.metadata) metadata.add(name, value);

    json_writer out;
    out.add("id", h.id).raw("topics", '[' + topics + ']');
    if (h.topics.size() == 1) out.add("event", h.topics.front());
    out.raw("filters", to_json(h.filters)).add("target_url", h.target_url);
    out.flag("active", v.now.state == hook_state::active).add("state", spell(v.now.state));
    out.add_any("reason", v.now.reason).add_any("description", h.description);
    out.add("content_mode", spell(h.form.value_or(form)));
    out.add("proof", spell(h.shown_by.value_or(proof::none)));
    if (v.now.state == hook_state::pending) out.add("confirm_by", to_text(h.question.until));
    out.add("order", spell(h.order)).add("retry", spell(h.retry));
    if (h.rate.thousandths != 0) out.raw("rate", to_json(h.rate));
    out.raw("headers", headers.end()).raw("metadata", metadata.end());
    out.add_any("owner", h.owner).add("created_at", h.created_at);
    out.add("updated_at", h.updated_at.empty() ? h.created_at : h.updated_at);
    if (h.websub) out.add("hub_topic", h.websub->topic);
    if (const auto end = h.ends()) out.add("expiration_date", to_text(*end));
    if (with_secret) out.add("secret", h.secret);
    return out.end();
}

std::string tag_of(std::uint64_t revision) {
    return '"' + std::to_string(revision) + '"';
}

// A tag is weak where it begins with `W/`, and matches nothing then (RFC 9110 8.8.3.2).
bool tag_matches(std::string_view if_match, std::uint64_t revision) {
    const auto ours = tag_of(revision);
    while (!if_match.empty()) {
        const auto tag = take_list_element(if_match);
        if (tag == "*" || tag == ours) return true;
    }
    return false;
}

// Here a weak one matches as well.
bool is_known_tag(std::string_view if_none_match, std::string_view tag) {
    while (!if_none_match.empty()) {
        auto known = take_list_element(if_none_match);
        if (known.starts_with("W/")) known.remove_prefix(2);
        if (known == "*" || known == tag) return true;
    }
    return false;
}

}  // namespace tidings::rest_hook::detail
