// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/catch2.hpp"

#include <tidings/codec/cloudevents_json.hpp>
#include <tidings/event_ptr.hpp>

#include <chrono>
#include <string>
#include <string_view>

namespace tidings::test {

inline event_ptr frozen(event e, std::string_view topic = "orders.1", publication_info info = {}) {
    error_code ec;
    auto p = publication::make(topic, std::move(e), std::move(info), ec);
    REQUIRE_FALSE(ec);
    return p;
}

/// Every attribute set.
inline event full_event() {
    using namespace std::chrono;
    return event{"com.acme.order", "/shop?a=1", R"({"total": 99})", "application/json"}
        .id("A234-1234-1234")
        .subject("order \"7\" 100%")
        .data_schema("https://acme.example/schema")
        .time(sys_days(year(2026) / 1 / 2) + hours(3) + microseconds(250'000));
}

inline publication_info full_info() {
    error_code ec;
    publication_info info;
    info.position = position::parse("epoch:17", ec);
    info.hops = 3;
    return info;
}

inline void check_same_attributes(const event& read, const publication& written) {
    CHECK(read.id() == written.id());
    CHECK(read.source() == written.source());
    CHECK(read.type() == written.type());
    CHECK(read.subject() == written.subject());
    CHECK(read.data_schema() == written.data_schema());
    CHECK(read.content_type() == written.content_type());
    CHECK(frozen(read)->time() == written.time());
}

/// Bytes of every kind of data, with the content type they go under.
struct sample {
    std::string content_type;
    std::string bytes;
};
inline std::vector<sample> samples() {
    std::string every_byte;
    for (int i = 0; i < 256; ++i) every_byte += static_cast<char>(i);
    return {
        {"application/json", "{}"},
        {"application/json", " {\"b\" : 1.00,\r\n \"a\":[1e2 , \"\\u00e4\\/\"]} "},
        {"application/json", "null"},
        {"application/json", "\"text\""},
        {"application/json", "-0.0"},
        {"application/json; charset=utf-8", "[1,2]"},
        {"application/vnd.acme+JSON", "true"},
        {"application/json", ""},
        {"application/json", "{not json"},
        {"application/json", "1 2"},
        {"application/json", "{\"a\":\"\xff\"}"},
        {"application/json", std::string("1\0,\"id\":\"forged\"", 16)},
        {"application/json", "\xef\xbb\xbf{}"},
        {"text/plain; charset=utf-8", ""},
        {"text/plain", "line\r\nline\ttab \"quoted\" \\ / \x01 \x7f \xc3\xa4 \xf0\x9f\x98\x80"},
        {"text/plain", std::string("a\0b", 3)},
        {"text/plain", "\xff\xfe"},
        {"text/plain; charset=iso-8859-1", "\xe4"},
        {"text/xml", "<a b=\"c\"/>"},
        {"application/xml", "<a/>"},
        {"application/octet-stream", ""},
        {"application/octet-stream", every_byte},
        {"image/png", std::string(1024 * 1024, '\x89')},
        {"text/plain", std::string(1024 * 1024, 'x')},
        {"application/json", '"' + std::string(1024 * 1024, 'x') + '"'},
        {"application/json", std::string(100'000, '[') + std::string(100'000, ']')},
    };
}

}  // namespace tidings::test
