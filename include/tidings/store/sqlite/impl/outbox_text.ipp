// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/sqlite/impl/connection.hpp>
#include <tidings/store/sqlite/impl/outbox_text.hpp>

#include <charconv>
#include <nlohmann/json.hpp>

namespace tidings::sqlite::detail {

namespace {

using nlohmann::json;

[[noreturn]] void report_damaged_text() {
    throw failure(11, "a row of the outbox is damaged");  // SQLITE_CORRUPT
}

std::int64_t ticks(store::outbox_time t) noexcept {
    return t.time_since_epoch().count();
}

store::outbox_time time_of_ticks(std::int64_t n) noexcept {
    return store::outbox_time(store::outbox_time::duration(n));
}

json json_of(const std::optional<store::outbox_time>& t) {
    return t ? json(ticks(*t)) : json();
}

std::optional<store::outbox_time> optional_time(const json& j) {
    if (!j.is_number_integer()) return std::nullopt;
    return time_of_ticks(j.get<std::int64_t>());
}

json parse_object(std::string_view text) {
    auto j = json::parse(text, nullptr, false);
    if (!j.is_object()) report_damaged_text();
    return j;
}

// Text of a peer's may be in any encoding.
std::string dump(const json& j) {
    return j.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace

std::string text_of(error_code ec) {
    if (!ec) return {};
    return std::string(ec.category().name()) + ':' + std::to_string(ec.value());
}

error_code read_error(std::string_view text) {
    if (text.empty()) return {};
    const auto colon = text.rfind(':');
    int value = 0;
    if (colon == std::string_view::npos ||
        std::from_chars(text.data() + colon + 1, text.data() + text.size(), value).ec !=
            std::errc())
        report_damaged_text();
    const auto name = text.substr(0, colon);
    if (name == errc_category().name()) return {value, errc_category()};
    if (name == boost::system::system_category().name())
        return {value, boost::system::system_category()};
    if (name == boost::system::generic_category().name())
        return {value, boost::system::generic_category()};
    return errc::connection_failed;  // of a category that cannot be made from its name
}

std::string text_of(const message_fields& fields) {
    std::string bytes;
    const auto put = [&](const std::string& s) {
        bytes.append(std::to_string(s.size())).append(1, ':').append(s);
    };
    for (const auto& [name, value] : fields) {
        put(name);
        put(value);
    }
    return bytes;
}

message_fields read_fields(std::string_view bytes) {
    const auto take = [&] {
        std::size_t size = 0;
        const auto* const end = bytes.data() + bytes.size();
        const auto [at, ec] = std::from_chars(bytes.data(), end, size);
        if (ec != std::errc() || at == end || *at != ':' ||
            size > static_cast<std::size_t>(end - at - 1))
            report_damaged_text();
        std::string text(at + 1, size);
        bytes.remove_prefix(static_cast<std::size_t>(at + 1 - bytes.data()) + size);
        return text;
    };
    message_fields fields;
    while (!bytes.empty()) {
        auto name = take();
        fields.emplace_back(std::move(name), take());
    }
    return fields;
}

std::string text_of(const store::outbox_health& h) {
    const json j{{"failures", h.failures},
                 {"failing_since", json_of(h.failing_since)},
                 {"last_success", json_of(h.last_success)},
                 {"trips", h.trips},
                 {"probe_at", ticks(h.probe_at)},
                 {"paused_until", ticks(h.paused_until)},
                 {"disabled", text_of(h.disabled)},
                 {"disabled_reason", h.disabled_reason},
                 {"disabled_since", ticks(h.disabled_since)},
                 {"counts", {h.accepted, h.delivered, h.failed_attempts, h.dead}}};
    return dump(j);
}

store::outbox_health read_health(std::string_view text) try {
    const auto j = parse_object(text);
    store::outbox_health h;
    h.failures = j.at("failures").get<std::uint32_t>();
    h.failing_since = optional_time(j.at("failing_since"));
    h.last_success = optional_time(j.at("last_success"));
    h.trips = j.at("trips").get<std::uint32_t>();
    h.probe_at = time_of_ticks(j.at("probe_at").get<std::int64_t>());
    h.paused_until = time_of_ticks(j.at("paused_until").get<std::int64_t>());
    h.disabled = read_error(j.at("disabled").get<std::string>());
    h.disabled_reason = j.at("disabled_reason").get<std::string>();
    h.disabled_since = time_of_ticks(j.at("disabled_since").get<std::int64_t>());
    const auto& counts = j.at("counts");
    h.accepted = counts.at(0).get<std::uint64_t>();
    h.delivered = counts.at(1).get<std::uint64_t>();
    h.failed_attempts = counts.at(2).get<std::uint64_t>();
    h.dead = counts.at(3).get<std::uint64_t>();
    return h;
} catch (const json::exception&) {
    report_damaged_text();
}

std::optional<std::string> text_of(const std::optional<store::outbox_limits>& l) {
    if (!l) return std::nullopt;
    return dump(json{{"entries", l->max_entries},
                     {"bytes", l->max_bytes},
                     {"age", l->max_age.count()},
                     {"policy", static_cast<int>(l->policy)}});
}

store::outbox_limits read_limits(std::string_view text) try {
    const auto j = parse_object(text);
    store::outbox_limits l;
    l.max_entries = j.at("entries").get<std::size_t>();
    l.max_bytes = j.at("bytes").get<std::size_t>();
    l.max_age = std::chrono::milliseconds(j.at("age").get<std::int64_t>());
    const auto policy = j.at("policy").get<int>();
    if (policy < 0 || policy > static_cast<int>(store::at_bound::refuse)) report_damaged_text();
    l.policy = static_cast<store::at_bound>(policy);
    return l;
} catch (const json::exception&) {
    report_damaged_text();
}

std::string text_of(const latency_counts& counts) {
    std::string text;
    auto left = counts.size();
    while (left != 0 && counts[left - 1] == 0) --left;
    for (std::size_t i = 0; i < left; ++i)
        text.append(i == 0 ? "" : " ").append(std::to_string(counts[i]));
    return text;
}

latency_counts read_latencies(std::string_view text) {
    latency_counts counts{};
    for (std::size_t i = 0; !text.empty(); ++i) {
        if (i == counts.size()) report_damaged_text();
        const auto* const end = text.data() + text.size();
        const auto [at, ec] = std::from_chars(text.data(), end, counts[i]);
        if (ec != std::errc() || (at != end && *at != ' ')) report_damaged_text();
        text.remove_prefix(static_cast<std::size_t>(at - text.data()) + (at == end ? 0 : 1));
    }
    return counts;
}

position read_position(std::string_view text) {
    if (text.empty()) return {};
    error_code ec;
    auto p = position::parse(text, ec);
    if (ec) report_damaged_text();
    return p;
}

}  // namespace tidings::sqlite::detail
