// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <vector>

namespace tidings::detail {

struct pattern_entry;

/// The patterns of topics that were published last: so many places, of which a topic has one by its
/// hash. What matches nothing, or more than `max_entries`, is not kept. Not thread-safe.
class topic_cache {
 public:
    static constexpr std::size_t places = 64;
    static constexpr std::size_t max_entries = 16;
    using entry_list = std::vector<pattern_entry*>;

    /// Null where they are not known. `stamp`: of `pattern_stamps`
    const entry_list* find(std::string_view topic, std::uint64_t hash,
                           std::uint64_t stamp) const noexcept {
        if (!lines_) return nullptr;
        const auto& l = (*lines_)[hash % places];
        return l.hash == hash && l.stamp == stamp && l.topic == topic ? &l.entries : nullptr;
    }

    /// Without memory it stays as it is.
    void keep(std::string_view topic, std::uint64_t hash, std::uint64_t stamp,
              const entry_list& entries) noexcept {
        if (entries.empty() || entries.size() > max_entries) return;
        try {
            if (!lines_) lines_ = std::make_unique<std::array<line, places>>();
            auto& l = (*lines_)[hash % places];
            l.topic.clear();  // it is no topic's while it is written
            l.entries = entries;
            l.topic = topic;
            l.hash = hash;
            l.stamp = stamp;
        } catch (const std::bad_alloc&) {
            return;
        }
    }

    void clear() noexcept { lines_.reset(); }

 private:
    struct line {
        std::uint64_t hash = 0;
        std::uint64_t stamp = 0;
        std::string topic{};
        entry_list entries{};
    };
    std::unique_ptr<std::array<line, places>> lines_;  // null until the first
};

}  // namespace tidings::detail
