// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/message/retry_after.hpp>
#include <tidings/inlet/impl/reconnector.hpp>

namespace tidings::detail {

reconnect_action reconnector::resume(const reconnect_event& e, io::steady_time now,
                                     std::uint64_t random) noexcept {
    using kind = reconnect_event::kind;
    switch (e.what) {
        case kind::start:
            if (state_ != connection_state::stopped) return {};
            backoff_.reset();
            return connect();
        case kind::due:
            if (state_ != connection_state::waiting) return {};
            return connect();
        case kind::opened:
            if (state_ != connection_state::connecting) return {};
            state_ = connection_state::open;
            opened_ = now;
            return {};
        case kind::lost:
            return lose(e, now, random);
        case kind::refused:
            if (state_ == connection_state::stopped) return {};
            return stop(e.why);
        case kind::stop:  // also before the start
            return stop(e.why);
    }
    return {};
}

reconnect_action reconnector::connect() noexcept {
    state_ = connection_state::connecting;
    return {.what = reconnect_action::kind::connect};
}

reconnect_action reconnector::stop(error_code why) noexcept {
    state_ = connection_state::stopped;
    return {.what = reconnect_action::kind::stop, .why = why};
}

reconnect_action reconnector::lose(const reconnect_event& e, io::steady_time now,
                                   std::uint64_t random) noexcept {
    const bool was_open = state_ == connection_state::open;
    if (!was_open && state_ != connection_state::connecting) return {};
    if (!enabled_) return stop(e.why);
    if (was_open && now - opened_ >= lasting) backoff_.reset();
    state_ = connection_state::waiting;
    return {.what = reconnect_action::kind::wait,
            .after = backoff_.next(random, e.asked),
            .why = e.why};
}

bool is_temporary(unsigned status) noexcept {
    return status == 408 || status == 429 || status >= 500;
}

bool is_temporary(error_code ec) noexcept {
    return ec != errc::bad_url && ec != errc::invalid_argument &&
           ec != errc::unsupported_encoding && ec != errc::repeated_field;
}

std::chrono::milliseconds asked_wait(const http::response& answer, const io::clock& clock) {
    // Two values joined are none of the forms that are read.
    const auto asked =
        http::parse_retry_after(answer.fields.joined("retry-after"), clock.wall_now());
    return asked.value_or(std::chrono::seconds(0));
}

reconnect_event failed(error_code why) noexcept {
    using kind = reconnect_event::kind;
    return {.what = is_temporary(why) ? kind::lost : kind::refused, .why = why};
}

reconnect_event answered(const http::response& answer, error_code why, bool again,
                         const io::clock& clock) {
    using kind = reconnect_event::kind;
    if (!again) return {.what = kind::refused, .why = why};
    return {.what = kind::lost, .why = why, .asked = asked_wait(answer, clock)};
}

}  // namespace tidings::detail
