// SPDX-License-Identifier: BSL-1.0
#include "options.hpp"

#include <charconv>
#include <string_view>

namespace build {

namespace {

template <class Number>
bool read_number(std::string_view text, Number& n) {
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), n);
    return ec == std::errc() && end == text.data() + text.size();
}

}  // namespace

std::optional<options> read_options(int argc, char** argv) {
    options o;
    int i = 1;
    for (; i < argc && std::string_view(argv[i]) != "--"; ++i) {
        const std::string_view name = argv[i];
        if (name == "--local") {
            o.local = true;
            continue;
        }
        if (++i == argc) return std::nullopt;
        const std::string_view value = argv[i];
        std::uint32_t seconds = 0;
        if (name == "--secret") {
            o.secret = value;
        } else if (name == "--report") {
            o.report = value;
        } else if (name == "--report-secret") {
            o.report_secret = value;
        } else if (name == "--port") {
            if (!read_number(value, o.port)) return std::nullopt;
        } else if (name == "--timeout") {
            if (!read_number(value, seconds) || seconds == 0) return std::nullopt;
            o.what.timeout = std::chrono::seconds(seconds);
        } else {
            return std::nullopt;
        }
    }
    for (++i; i < argc; ++i) o.what.words.emplace_back(argv[i]);
    if (o.secret.empty() || o.what.words.empty() || o.report.empty() != o.report_secret.empty())
        return std::nullopt;
    return o;
}

}  // namespace build
