// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/config.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

namespace tidings::detail {

/// Copies what is short without a call.
inline void copy_text(char* to, const char* from, std::size_t size) noexcept {
    struct two_words {
        std::uint64_t first, second;
    };
    if (size > 2 * sizeof(two_words) || size == 0) {
        if (size != 0) std::memcpy(to, from, size);
        return;
    }
    const auto copy_ends = [&](auto word) {
        auto last = word;
        std::memcpy(&word, from, sizeof word);
        std::memcpy(&last, from + size - sizeof last, sizeof last);
        std::memcpy(to, &word, sizeof word);
        std::memcpy(to + size - sizeof last, &last, sizeof last);
    };
    if (size >= sizeof(two_words))
        copy_ends(two_words());
    else if (size >= 8)
        copy_ends(std::uint64_t());
    else if (size >= 4)
        copy_ends(std::uint32_t());
    else
        for (std::size_t i = 0; i < size; ++i) to[i] = from[i];
}

/// The texts of an event in one buffer: in place while they are few bytes, else in one allocation.
class text_pack {
 public:
    enum field : std::uint8_t { type, source, id, subject, data_schema, content_type, data };

    text_pack() noexcept = default;
    /// @throws std::bad_alloc, std::length_error
    text_pack(std::string_view type_text, std::string_view source_text,
              std::string_view data_text) {
        const auto size = type_text.size() + source_text.size() + data_text.size();
        if (size > in_place) take_room(size);
        append(type, type_text);
        append(source, source_text);
        append(data, data_text);
    }
    TIDINGS_DECL text_pack(const text_pack& o);
    text_pack(text_pack&& o) noexcept { take(o); }
    text_pack& operator=(const text_pack& o) { return *this = text_pack(o); }
    text_pack& operator=(text_pack&& o) noexcept {
        if (this == &o) return *this;
        release();
        take(o);
        return *this;
    }
    ~text_pack() { release(); }

    std::string_view get(field f) const noexcept {
        return {begin_ + places_[f].at, places_[f].size};
    }
    /// Whether one of these is not empty.
    template <class... Fields>
    bool any_of(Fields... f) const noexcept {
        return (places_[f].size | ...) != 0;
    }
    /// The bytes of all of them, and of what was replaced and is still there.
    std::size_t size() const noexcept { return used_; }
    /// `v` may be a part of this object.
    /// @throws std::bad_alloc, std::length_error, and nothing has changed
    TIDINGS_DECL void set(field f, std::string_view v);

 private:
    static constexpr std::size_t fields = data + 1;
    static constexpr std::uint32_t in_place = 120;
    struct place {
        std::uint32_t at = 0, size = 0;
    };

    bool is_in_place() const noexcept { return begin_ == here_; }
    void release() noexcept {
        if (!is_in_place()) delete[] begin_;
    }
    // What is in place stays in the other one, too.
    void take(text_pack& o) noexcept {
        used_ = o.used_;
        room_ = o.room_;
        std::memcpy(places_, o.places_, sizeof places_);
        if (o.is_in_place()) {
            begin_ = here_;
            std::memcpy(here_, o.here_, sizeof here_);
        } else {
            begin_ = o.begin_;
            o.forget();
        }
    }
    void forget() noexcept {
        begin_ = here_;
        used_ = 0;
        room_ = in_place;
        for (auto& p : places_) p = {};
    }
    // There is room.
    void append(field f, std::string_view v) noexcept {
        const auto size = static_cast<std::uint32_t>(v.size());
        places_[f] = {used_, size};
        copy_text(begin_ + used_, v.data(), size);
        used_ += size;
    }
    // Of an object that has none.
    TIDINGS_DECL void take_room(std::size_t size);
    void replace_in_more_room(field f, std::string_view v);

    char* begin_ = here_;
    std::uint32_t used_ = 0;
    std::uint32_t room_ = in_place;
    place places_[fields];
    char here_[in_place];
};

}  // namespace tidings::detail
