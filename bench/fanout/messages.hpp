// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "failure.hpp"

namespace fanout {

/// The messages of a run: `seq=0000000042 xxxx...`, all of one size. Nothing in one needs escaping
/// in JSON or in an event stream, so a server may wrap it in an envelope.
class messages {
 public:
    static constexpr std::size_t min_bytes = 16;

    /// `bytes` is the size of a message, at least `min_bytes`.
    explicit messages(std::size_t bytes) : padding_(bytes - head_bytes, 'x') {}

    [[nodiscard]] std::string text(std::uint64_t sequence) const {
        std::string digits = std::to_string(sequence);
        digits.insert(0, digit_count - std::min(digit_count, digits.size()), '0');
        return std::string{marker} + digits + ' ' + padding_;
    }

    /// The sequence number of the message in `received`; none when there is no message in it.
    /// Throws `failure` (wrong) when a message is damaged.
    [[nodiscard]] std::optional<std::uint64_t> sequence(std::string_view received) const {
        const std::size_t at = received.find(marker);
        if (at == std::string_view::npos) return std::nullopt;
        const std::string_view message = received.substr(at);
        std::uint64_t value = 0;
        if (message.size() >= head_bytes + padding_.size()) {
            const char* first = message.data() + marker.size();
            const auto [end, error] = std::from_chars(first, first + digit_count, value);
            if (error == std::errc{} && end == first + digit_count && *end == ' ' &&
                message.substr(head_bytes, padding_.size()) == padding_) {
                return value;
            }
        }
        throw failure{exit_code::wrong, "damaged message: " + std::string{message.substr(0, 60)}};
    }

 private:
    static constexpr std::string_view marker = "seq=";
    static constexpr std::size_t digit_count = 10;
    static constexpr std::size_t head_bytes = marker.size() + digit_count + 1;

    std::string padding_;
};

}  // namespace fanout
