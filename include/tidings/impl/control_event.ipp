// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/control_event.hpp>

#include <charconv>
#include <new>

namespace tidings {

namespace detail {
namespace {

event_ptr make_control_event(std::string_view type, std::string_view data, publication_info info) {
    error_code ec;
    event e(type, "/tidings", data, "application/json");
    return publication::make(type, std::move(e), std::move(info), ec);
}

constexpr std::string_view lagged_prefix = R"({"count":)";
constexpr std::string_view skipped_prefix = R"({"bytes":)";

event_ptr make_number_event(std::string_view type, std::string_view prefix,
                            std::uint64_t n) noexcept {
    try {
        return make_control_event(type, std::string(prefix) + std::to_string(n) + '}', {});
    } catch (const std::bad_alloc&) {
        return {};
    }
}

std::optional<std::uint64_t> read_number_event(const event_ptr& e, std::string_view type,
                                               std::string_view prefix) noexcept {
    const auto text = e->text();
    if (e->topic() != type || !text.starts_with(prefix)) return std::nullopt;
    std::uint64_t n = 0;
    const auto digits = text.substr(prefix.size());
    const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), n);
    return ec == std::errc() ? std::optional(n) : std::nullopt;
}

}  // namespace
}  // namespace detail

event_ptr make_lagged_event(std::uint64_t count) noexcept {
    return detail::make_number_event(lagged_type, detail::lagged_prefix, count);
}

event_ptr make_skipped_event(std::uint64_t bytes) noexcept {
    return detail::make_number_event(skipped_type, detail::skipped_prefix, bytes);
}

event_ptr make_gap_event(const position& head) noexcept {
    try {
        publication_info info;
        if (!head.empty()) info.position = head;
        return detail::make_control_event(gap_type, R"({"reason":"history"})", std::move(info));
    } catch (const std::bad_alloc&) {
        return {};
    }
}

std::optional<std::uint64_t> lagged_count(const event_ptr& e) noexcept {
    return detail::read_number_event(e, lagged_type, detail::lagged_prefix);
}

std::optional<std::uint64_t> skipped_bytes(const event_ptr& e) noexcept {
    return detail::read_number_event(e, skipped_type, detail::skipped_prefix);
}

}  // namespace tidings
