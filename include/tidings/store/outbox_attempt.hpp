// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/outbox_entry.hpp>

namespace tidings::store {

/// How long the phases of an attempt took. None: there was no such phase, or it did not end.
struct outbox_timings {
    using phase = std::optional<std::chrono::microseconds>;
    phase resolve{}, connect{}, tls{};
    phase write{};       ///< of the request
    phase first_byte{};  ///< of the answer, from the last byte of the request
    phase total{};
};

/// One attempt to deliver an entry. Secrets are cut out of it before it comes to an outbox, and
/// what the peer answered is cut to a length.
struct outbox_attempt {
    std::uint64_t key = 0;    ///< given by the outbox, rising
    std::uint64_t entry = 0;  ///< the key of the entry
    std::string endpoint{};   ///< this and the next three are given by the outbox
    std::string message_id{};
    std::string webhook_id{};
    std::shared_ptr<const outbox_message> message{};
    std::uint32_t number = 1;
    outbox_time at{};
    outbox_timings timings{};
    unsigned status = 0;    ///< 0: no answer
    error_code error{};     ///< empty: delivered
    std::string cause{};    ///< of the error, for people
    std::string address{};  ///< what was connected to, or tried last: `192.0.2.1:443`
    std::string response_head{}, response_body{};
};

}  // namespace tidings::store
