// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/errc.hpp>
#include <tidings/position.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tidings::store {

using outbox_time = std::chrono::system_clock::time_point;

/// What is sent of one event in one form. An outbox keeps it once, however many entries, dead
/// letters and attempts name it: what is handed over by one pointer is one.
struct outbox_message {
    std::string source{}, id{}, type{}, topic{};  ///< of the event
    std::string history{};                        ///< the name of the history that holds the event
    tidings::position position{};                 ///< its place there; empty: no history holds it
    std::string content_type{};
    std::vector<std::pair<std::string, std::string>> fields{};  ///< further request fields
    std::shared_ptr<const std::string> body{};                  ///< null: empty
    /// Bytes that `body` keeps in memory, where these are more than its size. Not stored.
    std::size_t body_footprint = 0;
};

/// Entries that are sent in one request. They are claimed together.
struct outbox_batch {
    std::string id{};  ///< empty: the entry is sent alone
    std::uint32_t index = 0;
    friend bool operator==(const outbox_batch&, const outbox_batch&) = default;
};

/// One delivery that is owed: an event to an endpoint.
struct outbox_entry {
    std::uint64_t key = 0;  ///< given by the outbox, rising
    std::string endpoint{};
    std::string message_id{};  ///< the same on every attempt and redelivery
    std::string webhook_id{};  ///< what the receiver gets as the id; empty: `message_id`
    std::shared_ptr<const outbox_message> message{};  ///< never null in what an outbox gives
    /// Entries of one partition of an endpoint are claimed one at a time in order of keys; none: in
    /// any order. An empty text is a partition like others.
    std::optional<std::string> partition{};
    outbox_batch batch{};
    std::uint32_t attempts = 0;  ///< made so far
    outbox_time created{};       ///< given by the outbox: `outbox_append::now`
    outbox_time due{};
    std::optional<outbox_time> expires{};        ///< `expirytime` of the event
    std::optional<outbox_time> first_failure{};  ///< given by the outbox
    error_code last_error{};
};

enum class outbox_state {
    pending,
    claimed,
    stopped,  ///< failed for good, and blocks its partition until it is redelivered
    dead,     ///< a dead letter
};

struct outbox_listed {
    outbox_entry entry{};
    outbox_state state = outbox_state::pending;
    outbox_time since{};  ///< when it became that; of a claimed one when it was claimed
};

}  // namespace tidings::store
