// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/text_pack.hpp>

#include <limits>
#include <memory>
#include <stdexcept>

namespace tidings::detail {

void text_pack::take_room(std::size_t size) {
    if (size > std::numeric_limits<std::uint32_t>::max() / 2)
        throw std::length_error("tidings::event: an attribute of gigabytes");
    begin_ = new char[size];
    room_ = static_cast<std::uint32_t>(size);
}

text_pack::text_pack(const text_pack& o) : used_(o.used_), room_(o.room_) {
    if (!o.is_in_place()) begin_ = new char[room_];
    std::memcpy(places_, o.places_, sizeof places_);
    std::memcpy(begin_, o.begin_, used_);
}

void text_pack::set(field f, std::string_view v) {
    auto& p = places_[f];
    if (v.size() <= p.size) {
        if (!v.empty()) std::memmove(begin_ + p.at, v.data(), v.size());
        p.size = static_cast<std::uint32_t>(v.size());
    } else if (v.size() <= room_ - used_) {
        append(f, v);
    } else {
        replace_in_more_room(f, v);
    }
}

// What was replaced before is left behind.
void text_pack::replace_in_more_room(field f, std::string_view v) {
    std::size_t size = v.size();
    for (std::uint8_t i = 0; i < fields; ++i)
        if (i != f) size += places_[i].size;
    text_pack fresh;
    fresh.take_room(size + size / 2);
    for (std::uint8_t i = 0; i < fields; ++i) fresh.append(field(i), i == f ? v : get(field(i)));
    *this = std::move(fresh);
}

}  // namespace tidings::detail
