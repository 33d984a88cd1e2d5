// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/crypto/impl/sha256.hpp>
#include <tidings/crypto/impl/wipe.hpp>
#include <tidings/outlet/impl/access.hpp>
#include <tidings/rest_hook/impl/portal/token_book.hpp>
#include <tidings/text/impl/hex.hpp>

#include <span>
#include <utility>

namespace tidings::rest_hook::detail {

using namespace tidings::detail;

std::string token_book::issue(portal_visitor v, error_code& ec) {
    constexpr std::size_t token_bytes = 32;
    std::string bytes(token_bytes, '\0');
    environment_.random->fill(std::as_writable_bytes(std::span(bytes.data(), bytes.size())));
    auto text = hex_encode(bytes);
    wipe(bytes);
    auto hash = sha256_hex(text);

    const std::lock_guard lock(mutex_);
    drop_ended();
    const auto surplus = surplus_of(v.who);
    if (surplus == entries_.end() && entries_.size() >= bounds_.max) {
        ec = errc::too_many;
        return {};
    }
    const auto ends = environment_.clock->now() + bounds_.lifetime;
    entries_.emplace(std::move(hash), entry{std::move(v), ends, next_});
    ++next_;
    if (surplus != entries_.end()) entries_.erase(surplus);
    return text;
}

std::optional<portal_visitor> token_book::find(std::string_view text) const {
    const auto hash = sha256_hex(text);
    const std::lock_guard lock(mutex_);
    const auto it = entries_.find(hash);
    if (it == entries_.end() || has_ended(it->second)) return std::nullopt;
    return it->second.visitor;
}

bool token_book::end(std::string_view text) {
    const auto hash = sha256_hex(text);
    const std::lock_guard lock(mutex_);
    const auto it = entries_.find(hash);
    if (it == entries_.end()) return false;
    const bool stood = !has_ended(it->second);
    entries_.erase(it);
    return stood;
}

void token_book::end_all_of(std::string_view principal_name) noexcept {
    const std::lock_guard lock(mutex_);
    std::erase_if(entries_,
                  [&](const auto& e) { return e.second.visitor.who.name == principal_name; });
}

void token_book::clear() noexcept {
    const std::lock_guard lock(mutex_);
    entries_.clear();
}

bool token_book::has_ended(const entry& e) const noexcept {
    return e.ends <= environment_.clock->now() ||
           http::detail::has_expired(e.visitor.who.expires, *environment_.clock);
}

void token_book::drop_ended() noexcept {
    std::erase_if(entries_, [this](const auto& e) { return has_ended(e.second); });
}

token_book::entries::iterator token_book::surplus_of(const tidings::principal& who) noexcept {
    auto oldest = entries_.end();
    std::size_t count = 0;
    for (auto it = entries_.begin(); it != entries_.end(); ++it) {
        if (it->second.visitor.who.name != who.name) continue;
        ++count;
        if (oldest == entries_.end() || it->second.number < oldest->second.number) oldest = it;
    }
    return count < bounds_.max_per_principal ? entries_.end() : oldest;
}

}  // namespace tidings::rest_hook::detail
