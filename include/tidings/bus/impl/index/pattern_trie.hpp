// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/index/flat_table.hpp>
#include <tidings/bus/impl/index/numbered_pool.hpp>
#include <tidings/bus/impl/index/seeded_hash.hpp>
#include <tidings/bus/impl/index/token_table.hpp>
#include <tidings/bus/impl/index/topic_words.hpp>
#include <tidings/text/impl/take_token.hpp>
#include <tidings/topic.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace tidings::detail {

/// The patterns with wildcards of a `topic_index`, by the names of their tokens. The edges of all
/// nodes are in one flat table. A match visits at most two children per node, several nodes at a
/// time, so that their memory comes near together.
template <class Entry, class Hash = seeded_hash>
class pattern_trie {
 public:
    explicit pattern_trie(const Hash& hash) : hash_(hash), tokens_(hash), edges_(edge_hash{hash}) {}
    pattern_trie(const pattern_trie&) = delete;
    pattern_trie& operator=(const pattern_trie&) = delete;

    /// The entry of a pattern, or null.
    Entry* find(std::string_view pattern) const noexcept {
        trail way;
        if (!walk(pattern, way)) return nullptr;
        const node& end = nodes_[way.node()];
        return way.rest ? end.rest : end.here;
    }

    /// Adds an entry whose pattern is not there yet. @throws std::bad_alloc, and nothing is
    /// changed.
    void insert(Entry& e) { link(e, e.pattern()); }

    /// Takes an entry out that is there.
    void erase(const Entry& e) noexcept {
        trail way;
        walk(e.pattern(), way);
        node& end = nodes_[way.node()];
        (way.rest ? end.rest : end.here) = nullptr;
        prune(way);
    }

    void clear() noexcept {
        edges_.clear();
        nodes_.clear();
        tokens_.clear();
    }

    /// The tokens of a topic. False where nothing can match it.
    bool split(std::string_view topic, topic_words& words) const noexcept {
        return nodes_.size() != 0 &&
               words.split(topic, [&](std::string_view token) { return name_of_long(token); });
    }
    /// Calls `out(Entry&)` once per matching pattern.
    template <class Out>
    void match(const topic_words& words, Out& out) const {
        const std::size_t depth = words.of_library() ? 1 : 0;
        const auto from = depth == 0 ? root : follow(root, words[0]);
        if (from == none) return;
        const auto first = expect(from, words, depth);
        visit({&first, 1}, words, depth, out);
    }

    /// Calls `f(Entry&)` for each.
    template <class F>
    void for_each(F f) const {
        if (nodes_.size() == 0) return;
        // Each node is the root, the end of an edge, or behind such a one by stars alone.
        const auto visit = [&](node_id id) {
            for (; id != none; id = nodes_[id].star) {
                if (auto* e = nodes_[id].here) f(*e);
                if (auto* e = nodes_[id].rest) f(*e);
            }
        };
        visit(root);
        edges_.for_each([&](const edge& e) { visit(e.child); });
    }

    std::size_t nodes() const noexcept { return nodes_.size(); }
    std::size_t edges() const noexcept { return edges_.size(); }
    std::size_t tokens() const noexcept { return tokens_.size(); }
    std::size_t memory_bytes() const noexcept {
        return edges_.memory_bytes() + tokens_.memory_bytes() + nodes_.memory_bytes();
    }

 private:
    using node_id = std::uint32_t;
    static constexpr node_id none = 0;
    static constexpr node_id root = 1;  // the first of its pool while there are nodes

    struct node {
        Entry* here = nullptr;  // the pattern that ends in this node
        Entry* rest = nullptr;  // the pattern that ends in `>` after it
        node_id star = none;
        std::uint32_t edges = 0;
    };

    struct edge {
        token_name token = no_token;
        node_id parent = none;
        node_id child = none;
        explicit operator bool() const noexcept { return child != none; }
    };
    struct edge_hash {
        Hash hash;
        std::uint64_t operator()(const edge& e) const noexcept { return hash(e.token, e.parent); }
    };

    /// The way from the root to where a pattern ends.
    struct trail {
        std::array<node_id, max_topic_tokens + 1> nodes{root};
        std::array<token_name, max_topic_tokens> names{};  // none: a star
        std::size_t depth = 0;
        bool rest = false;  // it ends in `>`
        node_id node() const noexcept { return nodes[depth]; }
        void go(token_name by, node_id to) noexcept {
            names[depth++] = by;
            nodes[depth] = to;
        }
    };

    /// A node to visit, and the hash of the edge that goes on from there.
    struct step {
        node_id id;
        std::uint64_t edge;
    };
    static constexpr std::size_t batch = 8;

    token_name name_of_long(std::string_view token) const noexcept {
        const auto number = tokens_.find(token);
        return number != 0 ? long_token | number : no_token;
    }
    node_id follow(node_id from, token_name token, std::uint64_t hash) const noexcept {
        return edges_
            .find(hash, [&](const edge& e) { return e.token == token && e.parent == from; })
            .child;
    }
    node_id follow(node_id from, token_name token) const noexcept {
        return follow(from, token, hash_(token, from));
    }

    step expect(node_id id, const topic_words& topic, std::size_t depth) const noexcept {
        prefetch(&nodes_[id]);
        if (depth == topic.size()) return {id, 0};
        const auto hash = hash_(topic[depth], id);
        edges_.prefetch_slot(hash);
        return {id, hash};
    }

    // Some nodes of one depth, and what is behind them. What is found is handed out last: its
    // memory comes near meanwhile.
    template <class Out>
    void visit(std::span<const step> now, const topic_words& topic, std::size_t depth,
               Out& out) const {
        std::array<step, 2 * batch> next;
        std::array<Entry*, batch> found;
        std::size_t next_size = 0, found_size = 0;
        const bool ends = depth == topic.size();
        for (const auto& s : now) {
            const node& n = nodes_[s.id];
            if (auto* const e = ends ? n.here : n.rest) {
                prefetch(e);
                found[found_size++] = e;
            }
            if (ends) continue;
            if (n.star != none) next[next_size++] = expect(n.star, topic, depth + 1);
            if (n.edges == 0) continue;
            if (const auto child = follow(s.id, topic[depth], s.edge))
                next[next_size++] = expect(child, topic, depth + 1);
        }
        const std::span behind(next.data(), next_size);
        const auto first = std::min(next_size, batch);
        if (first != 0) visit(behind.first(first), topic, depth + 1, out);
        if (first != next_size) visit(behind.subspan(first), topic, depth + 1, out);
        for (std::size_t i = 0; i < found_size; ++i) out(*found[i]);
    }

    // False where the pattern does not stand in the trie.
    bool walk(std::string_view pattern, trail& way) const noexcept {
        if (nodes_.size() == 0) return false;
        while (!pattern.empty()) {
            const auto token = take_token(pattern);
            if (token == ">") {
                way.rest = true;
                continue;
            }
            const auto name = token == "*"                  ? no_token
                              : token.size() <= short_token ? name_of(token)
                                                            : name_of_long(token);
            const auto next = token == "*" ? nodes_[way.node()].star : follow(way.node(), name);
            if (next == none) return false;
            way.go(name, next);
        }
        return true;
    }

    // Puts a pattern into the trie.
    void link(Entry& e, std::string_view pattern) {
        if (nodes_.size() == 0) add_node();
        trail way;
        try {
            while (!pattern.empty()) {
                const auto token = take_token(pattern);
                if (token == ">")
                    way.rest = true;
                else if (token == "*")
                    go_by_star(way);
                else
                    go_by_token(way, token);
            }
        } catch (...) {
            prune(way);
            throw;
        }
        node& end = nodes_[way.node()];
        (way.rest ? end.rest : end.here) = &e;
    }

    // To the next node, which is made if it is not there.
    void go_by_star(trail& way) {
        auto next = nodes_[way.node()].star;
        if (next == none) nodes_[way.node()].star = next = add_node();
        way.go(no_token, next);
    }
    void go_by_token(trail& way, std::string_view token) {
        const bool is_short = token.size() <= short_token;
        const auto known = is_short ? name_of(token) : name_of_long(token);
        if (known != no_token)
            if (const auto next = follow(way.node(), known)) return way.go(known, next);
        const auto name = is_short ? known : long_token | tokens_.acquire(token);
        try {
            const auto hash = hash_(name, way.node());
            edges_.reserve(hash);
            const auto next = add_node();
            edges_.insert(hash, {name, way.node(), next});
            ++nodes_[way.node()].edges;
            way.go(name, next);
        } catch (...) {
            release(name);
            throw;
        }
    }

    node_id add_node() {
        nodes_.reserve();
        return nodes_.add({});
    }

    void release(token_name name) noexcept {
        if ((name & long_token) == long_token) tokens_.release(static_cast<std::uint32_t>(name));
    }

    // Removes the last node if it has nothing left, and then those before it.
    void prune(const trail& way) noexcept {
        for (auto depth = way.depth;; --depth) {
            const auto id = way.nodes[depth];
            const node& n = nodes_[id];
            if (n.here != nullptr || n.rest != nullptr || n.star != none || n.edges != 0) return;
            nodes_.remove(id);
            if (depth == 0) return;
            const auto parent = way.nodes[depth - 1];
            const auto name = way.names[depth - 1];
            if (name == no_token) {
                nodes_[parent].star = none;
                continue;
            }
            edges_.erase(hash_(name, parent), [&](const edge& e) { return e.child == id; });
            release(name);
            --nodes_[parent].edges;
        }
    }

    Hash hash_;
    token_table<Hash> tokens_;  // the long ones
    flat_table<edge, edge_hash> edges_;
    numbered_pool<node> nodes_;
};

}  // namespace tidings::detail
