// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "failure.hpp"

namespace fanout {

/// Reads a body of `text/event-stream`, in HTTP/1.1 chunks or as it is. Lines end in LF or CRLF.
class event_stream {
 public:
    explicit event_stream(bool chunked) : chunked_{chunked} {}

    /// Calls `on_event(data)` for every event that `bytes` complete. Throws `failure` (wrong) for a
    /// bad chunk or the last one, since these streams have no end.
    template <class OnEvent>
    void read(std::string_view bytes, OnEvent&& on_event) {
        if (chunked_) {
            while (!bytes.empty()) bytes.remove_prefix(read_chunked(bytes));
        } else {
            body_ += bytes;
        }
        std::size_t begin = 0;
        for (std::size_t end = 0; (end = body_.find('\n', begin)) != std::string::npos;) {
            std::string_view line{body_.data() + begin, end - begin};
            if (line.ends_with('\r')) line.remove_suffix(1);
            begin = end + 1;
            if (line.starts_with("data:")) {
                line.remove_prefix(line.substr(5).starts_with(' ') ? 6 : 5);
                if (!data_.empty()) data_ += '\n';
                data_ += line;
            } else if (line.empty() && !data_.empty()) {
                on_event(std::string_view{data_});
                data_.clear();
            }
        }
        body_.erase(0, begin);
        if (body_.size() + data_.size() > max_event_bytes) {
            throw failure{exit_code::wrong, "an event without end"};
        }
    }

 private:
    enum class part { size, extension, data, data_end };
    static constexpr std::size_t max_event_bytes = 1U << 20U;

    // One step over `bytes`, which are not empty; returns how many it took.
    std::size_t read_chunked(std::string_view bytes) {
        if (part_ == part::data) {
            const std::string_view piece = bytes.substr(0, left_);
            body_ += piece;
            left_ -= piece.size();
            if (left_ == 0) part_ = part::data_end;
            return piece.size();
        }
        const char c = bytes.front();
        if (c == '\n') {
            if (part_ == part::data_end) {
                part_ = part::size;
            } else {
                if (left_ == 0) throw failure{exit_code::wrong, "an event stream ended"};
                part_ = part::data;
            }
        } else if (part_ == part::size && c != '\r') {
            read_size(c);
        } else if (part_ == part::data_end && c != '\r') {
            throw failure{exit_code::wrong, "a chunk is longer than its size"};
        }
        return 1;
    }

    void read_size(char c) {
        constexpr std::string_view digits = "0123456789abcdef0123456789ABCDEF";
        if (c == ';') {
            part_ = part::extension;
            return;
        }
        const std::size_t digit = digits.find(c);
        if (digit == std::string_view::npos || left_ >= max_event_bytes) {
            throw failure{exit_code::wrong, "a bad chunk size"};
        }
        left_ = left_ * 16 + digit % 16;
    }

    bool chunked_;
    part part_ = part::size;
    std::size_t left_ = 0;
    std::string body_{};
    std::string data_{};
};

}  // namespace fanout
