// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/index/flat_table.hpp>
#include <tidings/bus/impl/index/seeded_hash.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tidings::detail {

/// Interns tokens: equal text, equal number. Numbers are counted references, from 1, and are used
/// again after the last release. `Hash` is `seeded_hash` but in tests. Not thread-safe.
template <class Hash = seeded_hash>
class token_table {
 public:
    explicit token_table(const Hash& hash) noexcept : hash_(hash) {}

    /// The number of a token, 0 when no pattern holds it.
    std::uint32_t find(std::string_view text) const noexcept { return find(text, hash_(text)); }

    /// Takes a reference to the number of a token. @throws std::bad_alloc, and nothing is changed.
    std::uint32_t acquire(std::string_view text) {
        const std::uint64_t hash = hash_(text);
        if (const auto id = find(text, hash)) {
            ++tokens_[id - 1].references;
            return id;
        }
        numbers_.reserve_one();
        std::string copy(text);
        if (free_ == 0) {
            tokens_.emplace_back();
            free_ = static_cast<std::uint32_t>(tokens_.size());
        }
        const std::uint32_t id = free_;
        token& t = tokens_[id - 1];
        free_ = t.next_free;
        t = {std::move(copy), 1, 0};
        numbers_.insert(hash, id);
        return id;
    }

    /// Gives a reference back.
    void release(std::uint32_t id) noexcept {
        token& t = tokens_[id - 1];
        if (--t.references != 0) return;
        numbers_.erase(hash_(t.text), id);
        if (numbers_.size() == 0) {
            tokens_ = std::vector<token>();  // unlike {}, gives the memory back
            free_ = 0;
            return;
        }
        t = {{}, 0, free_};
        free_ = id;
    }

    std::size_t size() const noexcept { return numbers_.size(); }

    /// Without the text of tokens that std::string keeps outside of itself.
    std::size_t memory_bytes() const noexcept {
        return numbers_.memory_bytes() + tokens_.capacity() * sizeof(token);
    }

 private:
    struct token {
        std::string text{};
        std::uint32_t references = 0;
        std::uint32_t next_free = 0;
    };

    std::uint32_t find(std::string_view text, std::uint64_t hash) const noexcept {
        return numbers_.find(hash, [&](std::uint32_t id) { return tokens_[id - 1].text == text; });
    }

    Hash hash_;
    flat_table<std::uint32_t> numbers_;
    std::vector<token> tokens_;
    std::uint32_t free_ = 0;
};

}  // namespace tidings::detail
