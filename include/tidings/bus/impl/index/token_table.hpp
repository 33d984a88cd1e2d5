// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/index/flat_table.hpp>
#include <tidings/bus/impl/index/numbered_pool.hpp>
#include <tidings/bus/impl/index/seeded_hash.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace tidings::detail {

/// Interns tokens: equal text, equal number. Numbers are counted references, from 1, and are used
/// again after the last release. `Hash` is `seeded_hash` but in tests. Not thread-safe.
template <class Hash = seeded_hash>
class token_table {
 public:
    explicit token_table(const Hash& hash) noexcept : hash_(hash) {}
    token_table(const token_table&) = delete;
    token_table& operator=(const token_table&) = delete;
    ~token_table() { clear(); }

    /// The number of a token, 0 when no pattern holds it.
    std::uint32_t find(std::string_view text) const noexcept { return find(text, hash_(text)); }

    /// Takes a reference to the number of a token. @throws std::bad_alloc, and nothing is changed.
    std::uint32_t acquire(std::string_view text) {
        const std::uint64_t hash = hash_(text);
        if (const auto id = find(text, hash)) {
            ++tokens_[id].references;
            return id;
        }
        std::string copy(text);
        numbers_.reserve(hash);
        tokens_.reserve();
        const auto id = tokens_.add({std::move(copy), 1});
        numbers_.insert(hash, {hash, id});
        return id;
    }

    /// Gives a reference back.
    void release(std::uint32_t id) noexcept {
        token& t = tokens_[id];
        if (--t.references != 0) return;
        numbers_.erase(hash_(t.text), [&](const auto& s) { return s.value == id; });
        tokens_.remove(id);
    }

    /// Forgets all of them, whatever refers to them.
    void clear() noexcept {
        numbers_.for_each([&](const auto& s) { tokens_.remove(s.value); });
        numbers_.clear();
    }

    std::size_t size() const noexcept { return numbers_.size(); }

    /// Without the text of tokens that std::string keeps outside of itself.
    std::size_t memory_bytes() const noexcept {
        return numbers_.memory_bytes() + tokens_.memory_bytes();
    }

 private:
    struct token {
        std::string text{};
        std::uint32_t references = 0;
    };

    std::uint32_t find(std::string_view text, std::uint64_t hash) const noexcept {
        const auto is_it = [&](const auto& s) {
            return s.hash == hash && tokens_[s.value].text == text;
        };
        return numbers_.find(hash, is_it).value;
    }

    Hash hash_;
    flat_table<hashed<std::uint32_t>> numbers_;
    numbered_pool<token> tokens_;
};

}  // namespace tidings::detail
