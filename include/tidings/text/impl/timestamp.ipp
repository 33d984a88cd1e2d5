// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/text/impl/timestamp.hpp>

#include <charconv>
#include <iterator>

namespace tidings::detail {

namespace {

// At least `count` digits, with zeros in front, and `after`.
void append_digits(std::string& out, int value, std::size_t count, char after) {
    char digits[12];
    const auto* const end = std::to_chars(digits, std::end(digits), value).ptr;
    const auto size = static_cast<std::size_t>(end - digits);
    if (size < count) out.append(count - size, '0');
    out.append(digits, size).append(1, after);
}

}  // namespace

std::string format_timestamp(wall_time t) {
    using namespace std::chrono;
    const auto day = floor<days>(t);
    const year_month_day date(day);
    const hh_mm_ss clock(t - day);
    std::string text;
    text.reserve(sizeof "2026-01-02T03:04:05.123456Z");
    append_digits(text, static_cast<int>(date.year()), 4, '-');
    append_digits(text, static_cast<int>(static_cast<unsigned>(date.month())), 2, '-');
    append_digits(text, static_cast<int>(static_cast<unsigned>(date.day())), 2, 'T');
    append_digits(text, static_cast<int>(clock.hours().count()), 2, ':');
    append_digits(text, static_cast<int>(clock.minutes().count()), 2, ':');
    append_digits(text, static_cast<int>(clock.seconds().count()), 2, '.');
    append_digits(text, static_cast<int>(clock.subseconds().count()), 6, 'Z');
    text.erase(text.find_last_not_of("0Z") + 1);
    if (text.back() == '.') text.pop_back();
    return text += 'Z';
}

namespace {

// A fixed number of digits; -1 when there is anything else.
int take_digits(std::string_view& text, std::size_t count) noexcept {
    if (text.size() < count) return -1;
    int value = 0;
    for (std::size_t i = 0; i < count; ++i) {
        if (text[i] < '0' || text[i] > '9') return -1;
        value = value * 10 + (text[i] - '0');
    }
    text.remove_prefix(count);
    return value;
}

bool take_char(std::string_view& text, std::string_view any_of) noexcept {
    if (text.empty() || any_of.find(text.front()) == std::string_view::npos) return false;
    text.remove_prefix(1);
    return true;
}

// The fraction after the dot, in microseconds; further digits are dropped.
int take_fraction(std::string_view& text) noexcept {
    int value = 0;
    int digits = 0;
    for (; !text.empty() && text.front() >= '0' && text.front() <= '9'; text.remove_prefix(1))
        if (digits < 6) value = value * 10 + (text.front() - '0'), ++digits;
    if (digits == 0) return -1;
    for (; digits < 6; ++digits) value *= 10;
    return value;
}

}  // namespace

wall_time parse_timestamp(std::string_view text, error_code& ec) noexcept {
    using namespace std::chrono;
    ec = errc::event_bad_time;
    const int y = take_digits(text, 4);
    if (y < 0 || !take_char(text, "-")) return {};
    const int mo = take_digits(text, 2);
    if (mo < 0 || !take_char(text, "-")) return {};
    const int d = take_digits(text, 2);
    if (d < 0 || !take_char(text, "Tt ")) return {};
    const int h = take_digits(text, 2);
    if (h < 0 || h > 23 || !take_char(text, ":")) return {};
    const int mi = take_digits(text, 2);
    if (mi < 0 || mi > 59 || !take_char(text, ":")) return {};
    const int s = take_digits(text, 2);
    if (s < 0 || s > 60) return {};
    int us = 0;
    if (take_char(text, ".") && (us = take_fraction(text)) < 0) return {};

    minutes offset{0};
    if (!take_char(text, "Zz")) {
        const bool minus = !text.empty() && text.front() == '-';
        if (!take_char(text, "+-")) return {};
        const int oh = take_digits(text, 2);
        if (oh < 0 || oh > 23 || !take_char(text, ":")) return {};
        const int om = take_digits(text, 2);
        if (om < 0 || om > 59) return {};
        offset = hours(oh) + minutes(om);
        if (minus) offset = -offset;
    }
    const year_month_day date{year(y), month(static_cast<unsigned>(mo)),
                              day(static_cast<unsigned>(d))};
    if (!text.empty() || !date.ok()) return {};
    const wall_time t(sys_days(date) + hours(h) + minutes(mi) + seconds(s) - offset +
                      microseconds(us));
    const year_month_day utc(floor<days>(t));
    if (utc.year() < year(0) || utc.year() > year(9999)) return {};
    ec = {};
    return t;
}

}  // namespace tidings::detail
