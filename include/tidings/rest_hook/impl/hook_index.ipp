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

hook_index::entry hook_index::entry_of(const hook_record& h) const noexcept {
    return {h.id, h.owner, key_of(h), bytes_held(h), h.expires(), h.is_unannounced()};
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
        if (owner->second.count == 0) owned_.erase(owner);
        throw;
    }
    ++owner->second.count;
    owner->second.bytes += bytes_held(h);
}

void hook_index::remove(const entry& e) noexcept {
    const auto take_from = [&](end_set& ends) {
        const auto it = ends.find(std::pair(*e.expires, e.id));
        if (it != ends.end()) ends.erase(it);
    };
    if (e.expires) take_from(ends_);
    if (e.unannounced) take_from(unannounced_);
    take_from_owner(e.owner, {1, e.held});
    take_same(e.key, e.id);
}

void hook_index::take_from_owner(std::string_view owner, const share& less) noexcept {
    const auto it = owned_.find(owner);
    if (it == owned_.end()) return;
    it->second.count -= less.count;
    it->second.bytes -= less.bytes;
    if (it->second.count == 0 && it->second.bytes == 0) owned_.erase(it);
}

void hook_index::take_same(std::uint64_t key, std::string_view id) noexcept {
    const auto [first, last] = same_.equal_range(key);
    const auto it = std::find_if(first, last, [&](const auto& s) { return s.second == id; });
    if (it != last) same_.erase(it);
}

hook_index::share hook_index::owned_by(const std::string& owner) const {
    const auto it = owned_.find(owner);
    return it == owned_.end() ? share() : it->second;
}

// Of the same owner it has no further place, and only the bytes that it grows by.
hook_index::held_change hook_index::hold(const hook_record& before, const hook_record& h) {
    const auto was = before.owner == h.owner ? bytes_held(before) : 0;
    const auto is = bytes_held(h);
    held_change c{
        key_of(h), h.id, h.owner, {before.owner == h.owner ? 0u : 1u, is > was ? is - was : 0}};
    const auto owner = owned_.try_emplace(h.owner).first;
    try {
        same_.emplace(c.key, c.id);
    } catch (...) {
        if (owner->second.count == 0 && owner->second.bytes == 0) owned_.erase(owner);
        throw;
    }
    owner->second.count += c.more.count;
    owner->second.bytes += c.more.bytes;
    return c;
}

void hook_index::release(const held_change& c) noexcept {
    take_from_owner(c.owner, c.more);
    take_same(c.key, c.id);
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

const hook_index::ending* hook_index::first_unannounced(
    const std::set<std::string>& but) const noexcept {
    const auto it = std::find_if(unannounced_.begin(), unannounced_.end(),
                                 [&](const ending& e) { return !but.contains(e.second); });
    return it == unannounced_.end() ? nullptr : &*it;
}

}  // namespace tidings::rest_hook::detail
