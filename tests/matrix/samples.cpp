// SPDX-License-Identifier: BSL-1.0
#include "matrix/samples.hpp"

#include <limits>

namespace tidings::matrix {

namespace {

constexpr std::size_t mebibyte = 1024 * 1024;

event plain(const std::string& id) {
    event e("com.example.matrix.sample", "/matrix");
    e.id(id);
    return e;
}

event with_data(const std::string& id, std::string data, std::string_view content_type) {
    auto e = plain(id);
    e.data(std::move(data), content_type);
    return e;
}

void append_utf8(std::string& text, char32_t c) {
    const auto put = [&](char32_t byte) { text += static_cast<char>(byte); };
    const auto tail = [&](unsigned shift) { put(0x80 | ((c >> shift) & 0x3f)); };
    if (c < 0x80) return put(c);
    if (c < 0x800) {
        put(0xc0 | (c >> 6));
    } else {
        if (c < 0x10000) {
            put(0xe0 | (c >> 12));
        } else {
            put(0xf0 | (c >> 18));
            tail(12);
        }
        tail(6);
    }
    tail(0);
}

/// Every character of the basic plane, and some of each further one.
std::string all_of_utf8() {
    std::string text;
    for (char32_t c = 0; c < 0x10000; ++c)
        if (c < 0xd800 || c > 0xdfff) append_utf8(text, c);
    for (char32_t c = 0x10000; c <= 0x10ffff; c += 251) append_utf8(text, c);
    append_utf8(text, 0x10ffff);
    return text;
}

std::string all_bytes(std::size_t size) {
    std::string bytes(size, '\0');
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 7 + i / 256);
    return bytes;
}

event_time at(std::int64_t microseconds) {
    return event_time(std::chrono::microseconds(microseconds));
}

}  // namespace

event_ptr publication_of(std::string_view topic, event e) {
    error_code ec;
    auto p = publication::make(topic, std::move(e), {}, ec);
    if (!p) throw boost::system::system_error(ec, "a sample");
    return p;
}

samples attribute_samples(const std::string& prefix) {
    samples all;
    auto full = with_data(prefix + "full", R"({"total":99})", "application/json; charset=utf-8");
    full.source("https://example.com/shop?a=1&b=%20#c")
        .subject("orders/42 \"quoted\" 100% \\ \xc3\xa9\xe2\x9c\x93\xf0\x9f\x98\x80")
        .data_schema("https://example.com/schema.json#/order")
        .time(at(1'767'225'600'123'456))
        .extension("text", std::string("a text, with \"quotes\", 50% and \xe2\x82\xac"))
        .extension("yes", true)
        .extension("no", false)
        .extension("zero", 0)
        .extension("most", std::numeric_limits<std::int32_t>::max())
        .extension("least", std::numeric_limits<std::int32_t>::min())
        .extension("likeanumber", std::string("007"))
        .extension("likeabool", std::string("true"))
        .extension("traceparent",
                   std::string("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"))
        .extension("a1234567890123456789", std::string("a long name"));
    all.push_back(publication_of("matrix.full", std::move(full)));

    all.push_back(publication_of("matrix.least", plain(prefix + "least")));
    all.push_back(
        publication_of("matrix.gr\xc3\xb6\xc3\x9f"
                       "e.\xe2\x9c\x93",
                       plain(prefix + "topic")));
    all.push_back(publication_of(
        "matrix.odd.id", plain(prefix + "an id. with \"all\" of it: 100%, \xe2\x82\xac, a=b;c")));
    all.push_back(publication_of("matrix.long", plain(prefix + std::string(700, 'x'))));
    all.push_back(publication_of(
        "matrix.spaces", plain(prefix + "spaces").subject("  spaces around  ").type(" t ")));

    // The first second and the last of what RFC 3339 can say, and round ones.
    const std::int64_t times[] = {-62'167'219'200'000'000, -1, 0, 1, 1'000'000, 1'500'000,
                                  253'402'300'799'999'999};
    for (const auto t : times)
        all.push_back(
            publication_of("matrix.time", plain(prefix + "time " + std::to_string(t)).time(at(t))));
    return all;
}

samples bare_samples() {
    samples all;
    for (int i = 0; i < 3; ++i)
        all.push_back(publication_of("matrix.bare", event("com.example.bare", "/matrix")));
    return all;
}

samples binary_samples(const std::string& prefix) {
    samples all;
    const auto add = [&](const char* name, std::string data, std::string_view content_type) {
        all.push_back(publication_of("matrix.binary",
                                     with_data(prefix + name, std::move(data), content_type)));
    };
    add("bytes", all_bytes(4096), "application/octet-stream");
    add("one", std::string(1, '\0'), "image/png");
    add("ends", std::string("\0\r\n\r\n\0", 6), "application/x-ends");
    add("not utf-8", "\xff\xfe\x80 caf\xe9", "text/plain; charset=iso-8859-1");
    add("not utf-8, not said", "\xc3\x28", "text/plain");
    add("not json", std::string("\x00{\"a\":\xff", 7), "application/json");
    add("quoted", "--a b--", R"(multipart/form-data; boundary="a b")");
    return all;
}

samples text_samples(const std::string& prefix) {
    samples all;
    const auto add = [&](const char* name, std::string data, std::string_view content_type) {
        all.push_back(
            publication_of("matrix.text", with_data(prefix + name, std::move(data), content_type)));
    };
    add("all", all_of_utf8(), "text/plain; charset=utf-8");
    add("ends", "a\nb\rc\r\nd\n\n\r\r\x85\xe2\x80\xa8\xe2\x80\xa9 ", "text/plain");
    add("mark",
        "\xef\xbb\xbf"
        "begins with a byte order mark",
        "text/plain");
    add("like sse", "data: x\n\nid: 7\nevent: y\n\n:\n", "text/plain");
    add("xml", "<?xml version=\"1.0\"?>\r\n<a b='c'>&amp;</a>\r\n", "application/xml");
    return all;
}

samples json_samples(const std::string& prefix) {
    samples all;
    int n = 0;
    const auto add = [&](std::string data, std::string_view content_type = "application/json") {
        all.push_back(publication_of(
            "matrix.json",
            with_data(prefix + "json " + std::to_string(n++), std::move(data), content_type)));
    };
    add("  {\n  \"b\" : 1 ,\n\t\"a\" : [ 1 , 2 ]\n}  \n");
    add("{\r\n  \"cr\": \"and lf\"\r\n}\r\n");
    add("\r{\"a\"\r:\r1}\r");
    add(R"({"same":1,"same":2})");
    add(R"([1.0,1e2,1E+2,-0,-0.0,12345678901234567890123,0.1000000000000000055511151231257827])");
    add(R"({"\u0061":"\u00e9\/\ud83d\ude00","raw":")"
        "\xc3\xa9\xf0\x9f\x98\x80"
        R"("})");
    add("null");
    add("\"a text\"");
    add(" 7 ");
    add("{\"type\":\"application/vnd.api+json\"}", "application/vnd.api+json");
    add("{\"not\": closed", "application/json");
    return all;
}

samples empty_samples(const std::string& prefix) {
    return {publication_of("matrix.empty", plain(prefix + "none")),
            publication_of("matrix.empty", with_data(prefix + "text", "", "text/plain")),
            publication_of("matrix.empty", with_data(prefix + "json", "", "application/json")),
            publication_of("matrix.empty",
                           with_data(prefix + "bytes", "", "application/octet-stream"))};
}

samples large_samples(const std::string& prefix) {
    std::string text;
    while (text.size() < mebibyte) text += "line " + std::to_string(text.size()) + "\r\n";
    text.resize(mebibyte);
    std::string json = "[";
    while (json.size() < mebibyte - 16) json += std::to_string(json.size()) + ",\n";
    json += "0]";
    json.resize(mebibyte, ' ');
    samples all;
    all.push_back(publication_of("matrix.large", with_data(prefix + "bytes", all_bytes(mebibyte),
                                                           "application/octet-stream")));
    all.push_back(
        publication_of("matrix.large", with_data(prefix + "text", std::move(text), "text/plain")));
    all.push_back(publication_of("matrix.large",
                                 with_data(prefix + "json", std::move(json), "application/json")));
    return all;
}

samples numbered_samples(const std::string& prefix, std::size_t count) {
    static constexpr const char* topics[] = {"matrix.a", "matrix.b.1", "matrix.c.2.x"};
    samples all;
    for (std::size_t i = 0; i < count; ++i)
        all.push_back(publication_of(
            topics[i % 3],
            with_data(prefix + std::to_string(i), "{\"number\": " + std::to_string(i) + "}",
                      "application/json")));
    return all;
}

}  // namespace tidings::matrix
