// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/outbox_attempt.hpp>

#include <algorithm>
#include <string>

namespace tidings::store::detail {

// What the heap adds to an allocation, and a node of a tree with its value to the value.
inline constexpr std::size_t heap_bytes = 16;
inline constexpr std::size_t node_bytes = 64;

/// What a text holds beside itself.
inline std::size_t held_bytes(const std::string& s) noexcept {
    return s.capacity() < sizeof(std::string) / 2 ? 0 : s.capacity() + heap_bytes;
}

/// What a message holds, with the bookkeeping of an outbox.
inline std::size_t held_bytes(const outbox_message& m) noexcept {
    std::size_t bytes = sizeof(m) + 4 * node_bytes + m.fields.capacity() * sizeof(m.fields[0]);
    for (const auto* s : {&m.source, &m.id, &m.type, &m.topic, &m.history, &m.content_type})
        bytes += held_bytes(*s);
    for (const auto& [name, value] : m.fields) bytes += held_bytes(name) + held_bytes(value);
    if (m.body) bytes += std::max(m.body->capacity(), m.body_footprint) + heap_bytes;
    return bytes + m.position.epoch_bytes();
}

/// What an entry holds beside its message.
inline std::size_t held_bytes(const outbox_entry& e) noexcept {
    // Its node among all entries, in a line, in the keys of its endpoint and of its event, in a
    // partition.
    std::size_t bytes = sizeof(e) + 6 * node_bytes;
    for (const auto* s : {&e.endpoint, &e.message_id, &e.webhook_id, &e.batch.id})
        bytes += held_bytes(*s);
    if (e.partition) bytes += held_bytes(*e.partition);
    return bytes;
}

/// What an attempt holds beside its message.
inline std::size_t held_bytes(const outbox_attempt& a) noexcept {
    std::size_t bytes = sizeof(a) + 3 * node_bytes;
    for (const auto* s : {&a.endpoint, &a.message_id, &a.webhook_id, &a.cause, &a.address,
                          &a.response_head, &a.response_body})
        bytes += held_bytes(*s);
    return bytes;
}

}  // namespace tidings::store::detail
