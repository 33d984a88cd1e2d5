// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/crypto/impl/sha256.hpp>
#include <tidings/rest_hook/impl/hook_index.hpp>

#include <algorithm>

namespace tidings::rest_hook::detail {

using namespace tidings::detail;

namespace {

// The length in front keeps apart what would otherwise be one text.
void append_part(std::string& key, std::string_view part) {
    key.append(std::to_string(part.size())).append(1, ':').append(part);
}

std::string key_of(const hook_record& h) {
    auto topics = h.topics;
    auto filters = h.filters;
    std::sort(topics.begin(), topics.end());
    std::sort(filters.begin(), filters.end());
    std::string key;
    append_part(key, h.owner);
    append_part(key, h.target_url);
    for (const auto& topic : topics) append_part(key, topic);
    append_part(key, {});  // which no topic is
    for (const auto& filter : filters) append_part(key, filter);
    return sha256_hex(key);
}

}  // namespace

void hook_index::add(const hook_record& h) {
    if (const auto end = h.expires()) ends_.emplace(*end, h.id);
    ++owned_[h.owner];
    same_.emplace(key_of(h), h.id);
}

// Nothing has changed where memory runs out.
void hook_index::remove(const hook_record& h) {
    const auto [first, last] = same_.equal_range(key_of(h));
    const auto end = h.expires();
    if (end) ends_.erase({*end, h.id});
    if (const auto it = owned_.find(h.owner); it != owned_.end() && --it->second == 0)
        owned_.erase(it);
    const auto it = std::find_if(first, last, [&](const auto& s) { return s.second == h.id; });
    if (it != last) same_.erase(it);
}

std::size_t hook_index::owned_by(const std::string& owner) const {
    const auto it = owned_.find(owner);
    return it == owned_.end() ? 0 : it->second;
}

std::string hook_index::same_as(const hook_record& h) const {
    const auto [first, last] = same_.equal_range(key_of(h));
    const auto it = std::find_if(first, last, [&](const auto& s) { return s.second != h.id; });
    return it == last ? std::string() : it->second;
}

http::detail::expiry_time hook_index::first_end() const {
    return ends_.empty() ? std::nullopt : http::detail::expiry_time(ends_.begin()->first);
}

std::vector<std::string> hook_index::take_ended(io::system_time now) {
    std::vector<std::string> ids;
    auto it = ends_.begin();
    for (; it != ends_.end() && it->first <= now; ++it) ids.push_back(it->second);
    ends_.erase(ends_.begin(), it);
    return ids;
}

}  // namespace tidings::rest_hook::detail
