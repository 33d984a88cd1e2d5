// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/index/topic_index.hpp>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tidings::test {

/// A topic index of lists: values stand under patterns, and a pattern goes with its last.
template <class T, class Hash = tidings::detail::seeded_hash>
class listed_index {
 public:
    using list = std::vector<T>;
    using usage = typename tidings::detail::topic_index<T>::usage;

    explicit listed_index(std::uint64_t seed) : index_(seed) {}
    listed_index(const listed_index&) = delete;
    listed_index& operator=(const listed_index&) = delete;
    ~listed_index() {
        std::vector<entry*> all;
        index_.for_each([&](entry& e) { all.push_back(&e); });
        index_.clear();
        for (auto* e : all) delete e;
    }

    void insert(std::string_view pattern, T value) {
        auto* e = index_.find(pattern);
        if (e == nullptr) {
            auto made = std::make_unique<entry>(entry{std::string(pattern), {}});
            index_.insert(*made);
            e = made.release();
        }
        e->values.push_back(std::move(value));
        ++size_;
    }

    /// The first equal value; false when it is not there.
    bool erase(std::string_view pattern, const T& value) {
        auto* e = index_.find(pattern);
        if (e == nullptr) return false;
        const auto at = std::find(e->values.begin(), e->values.end(), value);
        if (at == e->values.end()) return false;
        e->values.erase(at);
        --size_;
        if (e->values.empty()) {
            index_.erase(*e);
            delete e;
        }
        return true;
    }

    template <class Out>
    void match(std::string_view topic, Out out) const {
        index_.match(topic, [&](const entry& e) { out(e.values); });
    }

    std::size_t size() const { return size_; }
    auto generation() const { return index_.generation(); }
    usage used() const {
        const auto u = index_.used();
        return {u.patterns, u.nodes, u.edges, u.tokens, u.table_bytes};
    }
    /// How many patterns a walk over all of them finds.
    std::size_t walked() const {
        std::size_t count = 0;
        index_.for_each([&](const entry&) { ++count; });
        return count;
    }

 private:
    struct entry {
        std::string text;
        list values;
        std::string_view pattern() const { return text; }
    };

    tidings::detail::topic_index<entry, Hash> index_;
    std::size_t size_ = 0;
};

}  // namespace tidings::test
