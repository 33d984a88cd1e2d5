// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tidings::matrix {

/// What a receiver takes as one.
struct wire_unit {
    enum class kind {
        message,  ///< of HTTP with its body, or the head of one that goes on in parts
        part,     ///< a chunk of a stream, a WebSocket frame
    };
    kind is = kind::message;
    std::string bytes{};
    std::string text{};  ///< the same, unmasked: each byte stands where it stands in `bytes`
};

/// Cuts one direction of a connection into units. Code of its own, as it is to find faults of the
/// library's.
class wire_cutter {
 public:
    /// Those that are whole now.
    std::vector<wire_unit> cut(std::string_view bytes);

 private:
    enum class stage { messages, chunks, frames };
    std::size_t next_size() const;
    std::size_t message_size() const;
    std::size_t chunk_size() const;
    std::size_t frame_size() const;
    wire_unit take(std::size_t size);

    stage stage_ = stage::messages;
    std::string held_;
};

}  // namespace tidings::matrix
