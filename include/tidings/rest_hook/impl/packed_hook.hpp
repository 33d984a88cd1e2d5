// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/rest_hook/impl/hook_index.hpp>
#include <tidings/rest_hook/impl/hook_record.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace tidings::rest_hook::detail {

/// A subscription as it stands in the table, in one block of memory: a quarter of what a
/// `hook_record` takes. What is asked of many at once needs no memory.
class packed_hook {
 public:
    /// Of an empty record. It is not asked for its texts.
    packed_hook() = default;
    /// @param in the index that it is to be in @throws std::bad_alloc
    TIDINGS_DECL packed_hook(const hook_record& h, const hook_index& in);

    /// @throws std::bad_alloc
    TIDINGS_DECL hook_record unpack() const;
    /// What removes it from its index.
    TIDINGS_DECL hook_index::entry entry() const noexcept;
    TIDINGS_DECL std::string_view owner() const noexcept;
    TIDINGS_DECL std::string_view reason() const noexcept;
    hook_state state() const noexcept { return bytes_ ? head().state : hook_state::active; }
    /// It is a hub's.
    bool by_hub() const noexcept { return is(mark::by_hub); }
    /// As `hook_record::is_asked`.
    bool is_asked() const noexcept { return is(mark::asked); }
    /// As `open_question::ended`.
    bool has_ended_question() const noexcept { return is(mark::ended); }
    /// Whether `f` says so of one of its patterns.
    template <class F>
    bool any_topic(F f) const {
        if (!bytes_) return false;
        const auto* at = topics();
        for (auto left = take_count(at); left != 0; --left)
            if (f(take_text(at))) return true;
        return false;
    }

 private:
    enum class mark : std::uint8_t {
        by_hub = 1,
        asked = 2,
        ended = 4,
        expires = 8,
        unannounced = 16
    };
    /// Its texts stand behind it: id, owner, reason, patterns, and the rest.
    struct header {
        std::uint64_t key;  // in its index
        std::size_t held;   // `bytes_held`
        io::system_time expires;
        hook_state state;
        std::uint8_t marks;
    };

    const header& head() const noexcept { return *reinterpret_cast<const header*>(bytes_.get()); }
    bool is(mark m) const noexcept {
        return bytes_ && (head().marks & static_cast<std::uint8_t>(m)) != 0;
    }
    const char* body() const noexcept { return bytes_.get() + sizeof(header); }
    TIDINGS_DECL const char* topics() const noexcept;
    TIDINGS_DECL static std::uint32_t take_count(const char*& at) noexcept;
    TIDINGS_DECL static std::string_view take_text(const char*& at) noexcept;

    std::unique_ptr<char[]> bytes_;
};

}  // namespace tidings::rest_hook::detail
