// SPDX-License-Identifier: BSL-1.0

// A stream gives the same items in one piece and in pieces, and what was read can be written and
// read again. The first byte sets the size of the pieces (low 7 bits) and tight limits (high bit).

#include <tidings/codec/sse_parser.hpp>
#include <tidings/codec/sse_writer.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace {

struct outcome {
    std::vector<tidings::sse_item> items;
    tidings::error_code ec;
    std::string last_event_id;

    friend bool operator==(const outcome&, const outcome&) = default;
};

outcome read(std::string_view stream, std::size_t piece, tidings::sse_parser_options options) {
    tidings::sse_parser parser{options};
    outcome result;
    while (!stream.empty()) {
        parser.feed(stream.substr(0, piece));
        stream.remove_prefix(std::min(piece, stream.size()));
        while (auto item = parser.next(result.ec)) result.items.push_back(std::move(*item));
    }
    result.last_event_id = parser.last_event_id();
    return result;
}

void expect(bool condition) {
    if (!condition) std::abort();
}

void check_written_again(const tidings::sse_message& message) {
    std::string stream;
    const auto refused =
        tidings::append_sse_event(stream, message.data, message.event, message.last_event_id);
    expect(refused.failed() == (message.event.find('\0') != message.event.npos));
    if (refused) return;
    const auto again = read(stream, stream.size(), {});
    auto expected = message;
    expected.has_id = true;
    expect(again.items.size() == 1 && again.items[0] == tidings::sse_item{expected});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view stream{reinterpret_cast<const char*>(bytes) + 1, size - 1};
    const std::size_t piece = 1 + (bytes[0] & 0x7fU);
    tidings::sse_parser_options options;
    if ((bytes[0] & 0x80U) != 0)
        options = {.max_line_bytes = 16, .max_event_bytes = 24, .max_skipped_bytes = 64};

    const auto whole = read(stream, stream.size(), options);
    expect(read(stream, piece, options) == whole);
    expect(read(stream, 1, options) == whole);
    for (const auto& item : whole.items)
        if (const auto* message = std::get_if<tidings::sse_message>(&item))
            check_written_again(*message);
    return 0;
}
