// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/control_event.hpp>

#include <charconv>

namespace tidings {

namespace detail {
namespace {

event_ptr make_control_event(std::string_view type, std::string data, publication_info info) {
    error_code ec;
    event e(type, "/tidings");
    e.data(std::move(data), "application/json");
    return publication::make(type, std::move(e), std::move(info), ec);
}

constexpr std::string_view lagged_prefix = R"({"count":)";

}  // namespace
}  // namespace detail

event_ptr make_lagged_event(std::uint64_t count) {
    return detail::make_control_event(
        lagged_type, std::string(detail::lagged_prefix) + std::to_string(count) + '}', {});
}

event_ptr make_gap_event(const position& head) {
    publication_info info;
    if (!head.empty()) info.position = head;
    return detail::make_control_event(gap_type, R"({"reason":"history"})", std::move(info));
}

std::optional<std::uint64_t> lagged_count(const event_ptr& e) noexcept {
    const auto text = e->text();
    if (e->topic() != lagged_type || !text.starts_with(detail::lagged_prefix)) return std::nullopt;
    std::uint64_t count = 0;
    const auto digits = text.substr(detail::lagged_prefix.size());
    const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), count);
    return ec == std::errc{} ? std::optional(count) : std::nullopt;
}

}  // namespace tidings
