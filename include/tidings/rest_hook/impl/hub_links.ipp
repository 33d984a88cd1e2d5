// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/rest_hook/impl/hub_links.hpp>
#include <tidings/text/impl/ascii.hpp>

#include <algorithm>
#include <string_view>

namespace tidings::rest_hook::detail {

using namespace tidings::detail;

namespace {

/// Reads the links of one field: `<URL>; name=value; name="value", <URL>...` (RFC 8288 3).
class link_reader {
 public:
    explicit link_reader(std::string_view text) noexcept : rest_(text) {}

    /// False at the end, and where the text is no list of links.
    bool next(std::string_view& url, std::string_view& relations) {
        skip(" \t,");
        if (!take('<')) return false;
        const auto end = rest_.find('>');
        if (end == rest_.npos) return false;
        url = rest_.substr(0, end);
        rest_.remove_prefix(end + 1);
        relations = {};
        for (skip(" \t"); take(';'); skip(" \t")) read_parameter(relations);
        return true;
    }

 private:
    void skip(std::string_view any) {
        rest_.remove_prefix(std::min(rest_.find_first_not_of(any), rest_.size()));
    }
    bool take(char c) {
        if (!rest_.starts_with(c)) return false;
        rest_.remove_prefix(1);
        return true;
    }
    std::string_view take_until(std::string_view any) {
        const auto part = rest_.substr(0, rest_.find_first_of(any));
        rest_.remove_prefix(part.size());
        return part;
    }
    // Of several of a name the first counts (3.3).
    void read_parameter(std::string_view& relations) {
        skip(" \t");
        const auto name = take_until("=;, \t");
        skip(" \t");
        if (!take('=')) return;
        skip(" \t");
        std::string_view value;
        if (take('"')) {
            value = take_until("\"");
            take('"');
        } else {
            value = take_until(";, \t");
        }
        if (relations.empty() && equal_ignoring_case(name, "rel")) relations = value;
    }

    std::string_view rest_;
};

bool has_relation(std::string_view relations, std::string_view wanted) {
    while (!relations.empty()) {
        const auto one = relations.substr(0, relations.find(' '));
        relations.remove_prefix(std::min(one.size() + 1, relations.size()));
        if (equal_ignoring_case(one, wanted)) return true;
    }
    return false;
}

}  // namespace

std::string read_link(const http::fields& fields, std::string_view relation) {
    for (const auto& [name, value] : fields) {
        if (!equal_ignoring_case(name, "link")) continue;
        std::string_view url;
        std::string_view relations;
        for (link_reader links(value); links.next(url, relations);)
            if (has_relation(relations, relation)) return std::string(url);
    }
    return {};
}

hub_links read_hub_links(const http::fields& fields) {
    return {.hub = read_link(fields, "hub"), .self = read_link(fields, "self")};
}

}  // namespace tidings::rest_hook::detail
