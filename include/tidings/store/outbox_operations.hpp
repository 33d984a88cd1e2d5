// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/outbox_attempt.hpp>
#include <tidings/store/outbox_attempt_counts.hpp>
#include <tidings/store/outbox_endpoint.hpp>
#include <tidings/store/outbox_endpoints.hpp>

#include <chrono>
#include <limits>
#include <optional>

namespace tidings::store {

/// Endpoints that are added to a sender.
struct outbox_opening {
    outbox_time now{};
    /// Of a new endpoint all is kept; of a known one `owner` and `limits` are replaced.
    std::vector<outbox_endpoint> endpoints{};
    /// What is due later than this after `now` becomes due then: a clock that was set back between
    /// two runs delays nothing for longer. 0: nothing is changed.
    std::chrono::milliseconds longest_wait{0};
};

/// Up to where events have reached the outbox.
struct outbox_mark {
    /// What is read: a history, or of an endpoint the pattern of one of its subscriptions. No line
    /// feed.
    std::string history{};
    tidings::position position{};  ///< empty: the mark is forgotten
    /// The endpoint whose mark it is, which ends with its row; it gets one where it has none.
    /// Empty: that of the whole outbox.
    std::string endpoint{};
};

struct outbox_append {
    outbox_time now{};
    std::vector<outbox_entry> entries{};
    /// One is not kept where an entry of its endpoint is refused, one of the whole outbox where any
    /// is.
    std::vector<outbox_mark> marks{};
};

/// What became of an append.
struct outbox_appended {
    struct refusal {
        std::size_t index = 0;  ///< of `outbox_append::entries`
        error_code why{};       ///< errc::outbox_full, errc::webhook_disabled
    };
    std::vector<refusal> refused{};
    std::vector<std::string> disabled{};  ///< endpoints that a bound disabled
    /// What became dead letters to make room, as it is now; not what is of `disabled`.
    std::vector<outbox_entry> dropped{};
};

/// How entries of an endpoint that are in no batch yet are claimed where it gets many in one
/// request: with one that is claimed come those behind it, of its partition in order of keys, or
/// that have no partition as it has none, in order of due time, also above the claim's
/// `max_entries`. Of a partition they come as far as they are pending one behind another.
struct outbox_gathering {
    std::size_t max_entries = 1;  ///< that come together
    /// Of their bodies, each with one byte more, and one in all; the first comes whatever its size.
    std::size_t max_bytes = std::numeric_limits<std::size_t>::max();
    std::chrono::milliseconds ahead{0};  ///< so long before they are due
    /// So many times entries are claimed together although the first is not due yet either, but
    /// within `ahead`. Of what was never attempted.
    std::size_t at_once = 0;
};

/// How many entries of one endpoint a claim takes, instead of `outbox_query::max_per_endpoint`.
struct outbox_share {
    std::string endpoint{};
    /// 0: its entries are left where they are. With a gathering what comes together, and a batch,
    /// counts as one.
    std::size_t max_entries = 0;
    std::optional<outbox_gathering> gathering{};
    bool early = false;  ///< its entries are claimed before they are due, too
};

/// What to claim.
struct outbox_query {
    outbox_time now{};
    std::size_t max_entries = 0;  ///< in all; the members of a batch come together, also above it
    std::size_t max_per_endpoint = 0;
    std::vector<outbox_share> shares{};
    /// The endpoints to claim for; null: all. Never changes, so that an outbox may keep what it
    /// made of it as long as it is handed the same object.
    std::shared_ptr<const outbox_endpoints> of{};
};

struct outbox_claim {
    /// In order of due time, then key. Entries that were never attempted and entries that are tried
    /// again take turns for the places there are, so that neither waits for a backlog of the other.
    std::vector<outbox_entry> entries{};
    /// When the next one is due, of the endpoints that were claimed for and of which not as many as
    /// allowed were claimed. In the past when `max_entries` was reached.
    std::optional<outbox_time> next_due{};
};

/// What became of a claimed entry.
struct outbox_result {
    enum class state {
        done,     ///< delivered: it is forgotten
        retry,    ///< pending again, due at `due`
        dead,     ///< given up: a dead letter, which blocks nothing
        stopped,  ///< given up, and blocks its partition
        keep,     ///< still claimed: only `batch` changes
    };
    /// An attempt that ended so. It is counted in the minute of `at`.
    struct attempt_end {
        outbox_time at{};
        std::chrono::microseconds took{0};
    };
    std::uint64_t key = 0;
    state outcome = state::done;
    std::uint32_t attempts = 0;
    outbox_time due{};
    error_code last_error{};
    std::optional<outbox_batch> batch{};  ///< none: as it was
    /// Counts as a success where `outcome` is `done`, else as a failure. None: nothing is counted.
    std::optional<attempt_end> attempt{};
};

/// What a sender learned in one round. One transaction.
struct outbox_round {
    outbox_time now{};
    std::vector<outbox_result> results{};  ///< of an entry that is not claimed: ignored
    /// Of an entry that is not claimed when the round begins: ignored.
    std::vector<outbox_attempt> attempts{};
    /// By endpoint; of one that has no row: ignored.
    std::vector<std::pair<std::string, outbox_health>> health{};
    /// Endpoints that are over, behind all of the above: the row of one that has neither entries
    /// nor dead letters goes. Of one that has dead letters it goes as they do, without
    /// `outbox_options::keep_unknown`. One that is added again is not over.
    std::vector<std::string> ended{};
};

/// What names an event.
struct outbox_event {
    std::string source{}, id{};
};

/// Entries to look at, or to redeliver.
struct outbox_selection {
    std::string endpoint{};               ///< empty: of all
    std::optional<outbox_event> event{};  ///< none: of any
    std::optional<outbox_state> state{};  ///< none: in any
    std::uint64_t after_key = 0;          ///< only those with a greater key
    std::uint64_t last_key = std::numeric_limits<std::uint64_t>::max();
    outbox_time since = outbox_time::min();  ///< appended at this time or later
    outbox_time until = outbox_time::max();  ///< appended earlier
    std::size_t max_entries = 256;
};

struct outbox_redelivery {
    outbox_selection of{};  ///< what is neither dead nor stopped is passed over
    outbox_time now{};      ///< due then, as if never attempted
    /// Is appended to the webhook id, for receivers that lost what they acknowledged. Empty: the
    /// id stays.
    std::string id_suffix{};
};

struct outbox_redelivered {
    std::size_t count = 0;
    std::uint64_t last_key = 0;  ///< up to which `of` was worked off
    bool at_end = true;          ///< false: `max_entries` was reached
    bool full = false;           ///< a bound was reached: what follows stays as it is
};

struct outbox_retention {
    outbox_time now{};
    /// The endpoints that are added to the sender at this time; null: none is known to be.
    std::shared_ptr<const outbox_endpoints> of{};
    std::size_t max_entries = 1000;  ///< that are changed in one transaction
};

struct outbox_retained {
    std::vector<outbox_entry> dead{};  ///< what became dead letters, as it is now
    bool at_end = true;                ///< false: `max_entries` was reached
};

/// What an outbox holds.
struct outbox_stats {
    std::size_t owed = 0, owed_bytes = 0;
    std::size_t dead = 0, dead_bytes = 0;
    std::size_t attempts = 0, attempt_bytes = 0;
    std::size_t attempt_counts = 0, attempt_count_bytes = 0;  ///< minutes of endpoints
    std::optional<outbox_time> oldest{};  ///< when the oldest of what is owed was appended
};

}  // namespace tidings::store
