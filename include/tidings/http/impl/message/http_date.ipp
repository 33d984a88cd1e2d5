// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/message/http_date.hpp>

#include <array>
#include <charconv>
#include <cstddef>
#include <span>

namespace tidings::http::detail {

namespace {

constexpr std::array<std::string_view, 7> day_names = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                       "Thursday", "Friday", "Saturday"};
constexpr std::array<std::string_view, 12> month_names = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

// Reads an HTTP-date (RFC 9110 5.6.7). Names are as given there, case included; whether the weekday
// is that of the date is not checked, as nothing is read from it.
class http_date_reader {
 public:
    http_date_reader(std::string_view text, std::chrono::sys_seconds now) noexcept
        : text_(text),
          this_year_(
              std::chrono::year_month_day(std::chrono::floor<std::chrono::days>(now)).year()) {}

    // Sun, 06 Nov 1994 08:49:37 GMT
    bool imf_fixdate() noexcept {
        return name(day_names, 3) && literal(", ") && number(2, day_) && literal(" ") && month() &&
               literal(" ") && number(4, year_) && literal(" ") && clock() && literal(" GMT");
    }

    // Sunday, 06-Nov-94 08:49:37 GMT
    bool rfc850_date() noexcept {
        return name(day_names, long_name) && literal(", ") && number(2, day_) && literal("-") &&
               month() && literal("-") && short_year() && literal(" ") && clock() &&
               literal(" GMT");
    }

    // Sun Nov  6 08:49:37 1994
    bool asctime_date() noexcept {
        return name(day_names, 3) && literal(" ") && month() && literal(" ") &&
               (literal(" ") ? number(1, day_) : number(2, day_)) && literal(" ") && clock() &&
               literal(" ") && number(4, year_);
    }

    std::optional<std::chrono::sys_seconds> date() const noexcept {
        const std::chrono::year_month_day date{std::chrono::year(year_),
                                               std::chrono::month(static_cast<unsigned>(month_)),
                                               std::chrono::day(static_cast<unsigned>(day_))};
        // 60 is a leap second (RFC 9110 5.6.7), read as the one after.
        if (!text_.empty() || !date.ok() || hour_ > 23 || minute_ > 59 || second_ > 60)
            return std::nullopt;
        return std::chrono::sys_days(date) + std::chrono::hours(hour_) +
               std::chrono::minutes(minute_) + std::chrono::seconds(second_);
    }

 private:
    static constexpr std::size_t long_name = std::string_view::npos;

    bool literal(std::string_view expected) noexcept {
        if (!text_.starts_with(expected)) return false;
        text_.remove_prefix(expected.size());
        return true;
    }

    bool number(std::size_t digits, int& out) noexcept {
        if (text_.size() < digits) return false;
        const char* const end = text_.data() + digits;
        if (text_[0] == '-' || std::from_chars(text_.data(), end, out).ptr != end) return false;
        text_.remove_prefix(digits);
        return true;
    }

    // The place of the name, counted from 1, or 0.
    int name(std::span<const std::string_view> names, std::size_t letters) noexcept {
        for (std::size_t i = 0; i < names.size(); ++i)
            if (literal(names[i].substr(0, letters))) return static_cast<int>(i) + 1;
        return 0;
    }

    bool month() noexcept { return (month_ = name(month_names, 3)) != 0; }

    bool clock() noexcept {
        return number(2, hour_) && literal(":") && number(2, minute_) && literal(":") &&
               number(2, second_);
    }

    // RFC 9110 5.6.7: never more than 50 years ahead.
    bool short_year() noexcept {
        if (!number(2, year_)) return false;
        const int now = static_cast<int>(this_year_);
        year_ += now / 100 * 100;
        if (year_ > now + 50)
            year_ -= 100;
        else if (year_ <= now - 50)
            year_ += 100;
        return true;
    }

    std::string_view text_;
    std::chrono::year this_year_;
    int year_ = 0, month_ = 0, day_ = 0, hour_ = 0, minute_ = 0, second_ = 0;
};

}  // namespace

std::string http_date(io::system_time t) {
    const auto day = std::chrono::floor<std::chrono::days>(t);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss time(std::chrono::floor<std::chrono::seconds>(t - day));
    const auto two = [](auto value) {
        const auto text = std::to_string(value);
        return text.size() < 2 ? '0' + text : text;
    };
    std::string out(day_names[std::chrono::weekday(day).c_encoding()].substr(0, 3));
    out += ", " + two(static_cast<unsigned>(date.day())) + ' ';
    out += month_names[static_cast<unsigned>(date.month()) - 1];
    return out + ' ' + std::to_string(static_cast<int>(date.year())) + ' ' +
           two(time.hours().count()) + ':' + two(time.minutes().count()) + ':' +
           two(time.seconds().count()) + " GMT";
}

std::optional<std::chrono::sys_seconds> read_http_date(std::string_view text,
                                                       std::chrono::sys_seconds now) noexcept {
    for (const auto form : {&http_date_reader::imf_fixdate, &http_date_reader::rfc850_date,
                            &http_date_reader::asctime_date}) {
        http_date_reader reader(text, now);
        if ((reader.*form)()) return reader.date();
    }
    return std::nullopt;
}

}  // namespace tidings::http::detail
