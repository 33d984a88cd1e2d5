// SPDX-License-Identifier: BSL-1.0
#pragma once

// JSON as a view of an event's data. All of it is inline, so that no json type crosses the compiled
// boundary.

#include <tidings/detail/json_depth.hpp>
#include <tidings/event_ptr.hpp>

#include <nlohmann/json.hpp>

namespace tidings {

inline event::event(std::string_view type, std::string_view source, const nlohmann::json& json)
    : event(type, source) {
    try {
        data(json.dump(), "application/json");
    } catch (const nlohmann::json::exception&) {  // 316: text that is not UTF-8
        data({}, "application/json");
        is_invalid_utf8_ = true;
    }
}

template <std::same_as<nlohmann::ordered_json> Json>
event::event(std::string_view type, std::string_view source, const Json& json)
    : event(type, source) {
    try {
        data(json.dump(), "application/json");
    } catch (const typename Json::exception&) {
        data({}, "application/json");
        is_invalid_utf8_ = true;
    }
}

/// The serialiser for `event::of(type, source, value, as_json)`: `to_json` of the value.
struct as_json_t {
    static constexpr std::string_view content_type = "application/json";
    template <class T>
    error_code operator()(const T& value, std::string& out) const {
        try {
            out = nlohmann::json(value).dump();
            return {};
        } catch (const nlohmann::json::exception&) {
            return errc::invalid_utf8;
        }
    }
};
inline constexpr as_json_t as_json{};

/// Data that is nested deeper than `max_json_depth` is refused as JSON, and can still be read as
/// text.
template <class Json>
Json publication::json(error_code& ec) const {
    const auto bytes = text(ec);
    if (ec) return nullptr;
    if (detail::is_nested_deeper(bytes, max_json_depth)) {
        ec = errc::invalid_json;
        return nullptr;
    }
    auto result = Json::parse(bytes, nullptr, /*allow_exceptions=*/false);
    if (result.is_discarded()) {
        ec = errc::invalid_json;
        return nullptr;
    }
    return result;
}

template <class Json>
Json publication::json() const {
    error_code ec;
    auto result = json<Json>(ec);
    if (ec) throw boost::system::system_error(ec, "tidings: event data");
    return result;
}

}  // namespace tidings
