// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/rest_hook/impl/hook_index.hpp>

#include <algorithm>
#include <array>
#include <span>

namespace tidings::rest_hook::detail {

using namespace tidings::detail;

namespace {

siphash make_hash(io::random& random) {
    std::array<std::uint64_t, 2> keys{};
    random.fill(std::as_writable_bytes(std::span(keys)));
    return {keys[0], keys[1]};
}

}  // namespace

hook_index::hook_index(io::random& random) : hash_(make_hash(random)) {}

// Owners choose all of it: the hash has a secret key, so that none makes two that are the same.
std::uint64_t hook_index::key_of(const hook_record& h) const noexcept {
    std::array<std::uint64_t, 5> parts{hash_(h.owner), hash_(h.target_url), 0, 0, 0};
    if (h.websub) parts[4] = hash_(h.websub->topic);
    // In whatever order.
    for (const auto& topic : h.topics) parts[2] += hash_(topic);
    for (const auto& filter : h.filters) parts[3] += hash_(filter);
    return hash_({reinterpret_cast<const char*>(parts.data()), sizeof(parts)});
}

void hook_index::add(const hook_record& h) {
    const auto owner = owned_.try_emplace(h.owner).first;
    auto same = same_.end();
    auto end = ends_.end();
    try {
        same = same_.emplace(key_of(h), h.id);
        if (const auto at = h.expires()) end = ends_.emplace(*at, h.id);
        if (h.is_unannounced()) unannounced_.emplace(*h.expires(), h.id);
    } catch (...) {
        if (end != ends_.end()) ends_.erase(end);
        if (same != same_.end()) same_.erase(same);
        if (owner->second == 0) owned_.erase(owner);
        throw;
    }
    ++owner->second;
}

void hook_index::remove(const hook_record& h) noexcept {
    const auto take_from = [&](end_set& ends, const http::detail::expiry_time& end) {
        if (const auto it = ends.find(std::pair(*end, std::string_view(h.id))); it != ends.end())
            ends.erase(it);
    };
    if (const auto end = h.expires()) take_from(ends_, end);
    if (h.is_unannounced()) take_from(unannounced_, h.expires());
    if (const auto it = owned_.find(h.owner); it != owned_.end() && --it->second == 0)
        owned_.erase(it);
    const auto [first, last] = same_.equal_range(key_of(h));
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

const std::string* hook_index::first_ended(io::system_time now) const noexcept {
    return ends_.empty() || ends_.begin()->first > now ? nullptr : &ends_.begin()->second;
}

const hook_index::ending* hook_index::first_unannounced() const noexcept {
    return unannounced_.empty() ? nullptr : &*unannounced_.begin();
}

}  // namespace tidings::rest_hook::detail
