// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/index/flat_table.hpp>
#include <tidings/bus/impl/index/pattern_trie.hpp>
#include <tidings/bus/impl/index/seeded_hash.hpp>
#include <tidings/bus/impl/index/topic_words.hpp>
#include <tidings/topic.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tidings::detail {

/// Entries, each with a pattern, found by topic. It refers to them: what adds one keeps it until it
/// is taken out.
///
/// Literal patterns are in one flat table by the hash of their text, those with wildcards in a
/// trie. A match allocates nothing and changes nothing. It costs at most 2^tokens steps, and never
/// more than the trie has nodes. Adding or taking out an entry moves a bounded number of others
/// (see `flat_table`).
///
/// `Entry` has `std::string_view pattern() const`; `Hash` is `seeded_hash` but in tests.
/// Not thread-safe; several threads may match at once while none changes. Patterns must have passed
/// `check_pattern`, topics `check_topic_syntax`.
template <class Entry, class Hash = seeded_hash>
class topic_index {
 public:
    /// How much it holds now; the bytes are those of tables and nodes, not of long tokens.
    struct usage {
        std::size_t patterns = 0;
        std::size_t nodes = 0;
        std::size_t edges = 0;
        std::size_t tokens = 0;  ///< longer than `short_token`
        std::size_t table_bytes = 0;
        friend bool operator==(const usage&, const usage&) = default;
    };

    /// @param seed see `seeded_hash`
    explicit topic_index(std::uint64_t seed) : hash_(seed), trie_(hash_) {}
    topic_index(const topic_index&) = delete;
    topic_index& operator=(const topic_index&) = delete;

    /// The entry of a pattern, or null.
    Entry* find(std::string_view pattern) const noexcept {
        return is_literal_pattern(pattern) ? find_literal(pattern, hash_(pattern))
                                           : trie_.find(pattern);
    }

    /// Adds an entry whose pattern is not there yet. @throws std::bad_alloc, and nothing is
    /// changed.
    void insert(Entry& e) {
        if (is_literal_pattern(e.pattern())) {
            const auto hash = hash_(e.pattern());
            literals_.reserve(hash);
            literals_.insert(hash, {hash, &e});
        } else {
            trie_.insert(e);
        }
        ++size_;
        ++generation_;
    }

    /// Takes an entry out that is there.
    void erase(const Entry& e) noexcept {
        if (is_literal_pattern(e.pattern()))
            literals_.erase(hash_(e.pattern()), [&](const auto& s) { return s.value == &e; });
        else
            trie_.erase(e);
        --size_;
        ++generation_;
    }

    /// Takes all of them out.
    void clear() noexcept {
        literals_.clear();
        trie_.clear();
        size_ = 0;
        ++generation_;
    }

    /// Calls `out(Entry&)` once per matching pattern, in no stated order. `out` must not change the
    /// index.
    template <class Out>
    void match(std::string_view topic, Out&& out) const {
        const auto hash = hash_(topic);
        literals_.prefetch_slot(hash);
        topic_words words;
        const bool wild = trie_.split(topic, words);
        if (Entry* e = find_literal(topic, hash)) out(*e);
        if (wild) trie_.match(words, out);
    }

    /// Calls `f(Entry&)` for each. `f` must not change the index.
    template <class F>
    void for_each(F f) const {
        literals_.for_each([&](const auto& s) { f(*s.value); });
        trie_.for_each(f);
    }

    /// Rises whenever a pattern comes or goes. From 1.
    std::uint64_t generation() const noexcept { return generation_; }
    /// How many patterns there are.
    std::size_t size() const noexcept { return size_; }
    /// As of the tables.
    std::uint64_t hash(std::string_view text) const noexcept { return hash_(text); }

    usage used() const noexcept {
        return {size_, trie_.nodes(), trie_.edges(), trie_.tokens(),
                literals_.memory_bytes() + trie_.memory_bytes()};
    }

 private:
    Entry* find_literal(std::string_view pattern, std::uint64_t hash) const noexcept {
        const auto is_it = [&](const auto& s) {
            return s.hash == hash && s.value->pattern() == pattern;
        };
        return literals_.find(hash, is_it).value;
    }

    Hash hash_;
    flat_table<hashed<Entry*>> literals_;
    pattern_trie<Entry, Hash> trie_;
    std::size_t size_ = 0;
    std::uint64_t generation_ = 1;
};

}  // namespace tidings::detail
