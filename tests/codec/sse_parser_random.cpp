// SPDX-License-Identifier: BSL-1.0
// Random streams against the steps that the standard gives.
#include "support/sse_reader.hpp"

namespace {

// WHATWG HTML 9.2.6 and WHATWG Encoding 8.1.1 to the letter and with no thought of speed: the whole
// stream is decoded, then split, then interpreted. (An empty retry, which the standard's wording
// lets through, is ignored, as browsers do; the id buffer outlives the connection.)
std::u32string decode(std::string_view bytes) {
    std::u32string out;
    std::uint32_t point = 0, seen = 0, needed = 0, lower = 0x80, upper = 0xbf;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        const std::uint32_t b = static_cast<unsigned char>(bytes[i]);
        if (needed == 0) {
            if (b < 0x80) {
                out += static_cast<char32_t>(b);
            } else if (b >= 0xc2 && b <= 0xf4) {
                needed = b < 0xe0 ? 1 : b < 0xf0 ? 2 : 3;
                point = b & (0x3fU >> needed);
                if (b == 0xe0) lower = 0xa0;
                if (b == 0xed) upper = 0x9f;
                if (b == 0xf0) lower = 0x90;
                if (b == 0xf4) upper = 0x8f;
            } else {
                out += U'\ufffd';
            }
            continue;
        }
        const bool fits = b >= lower && b <= upper;
        lower = 0x80;
        upper = 0xbf;
        if (!fits) {
            needed = seen = 0;
            out += U'\ufffd';
            --i;  // the byte is looked at again
            continue;
        }
        point = (point << 6) | (b & 0x3f);
        if (++seen == needed) {
            out += static_cast<char32_t>(point);
            needed = seen = 0;
        }
    }
    if (needed != 0) out += U'\ufffd';
    return out;
}

std::string encode(std::u32string_view text) {
    std::string out;
    for (const char32_t c : text) {
        const auto tail = [&](int shift) {
            out += static_cast<char>(0x80 | ((c >> shift) & 0x3f));
        };
        if (c < 0x80) {
            out += static_cast<char>(c);
        } else if (c < 0x800) {
            out += static_cast<char>(0xc0 | (c >> 6));
            tail(0);
        } else if (c < 0x10000) {
            out += static_cast<char>(0xe0 | (c >> 12));
            tail(6), tail(0);
        } else {
            out += static_cast<char>(0xf0 | (c >> 18));
            tail(12), tail(6), tail(0);
        }
    }
    return out;
}

lines interpret(std::string_view bytes) {
    auto text = decode(bytes);
    if (text.starts_with(U'\ufeff')) text.erase(0, 1);
    lines result;
    std::string data, event, id_buffer, committed;
    bool id_seen = false;
    const auto process = [&](const std::u32string& line) {
        if (line.empty()) {
            committed = id_buffer;
            if (!data.empty()) {
                data.pop_back();
                result.push_back(message(data, committed, event.empty() ? "message" : event));
            } else if (id_seen) {
                result.push_back(id_only(committed));
            }
            data.clear(), event.clear(), id_seen = false;
            return;
        }
        const auto colon = line.find(U':');
        const auto name = encode(line.substr(0, colon));
        auto wide = colon == line.npos ? U"" : line.substr(colon + 1);
        if (wide.starts_with(U' ')) wide.erase(0, 1);
        const auto value = encode(wide);
        if (colon == 0) result.push_back(comment(value));
        if (name == "data") data += value + '\n';
        if (name == "event") event = value;
        if (name == "id" && value.find('\0') == value.npos) id_buffer = value, id_seen = true;
        if (name == "retry" && !value.empty() &&
            value.find_first_not_of("0123456789") == value.npos)
            result.push_back(retry(std::stoll(value)));
    };
    std::u32string line;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != U'\r' && text[i] != U'\n') {
            line += text[i];
            continue;
        }
        if (text[i] == U'\r' && i + 1 < text.size() && text[i + 1] == U'\n') ++i;
        process(line);
        line.clear();
    }
    result.push_back("at <" + committed + ">");
    return result;
}

}  // namespace

TEST_CASE("random streams give what the standard's own steps give", "[sse]") {
    const std::vector<std::string> words = {
        "data",     "data:", "data: ",   "event:",   "id:",  "id",   "retry:", "1",
        "20",       ":",     " ",        "\n",       "\n",   "\n",   "\r",     "\r\n",
        "\n\n",     "x",     "\0"s,      "\u2026",   "\xe2", "\x82", "\xf0",   "\x9f\x98\x80",
        "\xef",     "\xbb",  "\xbf",     "\xed\xa0", bom,    "D",    "\xff",   "\n:",
        "\ndata:a", "\nid:", "\nevent:e"};
    std::mt19937 random{20240607};
    const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random()) % n; };
    for (int round = 0; round < 3000; ++round) {
        std::string stream = below(4) == 0 ? bom : "";
        for (auto n = below(60); n > 0; --n) stream += words[below(words.size())];
        const auto expected = interpret(stream);
        REQUIRE(read_all(stream, {}) == expected);
        std::vector<std::size_t> cuts(below(8));
        for (auto& cut : cuts) cut = below(stream.size() + 1);
        std::sort(cuts.begin(), cuts.end());
        REQUIRE(read_all(stream, cuts) == expected);
        const tidings::sse_parser_options tight{
            .max_line_bytes = 8, .max_event_bytes = 6, .max_skipped_bytes = 20};
        REQUIRE(read_all(stream, cuts, tight) == read_all(stream, {}, tight));
    }
}
