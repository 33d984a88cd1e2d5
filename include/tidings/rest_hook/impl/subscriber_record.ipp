// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/rest_hook/impl/hook_record.hpp>
#include <tidings/rest_hook/impl/subscriber_record.hpp>
#include <tidings/text/impl/json_writer.hpp>
#include <tidings/text/impl/timestamp.hpp>

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace tidings::rest_hook::detail {

using namespace tidings::detail;

namespace {

// What is no lease counts as none: the end says enough.
std::chrono::seconds lease_of(std::string_view raw) {
    std::uint32_t n = 0;
    const auto [end, ec] = std::from_chars(raw.data(), raw.data() + raw.size(), n);
    if (ec != std::errc() || end != raw.data() + raw.size()) return {};
    return std::min(std::chrono::seconds(n), longest_granted);
}

}  // namespace

std::string to_row_value(const subscriber_record& r) {
    json_writer out;
    out.add_any("server", r.server).add("subject", r.subject).add("path", r.path);
    out.add_any("callback", r.callback).add("secret", r.secret).add_any("id", r.id);
    out.add_any("topic", r.topic).add_any("hub", r.hub);
    if (r.lease.count() != 0) out.add("lease", r.lease.count());
    if (r.until) out.add("until", to_text(*r.until));
    if (r.pending) out.flag("pending", true);
    return out.end();
}

subscriber_record read_subscriber_row(const std::string& value, error_code& ec) {
    subscriber_record r;
    ec = errc::invalid_json;
    if (!value.starts_with('{') || !is_json(value)) return r;
    const std::pair<std::string_view, std::string*> texts[] = {
        {"server", &r.server}, {"subject", &r.subject}, {"path", &r.path},
        {"secret", &r.secret}, {"id", &r.id},           {"callback", &r.callback},
        {"topic", &r.topic},   {"hub", &r.hub}};
    for (const auto& [name, raw] : json_members(value)) {
        for (const auto& [member, text] : texts) {
            if (name != member) continue;
            if (!raw.starts_with('"')) return r;
            *text = read_json_string(raw);
        }
        if (name == "pending") r.pending = raw == "true";
        if (name == "lease") r.lease = lease_of(raw);
        if (name == "until") {
            error_code bad;
            if (raw.starts_with('"'))
                r.until = to_system_time(parse_timestamp(read_json_string(raw), bad));
            if (bad || !r.until) return r;
        }
    }
    if (!r.subject.empty() && !r.path.empty() && !r.secret.empty()) ec = {};
    return r;
}

}  // namespace tidings::rest_hook::detail
