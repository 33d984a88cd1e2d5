// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/rest_hook/impl/hook_rotation.hpp>
#include <tidings/text/impl/json_text.hpp>
#include <tidings/webhook/secret.hpp>

#include <charconv>
#include <chrono>

namespace tidings::rest_hook::detail {

using namespace tidings::detail;

refusal read_rotation(std::string_view object, rotation& out) {
    for (const auto& [name, raw] : json_members(object)) {
        if (raw == "null") continue;
        if (name == "secret") {
            if (!raw.starts_with('"')) return malformed(name, in_quotes(name) + " is not a string");
            out.secret = read_json_string(raw);
            error_code ec;
            webhook::secret::parse(out.secret, ec);
            if (ec) return problem_of(name, 422, bad_secret_title, ec.message());
        } else if (name == "overlap_seconds") {
            unsigned seconds = 0;
            const auto [end, ec] = std::from_chars(raw.data(), raw.data() + raw.size(), seconds);
            if (ec != std::errc() || end != raw.data() + raw.size() ||
                std::chrono::seconds(seconds) > rotation::longest_overlap)
                return refused(name, in_quotes(name) + " is a number of seconds, at most " +
                                         std::to_string(rotation::longest_overlap.count()));
            out.overlap = std::chrono::seconds(seconds);
        } else {
            return refused(name, "a rotation has no " + in_quotes(name));
        }
    }
    return std::nullopt;
}

}  // namespace tidings::rest_hook::detail
