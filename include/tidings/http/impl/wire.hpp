// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/io/stream.hpp>
#include <tidings/lane/impl/lane.hpp>

namespace tidings::http::detail {

/// The user of a wire. Both calls may destroy the wire.
class wire_user {
 public:
    /// The bytes last until the call returns.
    virtual void on_read(error_code ec, std::string_view bytes) = 0;
    /// All was written, or nothing more can be.
    virtual void on_written(error_code ec) = 0;

 protected:
    ~wire_user() = default;
};

/// A stream's reads and writes, one of each at a time, over whatever the stream can do. Confined to
/// the stream's executor. Destroying it closes the stream and drops what is under way.
///
/// `keep` is held until the operation ends: it keeps a user alive that has no other owner.
class wire {
 public:
    /// Reads go through the receive buffer of the lane, where there is one and the stream can be
    /// polled; else through a buffer of its own.
    TIDINGS_DECL wire(io::stream_ptr stream, wire_user& user,
                      tidings::detail::lane* lane = nullptr);

    io::stream& stream() noexcept { return *stream_; }
    bool reading() const noexcept { return reading_; }
    bool writing() const noexcept { return writing_; }

    /// Reads once; nothing if a read is under way.
    TIDINGS_DECL void read(std::shared_ptr<void> keep = nullptr);
    /// True if all of it, and of `more` behind it, is written at once; else `on_written` follows.
    TIDINGS_DECL bool write(std::string bytes, std::shared_ptr<void> keep = nullptr,
                            std::shared_ptr<const std::string> more = nullptr);
    /// The same of bytes that last until the call returns.
    TIDINGS_DECL bool write_copy(std::string_view bytes, std::shared_ptr<void> keep = nullptr);
    /// What the last `write` was given, without `more`.
    std::string take_written() noexcept { return std::move(out_); }
    /// Ends the sending direction; how that goes shows in the reads that follow.
    TIDINGS_DECL void shutdown();
    /// Gives the stream away. Nothing may be under way.
    io::stream_ptr release() noexcept { return std::move(stream_); }

 private:
    void read_polled(std::shared_ptr<void> keep);
    void write_on(std::shared_ptr<void> keep);
    /// What of the two is not written yet, as far as it is in one piece.
    std::string_view rest() const noexcept;
    std::size_t try_write(std::string_view bytes) noexcept;

    static constexpr std::size_t own_buffer_bytes = 16 * 1024;
    wire_user& user_;
    tidings::detail::lane* lane_;
    std::unique_ptr<std::byte[]> buffer_;
    std::string out_;
    std::shared_ptr<const std::string> more_;
    std::size_t written_ = 0;  // of both
    bool reading_ = false;
    bool writing_ = false;
    // Goes first: another thread of the context may be moving bytes out of, or into, the buffers
    // until it is closed.
    io::stream_ptr stream_;
};

}  // namespace tidings::http::detail
