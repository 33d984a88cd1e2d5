// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/rest_hook/impl/hook_wishes.hpp>
#include <tidings/text/impl/timestamp.hpp>

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace tidings::rest_hook::detail {

using namespace tidings::detail;

namespace {

// Longer than any subscription, and far from where time points end.
constexpr std::chrono::seconds longest_lease = std::chrono::hours(24 * 365 * 100);

}  // namespace

void state_wish::apply(const reading& how, hook_record& out) const {
    const auto* const before = how.before;
    auto wanted = state;
    if (!wanted && active)
        wanted = *active ? hook_state::active
                 : before != nullptr && before->now.state == hook_state::disabled
                     ? before->now.state
                     : hook_state::paused;
    if (!wanted && how.what != reading::kind::merge) wanted = hook_state::active;
    if (!wanted) return;
    if (!is_of_owner(*wanted)) {  // as it is
        out.state = before->record.state;
        out.reason = before->record.reason;
        return;
    }
    out.state = *wanted;
    out.reason.clear();
    if (*wanted == hook_state::active && before != nullptr &&
        before->now.state != hook_state::active)
        out.resumed_at = to_text(how.now);
}

refusal lease_wish::take(std::string_view name, io::system_time end) {
    if (end_) return malformed(name, R"("lease_seconds" and "expiration_date" are one of two)");
    end_ = end;
    return std::nullopt;
}

refusal lease_wish::take_seconds(std::string_view name, std::string_view raw, io::system_time now) {
    constexpr auto most = static_cast<std::uint64_t>(longest_lease.count());
    std::uint64_t seconds = 0;
    const char* const stop = raw.data() + raw.size();
    const auto [end, ec] = std::from_chars(raw.data(), stop, seconds);
    const bool too_many = ec == std::errc::result_out_of_range;
    if (raw.find_first_not_of("+-.0123456789eE") != raw.npos)
        return malformed(name, in_quotes(name) + " is not a number of seconds");
    if (end != stop || (ec != std::errc() && !too_many) || (seconds == 0 && !too_many))
        return refused(name, in_quotes(name) + " is a whole number of seconds, from 1 to " +
                                 std::to_string(most));
    seconds = too_many ? most : std::min(seconds, most);
    return take(name, now + std::chrono::seconds(seconds));
}

refusal lease_wish::take_date(std::string_view name, std::string_view text, io::system_time now) {
    error_code ec;
    const auto end = to_system_time(parse_timestamp(text, ec));
    if (ec) return refused(name, in_quotes(name) + " is not a time of RFC 3339");
    if (end <= now) return refused(name, in_quotes(name) + " has passed");
    return take(name, end);
}

void lease_wish::apply(const reading& how, hook_record& out) const {
    if (end_) out.lease_until = end_;
    const bool bounded = how.max_lease.count() != 0;
    if (!out.lease_until && how.default_lease.count() != 0)
        out.lease_until = how.now + how.default_lease;
    if (bounded && (end_ || !out.lease_until || how.what != reading::kind::merge))
        out.lease_until = http::detail::earlier(out.lease_until, how.now + how.max_lease);
}

}  // namespace tidings::rest_hook::detail
