// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/crypto/impl/sha256.hpp>
#include <tidings/rest_hook/impl/answer_memory.hpp>

namespace tidings::rest_hook::detail {

using namespace tidings::detail;

namespace {

// An entry without its answer: two hashes as text, three nodes.
constexpr std::size_t around_answer = 512;

std::size_t bytes_of(const http::response& r) noexcept {
    std::size_t bytes = around_answer + r.body.size();
    for (const auto& [name, value] : r.fields)
        bytes += sizeof(std::pair<std::string, std::string>) + name.size() + value.size();
    return bytes;
}

}  // namespace

answer_memory::seen answer_memory::begin(std::string_view key, std::string_view body, claim& fresh,
                                         http::response& known) {
    auto name = sha256_hex(key);
    auto hash = sha256_hex(body);
    const std::lock_guard lock(mutex_);
    while (!answered_.empty() && entries_.at(answered_.front()).at + keep_ <= clock_.now())
        erase(answered_.front());
    const auto [it, is_new] = entries_.try_emplace(name);
    if (is_new) {
        it->second.body = std::move(hash);
        fresh = claim(shared_from_this(), std::move(name));
        return seen::fresh;
    }
    if (it->second.body != hash) return seen::other;
    if (!it->second.answered) return seen::pending;
    known = it->second.answer;
    return seen::known;
}

void answer_memory::settle(const std::string& key, const http::response& r) {
    const std::lock_guard lock(mutex_);
    const auto it = entries_.find(key);
    if (it == entries_.end()) return;
    auto& e = it->second;
    e.answer = r;
    e.answered = true;
    e.at = clock_.now();
    e.place = answered_.insert(answered_.end(), key);
    e.bytes = bytes_of(r);
    bytes_ += e.bytes;
    while (bytes_ > most_bytes_ && !answered_.empty()) erase(answered_.front());
}

void answer_memory::forget(const std::string& key) noexcept {
    const std::lock_guard lock(mutex_);
    entries_.erase(key);
}

void answer_memory::erase(const std::string& key) noexcept {
    const auto it = entries_.find(key);
    bytes_ -= it->second.bytes;
    const auto place = it->second.place;
    entries_.erase(it);
    answered_.erase(place);  // `key` may be in it
}

std::size_t answer_memory::bytes() const {
    const std::lock_guard lock(mutex_);
    return bytes_;
}

}  // namespace tidings::rest_hook::detail
