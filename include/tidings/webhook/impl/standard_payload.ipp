// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/codec/cloudevents_json.hpp>
#include <tidings/text/impl/json_text.hpp>
#include <tidings/text/impl/timestamp.hpp>
#include <tidings/text/utf8.hpp>
#include <tidings/webhook/impl/standard_payload.hpp>

namespace tidings::webhook::detail {

using namespace tidings::detail;

namespace {

constexpr char standard_payload_form = 0;

// Data of the media types that CloudEvents takes for JSON, and of text.
void append_payload_data(std::string& out, const publication& p, std::string_view bytes,
                         error_code& ec) {
    if (!p.has_data())
        out += "null";
    else if (is_json_media_type(p.content_type()) && has_json_data(p))
        out += bytes;
    else if (p.content_type().starts_with("text/") && is_valid_utf8(bytes))
        append_json_string(out, bytes);
    else
        ec = errc::event_bad_data;
}

}  // namespace

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
    append_payload_data(out, p, bytes, ec);
    if (ec) return nullptr;
    out += '}';
    return p.store_form(&standard_payload_form, std::move(out));
}

}  // namespace tidings::webhook::detail
