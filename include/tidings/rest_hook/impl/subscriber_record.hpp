// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/errc.hpp>
#include <tidings/io/clock.hpp>

#include <chrono>
#include <optional>
#include <string>

namespace tidings::rest_hook::detail {

/// No lease is counted as a longer one.
constexpr std::chrono::seconds longest_granted = std::chrono::hours(24 * 365 * 10);

/// What a subscriber's client has to know behind a restart, and of the step that is under way.
struct subscriber_record {
    /// Where an answer has led the step. Not in the row.
    struct onward {
        std::string url{};   ///< empty: nowhere
        unsigned pages = 0;  ///< of a list that were read
    };

    std::string server{};    ///< the API; empty: it is WebSub
    std::string subject{};   ///< the pattern, or the topic's URL as the user has it
    std::string path{};      ///< of its callback, below `public_url`
    std::string callback{};  ///< the whole URL that the server was given; empty: none yet
    std::string secret{};
    std::string id{};               ///< of a REST hook: at the server; empty: none yet
    std::string topic{};            ///< of WebSub: as the hub knows it
    std::string hub{};              ///< of WebSub: which was found; empty: none yet
    std::chrono::seconds lease{0};  ///< how long it was given; 0: it has no end, or none yet
    std::optional<io::system_time> until{};  ///< the end of the lease
    bool pending = false;                    ///< of a REST hook: the server waits for its proof
    onward way{};
    bool just_found = false;  ///< the hub, since it last granted anything; not in the row
};

TIDINGS_DECL std::string to_row_value(const subscriber_record& r);
/// @error errc::invalid_json: it is no such row
TIDINGS_DECL subscriber_record read_subscriber_row(const std::string& value, error_code& ec);

}  // namespace tidings::rest_hook::detail
