// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/index/flat_table.hpp>
#include <tidings/bus/impl/index/seeded_hash.hpp>
#include <tidings/bus/impl/index/token_table.hpp>
#include <tidings/text/impl/take_token.hpp>
#include <tidings/topic.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tidings::detail {

/// Patterns and the values that stand under each, found by topic.
///
/// All patterns are in one flat table by the hash of their text, which answers for literal ones;
/// those with wildcards are in a trie of interned tokens besides, whose edges are all in one flat
/// table. A match allocates nothing and changes nothing; it visits at most two children per node.
/// So it costs at most 2^tokens steps, and never more than there are nodes.
///
/// `T` is compared with ==; `Hash` is `seeded_hash` but in tests, and tells numbers apart. Not
/// thread-safe; several threads may match at once while none changes. Patterns must have passed
/// `check_pattern`, topics `check_topic_syntax`.
template <class T, class Hash = seeded_hash>
class topic_index {
 public:
    using list = std::vector<T>;

    /// How much it holds now; the bytes are those of tables and nodes, not of texts and lists.
    struct usage {
        std::size_t patterns = 0;
        std::size_t nodes = 0;
        std::size_t edges = 0;
        std::size_t tokens = 0;
        std::size_t table_bytes = 0;
        friend bool operator==(const usage&, const usage&) = default;
    };

    /// @param seed see `seeded_hash`
    explicit topic_index(std::uint64_t seed) : hash_(seed), tokens_(hash_) {}
    topic_index(const topic_index&) = delete;
    topic_index& operator=(const topic_index&) = delete;
    ~topic_index() {
        entries_.for_each([](entry* e) { delete e; });
    }

    /// Appends to the pattern's list; the same value twice stands there twice.
    /// @throws std::bad_alloc and what copying a T throws, and nothing is changed.
    void insert(std::string_view pattern, T value) {
        const std::uint64_t hash = hash_(pattern);
        if (entry* e = find(pattern, hash)) {
            e->values.push_back(std::move(value));
        } else {
            entries_.reserve_one();
            auto added = std::make_unique<entry>(entry{std::string(pattern), {}, none, false});
            added->values.push_back(std::move(value));
            if (!is_literal_pattern(pattern)) link(*added);
            entries_.insert(hash, added.release());
            ++generation_;
        }
        ++size_;
    }

    /// Removes the first equal value from the pattern's list, and the pattern with its last; linear
    /// in the list. False when it is not there.
    bool erase(std::string_view pattern, const T& value) noexcept {
        const std::uint64_t hash = hash_(pattern);
        entry* e = find(pattern, hash);
        if (e == nullptr) return false;
        const auto at = std::find(e->values.begin(), e->values.end(), value);
        if (at == e->values.end()) return false;
        e->values.erase(at);
        --size_;
        if (e->values.empty()) {
            entries_.erase(hash, e);
            if (e->node != none) unlink(*e);
            delete e;
            ++generation_;
        }
        return true;
    }

    /// Calls `out(const list&)` once per matching pattern, in no stated order; each list is in the
    /// order of insertion and not empty. A list stays where it is until its pattern goes, so while
    /// `generation()` is the same, a topic's lists can be kept. `out` must not change the index.
    template <class Out>
    void match(std::string_view topic, Out&& out) const {
        if (const entry* e = find(topic, hash_(topic)); e != nullptr && e->node == none)
            out(std::as_const(e->values));
        if (live_nodes_ != 0) match_wildcards(topic, out);
    }

    /// Rises whenever a pattern comes or goes, not when its list changes. From 1.
    std::uint64_t generation() const noexcept { return generation_; }
    /// The number of values.
    std::size_t size() const noexcept { return size_; }

    usage used() const noexcept {
        return {entries_.size(), live_nodes_, edges_.size(), tokens_.size(),
                entries_.memory_bytes() + edges_.memory_bytes() + tokens_.memory_bytes() +
                    nodes_.capacity() * sizeof(node)};
    }

 private:
    using node_id = std::uint32_t;
    static constexpr node_id none = 0;
    static constexpr node_id root = 1;
    static constexpr std::uint32_t star_token = 0;  // token_table counts from 1

    struct entry {
        std::string pattern;
        list values;
        node_id node;  // none for a literal
        bool rest;     // ends in `>`
    };

    struct alignas(32) node {
        const entry* here = nullptr;  // the pattern that ends in this node
        const entry* rest = nullptr;  // the pattern that ends in `>` after it
        node_id star = none;
        std::uint32_t edges = 0;
        node_id parent = none;  // in a free node: the next free one
        std::uint32_t token = star_token;
    };

    node& at(node_id id) noexcept { return nodes_[id - 1]; }
    const node& at(node_id id) const noexcept { return nodes_[id - 1]; }

    entry* find(std::string_view pattern, std::uint64_t hash) const noexcept {
        return entries_.find(hash, [&](const entry* e) { return e->pattern == pattern; });
    }

    std::uint64_t edge_hash(node_id from, std::uint32_t token) const noexcept {
        return hash_(std::uint64_t{from} << 32 | token);
    }
    node_id follow(std::uint64_t edge) const noexcept {
        // The hash of a number is as good as the number.
        return edges_.find(edge, [](node_id) { return true; });
    }

    template <class Out>
    void match_wildcards(std::string_view topic, Out& out) const {
        std::uint32_t tokens[max_topic_tokens];
        std::size_t count = 0;
        for (; !topic.empty(); ++count) {
            if (count == max_topic_tokens) return;
            tokens[count] = tokens_.find(take_token(topic));
        }

        struct step {
            node_id id;
            std::uint32_t depth;
        };
        // Depth first: a step is replaced by at most two, so one more than the levels is enough.
        step stack[max_topic_tokens + 1];
        std::size_t top = 0;
        stack[top++] = {root, 0};
        while (top != 0) {
            const auto [id, depth] = stack[--top];
            const node& n = at(id);
            if (depth == count) {
                if (n.here != nullptr) out(std::as_const(n.here->values));
                continue;
            }
            if (n.rest != nullptr) out(std::as_const(n.rest->values));
            if (n.star != none) stack[top++] = {n.star, depth + 1};
            if (n.edges != 0 && tokens[depth] != 0)
                if (const auto child = follow(edge_hash(id, tokens[depth])))
                    stack[top++] = {child, depth + 1};
        }
    }

    // Puts a pattern into the trie.
    void link(entry& e) {
        if (nodes_.empty()) add_node(none, star_token);
        node_id id = root;
        try {
            for (std::string_view left = e.pattern; !left.empty();) {
                const auto token = take_token(left);
                if (token == ">")
                    e.rest = true;
                else
                    id = child(id, token);
            }
        } catch (...) {
            prune(id);
            throw;
        }
        e.node = id;
        (e.rest ? at(id).rest : at(id).here) = &e;
    }

    void unlink(const entry& e) noexcept {
        (e.rest ? at(e.node).rest : at(e.node).here) = nullptr;
        prune(e.node);
    }

    // The child of a node, made if it is not there.
    node_id child(node_id parent, std::string_view token) {
        if (token == "*") {
            if (const auto id = at(parent).star) return id;
            const auto id = add_node(parent, star_token);
            at(parent).star = id;
            return id;
        }
        if (const auto number = tokens_.find(token))
            if (const auto id = follow(edge_hash(parent, number))) return id;
        edges_.reserve_one();
        const auto id = add_node(parent, star_token);
        try {
            at(id).token = tokens_.acquire(token);
        } catch (...) {
            free_node(id);
            throw;
        }
        edges_.insert(edge_hash(parent, at(id).token), id);
        ++at(parent).edges;
        return id;
    }

    node_id add_node(node_id parent, std::uint32_t token) {
        if (free_ == none) {
            nodes_.emplace_back();
            free_ = static_cast<node_id>(nodes_.size());
        }
        const node_id id = free_;
        free_ = at(id).parent;
        at(id) = {nullptr, nullptr, none, 0, parent, token};
        ++live_nodes_;
        return id;
    }

    void free_node(node_id id) noexcept {
        at(id) = {nullptr, nullptr, none, 0, free_, star_token};
        free_ = id;
        --live_nodes_;
    }

    // Frees a node that has nothing left, and then its parents.
    void prune(node_id id) noexcept {
        while (id != none) {
            const node n = at(id);
            if (n.here != nullptr || n.rest != nullptr || n.star != none || n.edges != 0) return;
            if (n.token != star_token) {
                edges_.erase(edge_hash(n.parent, n.token), id);
                tokens_.release(n.token);
                --at(n.parent).edges;
            } else if (n.parent != none) {
                at(n.parent).star = none;
            }
            free_node(id);
            id = n.parent;
        }
        nodes_ = std::vector<node>();  // unlike {}, gives the memory back
        free_ = none;
    }

    Hash hash_;
    flat_table<entry*> entries_;
    token_table<Hash> tokens_;
    flat_table<node_id> edges_;
    std::vector<node> nodes_;
    node_id free_ = none;
    std::size_t live_nodes_ = 0;
    std::size_t size_ = 0;
    std::uint64_t generation_ = 1;
};

}  // namespace tidings::detail
