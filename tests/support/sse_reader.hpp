// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/catch2.hpp"

#include <tidings/codec/sse_parser.hpp>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

using namespace std::string_literals;
using tidings::errc;
using tidings::error_code;

namespace {

// Items are compared as text, so that a failure shows them.
using lines = std::vector<std::string>;

inline std::string message(const std::string& data, const std::string& id = "",
                           const std::string& event = "message") {
    return event + " <" + data + "> id <" + id + ">";
}
inline std::string comment(const std::string& text) {
    return "comment <" + text + ">";
}
inline std::string retry(long long milliseconds) {
    return "retry " + std::to_string(milliseconds);
}
inline std::string skipped(std::size_t bytes) {
    return "skipped " + std::to_string(bytes);
}
inline std::string id_only(const std::string& id) {
    return "id <" + id + ">";
}

struct render {
    std::string operator()(const tidings::sse_message& m) const {
        return message(m.data, m.last_event_id, m.event);
    }
    std::string operator()(const tidings::sse_comment& c) const { return comment(c.text); }
    std::string operator()(const tidings::sse_retry& r) const { return retry(r.time.count()); }
    std::string operator()(const tidings::sse_id& i) const { return id_only(i.last_event_id); }
    std::string operator()(const tidings::sse_skipped& s) const { return skipped(s.bytes); }
};

// What one read brings; an error is the last line.
inline lines read(tidings::sse_parser& parser, std::string_view bytes) {
    lines result;
    parser.feed(bytes);
    error_code ec;
    while (const auto item = parser.next(ec)) {
        REQUIRE(!ec);
        result.push_back(std::visit(render{}, *item));
    }
    if (ec) result.push_back(ec == errc::sse_line_too_long ? "too long" : "another error");
    return result;
}

inline lines read_all(std::string_view stream, const std::vector<std::size_t>& cuts,
                      tidings::sse_parser_options options = {}) {
    tidings::sse_parser parser{options};
    lines result;
    std::size_t begin = 0;
    const auto take = [&](std::size_t end) {
        for (auto& line : read(parser, stream.substr(begin, end - begin)))
            if (result.empty() || result.back() != "too long") result.push_back(std::move(line));
        begin = end;
    };
    for (const auto cut : cuts) take(cut);
    take(stream.size());
    result.push_back("at <" + parser.last_event_id() + ">");
    return result;
}

// The items of a stream and the id at its end, after checking that they are the same however the
// stream is cut: at every offset, and byte by byte.
inline lines parse(std::string_view stream, tidings::sse_parser_options options = {}) {
    const auto whole = read_all(stream, {}, options);
    std::vector<std::size_t> every;
    for (std::size_t i = 0; i <= stream.size(); ++i) {
        REQUIRE(read_all(stream, {i}, options) == whole);
        every.push_back(i);
    }
    REQUIRE(read_all(stream, every, options) == whole);
    return whole;
}

const std::string bom = "\xef\xbb\xbf";
const std::string replaced = "\xef\xbf\xbd";

}  // namespace
