// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/codec/cloudevents_json.hpp>
#include <tidings/codec/impl/standard_payload.hpp>
#include <tidings/text/impl/json_text.hpp>
#include <tidings/text/impl/timestamp.hpp>
#include <tidings/text/utf8.hpp>

namespace tidings::detail {

namespace {

constexpr char standard_payload_form = 0;

}  // namespace

// JSON is data of the media types that CloudEvents takes for it.
void append_data_value(std::string& out, const publication& p, error_code& ec) {
    ec = {};
    const auto bytes = p.text(ec);
    if (ec) return;
    if (!p.has_data())
        out += "null";
    else if (is_json_media_type(p.content_type()) && has_json_data(p))
        out += bytes;
    else if (p.content_type().starts_with("text/") && is_valid_utf8(bytes))
        append_json_string(out, bytes);
    else
        ec = errc::event_bad_data;
}

wire_form standard_payload(const publication& p, std::chrono::system_clock::time_point now,
                           error_code& ec) {
    ec = {};
    if (auto made = p.form(&standard_payload_form)) return made;
    const auto bytes = p.text(ec);
    if (ec) return nullptr;
    std::string out = R"({"type":)";
    out.reserve(bytes.size() + 128);
    append_json_string(out, p.type());
    out += R"(,"timestamp":)";
    const std::string time(p.time());
    append_json_string(
        out,
        time.empty() ? format_timestamp(std::chrono::floor<std::chrono::microseconds>(now)) : time);
    out += R"(,"data":)";
    append_data_value(out, p, ec);
    if (ec) return nullptr;
    out += '}';
    return p.store_form(&standard_payload_form, std::move(out));
}

}  // namespace tidings::detail
