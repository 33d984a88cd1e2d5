// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/text/impl/base64.hpp>
#include <tidings/text/impl/hex.hpp>
#include <tidings/webhook/impl/keyed_scheme.hpp>
#include <tidings/webhook/impl/signed_id.hpp>
#include <tidings/webhook/impl/signed_time.hpp>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace tidings::detail {

namespace {

constexpr std::string_view body_mark = "{body}", time_mark = "{timestamp}", id_mark = "{id}";

[[noreturn]] void refuse_scheme(const char* why) {
    throw std::invalid_argument(std::string("tidings::webhook::hmac_scheme: ") + why);
}

// "v0:{timestamp}:{body}" into "v0:", "{timestamp}", ":", "{body}".
std::vector<std::string> take_apart(std::string_view text) {
    std::vector<std::string> parts;
    while (!text.empty()) {
        std::size_t size = std::min(text.find('{'), text.size());
        for (const auto mark : {body_mark, time_mark, id_mark})
            if (text.starts_with(mark)) size = mark.size();
        if (size == 0) refuse_scheme("signed_text has a '{' that begins none of its values");
        parts.emplace_back(text.substr(0, size));
        text.remove_prefix(size);
    }
    return parts;
}

// Where it stands, or the end. It may stand there once.
std::size_t place_of(const std::vector<std::string>& parts, std::string_view mark) {
    const auto at = std::find(parts.begin(), parts.end(), mark);
    if (std::count(parts.begin(), parts.end(), mark) > 1)
        refuse_scheme("signed_text has a value twice");
    return static_cast<std::size_t>(at - parts.begin());
}

// The first character behind a value, which ends it.
char border_of(const std::vector<std::string>& parts, std::size_t place) {
    if (place == parts.size()) return '\0';
    if (place + 1 == parts.size() || parts[place + 1].starts_with('{'))
        refuse_scheme("signed_text has a value without a border behind it");
    return parts[place + 1].front();
}

}  // namespace

keyed_scheme::keyed_scheme(webhook::hmac_scheme scheme, const std::vector<std::string>& secrets)
    : scheme_(std::move(scheme)),
      template_(take_apart(scheme_.signed_text)),
      keys_(scheme_.function, secrets) {
    if (scheme_.signature_header.empty()) refuse_scheme("signature_header is empty");
    if (scheme_.tolerance < std::chrono::seconds(0)) refuse_scheme("tolerance is negative");
    if (is_list() && !scheme_.timestamp_header.empty())
        refuse_scheme("the time stands in a member and in a header");
    if (place_of(template_, body_mark) + 1 != template_.size())
        refuse_scheme("signed_text does not end in {body}");
    const auto time = place_of(template_, time_mark);
    if ((time != template_.size()) != has_time())
        refuse_scheme("signed_text has a {timestamp} if and only if the request has one");
    const char behind_time = border_of(template_, time);
    if (behind_time >= '0' && behind_time <= '9') refuse_scheme("a digit follows {timestamp}");
    const auto id = place_of(template_, id_mark);
    if ((id != template_.size()) == scheme_.id_header.empty())
        refuse_scheme("signed_text has an {id} if and only if there is an id_header");
    id_border_ = border_of(template_, id);
}

// The values of a list's members of that name; of any other header what follows the name.
std::vector<std::string_view> keyed_scheme::members(std::string_view header,
                                                    std::string_view name) const {
    std::vector<std::string_view> found;
    while (!header.empty()) {
        const auto member = is_list() ? header.substr(0, header.find(',')) : header;
        header.remove_prefix(std::min(member.size() + 1, header.size()));
        if (member.starts_with(name)) found.push_back(member.substr(name.size()));
    }
    return found;
}

std::vector<std::string_view> keyed_scheme::pieces(const values& v, std::string_view body) const {
    std::vector<std::string_view> text;
    for (const auto& part : template_)
        text.push_back(part == body_mark   ? body
                       : part == time_mark ? v.timestamp
                       : part == id_mark   ? v.id
                                           : std::string_view(part));
    return text;
}

std::string keyed_scheme::encoded(std::string_view code) const {
    return scheme_.encoding == webhook::mac_encoding::hex ? hex_encode(code) : base64_encode(code);
}

std::optional<std::string> keyed_scheme::decoded(std::string_view text) const {
    return scheme_.encoding == webhook::mac_encoding::hex ? hex_decode(text) : base64_decode(text);
}

bool keyed_scheme::names(const webhook::header_lookup& headers) const {
    return !members(headers(scheme_.signature_header).value_or(""), scheme_.prefix).empty();
}

error_code keyed_scheme::verify(const webhook::header_lookup& headers, std::string_view body,
                                time_point now) {
    const std::string_view header = headers(scheme_.signature_header).value_or("");
    if (header.empty()) return errc::webhook_missing_header;
    values v;
    if (is_list()) {
        // Two times would be read differently by two readers.
        const auto times = members(header, scheme_.timestamp_member);
        if (times.size() > 1) return errc::webhook_invalid_timestamp;
        if (!times.empty()) v.timestamp = times.front();
    } else if (has_time()) {
        v.timestamp = headers(scheme_.timestamp_header).value_or("");
    }
    const auto signatures = members(header, scheme_.prefix);
    if ((has_time() && v.timestamp.empty()) || (is_list() && signatures.empty()))
        return errc::webhook_missing_header;
    if (!scheme_.id_header.empty()) {
        v.id = headers(scheme_.id_header).value_or("");
        if (v.id.empty()) return errc::webhook_missing_header;
    }
    if (has_time())
        if (const auto ec = webhook::detail::check_signed_time(v.timestamp, now, scheme_.tolerance))
            return ec;
    std::vector<std::string> codes;
    for (const auto each : signatures)
        if (auto code = decoded(each)) codes.push_back(*std::move(code));
    if (!webhook::detail::is_unambiguous_id(v.id, id_border_) ||
        !keys_.any_fits(pieces(v, body), codes))
        return errc::webhook_no_matching_signature;
    return {};
}

error_code keyed_scheme::sign(const webhook::signing_input& what, http::fields& out) {
    const auto seconds = webhook::detail::signed_time(what.attempt);
    if (seconds.count() < 0) return errc::invalid_argument;
    values v;
    const std::string timestamp = std::to_string(seconds.count());
    if (has_time()) v.timestamp = timestamp;
    if (!scheme_.id_header.empty()) v.id = what.id;
    if (!scheme_.id_header.empty() &&
        (v.id.empty() || !webhook::detail::is_unambiguous_id(v.id, id_border_)))
        return errc::invalid_argument;

    const auto text = pieces(v, what.body);
    std::string header;
    if (is_list()) header = scheme_.timestamp_member + timestamp;
    for (std::size_t i = 0; i < (is_list() ? keys_.size() : 1); ++i) {
        if (!header.empty()) header += ',';
        header += scheme_.prefix;
        header += encoded(keys_.sign(i, text).bytes());
    }
    out.set(scheme_.signature_header, header);
    if (!scheme_.timestamp_header.empty()) out.set(scheme_.timestamp_header, timestamp);
    if (!scheme_.id_header.empty()) out.set(scheme_.id_header, v.id);
    return {};
}

std::string keyed_scheme::code_of(const webhook::header_lookup& headers) const {
    if (is_list()) return {};
    const auto found = members(headers(scheme_.signature_header).value_or(""), scheme_.prefix);
    const auto code = found.empty() ? std::nullopt : decoded(found.front());
    return code ? hex_encode(*code) : std::string();
}

bool keyed_scheme::sets(std::string_view field) const noexcept {
    return !field.empty() && (equal_ignoring_case(field, scheme_.signature_header) ||
                              equal_ignoring_case(field, scheme_.timestamp_header) ||
                              equal_ignoring_case(field, scheme_.id_header));
}

}  // namespace tidings::detail
