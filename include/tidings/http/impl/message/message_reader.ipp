// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/message/grow_for.hpp>
#include <tidings/http/impl/message/header_lines.hpp>
#include <tidings/http/impl/message/message_fields.hpp>
#include <tidings/http/impl/message/message_reader.hpp>
#include <tidings/http/impl/message/url.hpp>
#include <tidings/text/impl/ascii.hpp>
#include <tidings/text/impl/header_tokens.hpp>
#include <tidings/text/impl/plain_prefix.hpp>

#include <boost/asio/error.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

#include <algorithm>
#include <charconv>

namespace tidings::http::detail {

using namespace tidings::detail;

/// Beast parses no body for us. In 1.81 a chunked one that comes byte by byte fails an assertion of
/// its, and trailer fields pass for header fields.
template <bool Request>
class header_parser : public boost::beast::http::basic_parser<Request> {
 protected:
    using text = boost::beast::string_view;
    using length = boost::optional<std::uint64_t>;
    void on_header_impl(error_code&) override {}
    void on_body_init_impl(const length&, error_code&) override {}
    std::size_t on_body_impl(text bytes, error_code&) override { return bytes.size(); }
    void on_chunk_header_impl(std::uint64_t, text, error_code&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, text bytes, error_code&) override {
        return bytes.size();
    }
    void on_finish_impl(error_code&) override {}
};

/// This function is pure in newer Boosts and unknown to older ones: hence a class of its own,
/// without `override`.
template <bool Request>
class trailerless_parser : public header_parser<Request> {
 protected:
    using typename header_parser<Request>::text;
    virtual void on_trailer_field_impl(boost::beast::http::field, text, text, error_code&) {}
};

template <class Message>
class message_parser final : public trailerless_parser<std::is_same_v<Message, request>> {
    using typename trailerless_parser<std::is_same_v<Message, request>>::text;

 public:
    message_parser(Message& into, message_frame& frame) : message_(into), frame_(frame) {}

 private:
    void on_request_impl(boost::beast::http::verb, text method, text target, int version,
                         error_code&) override {
        frame_.version = static_cast<unsigned>(version);
        if constexpr (std::is_same_v<Message, request>) {
            message_.version = frame_.version;
            message_.method = std::string_view(method);
            message_.target = std::string_view(target);
        }
    }
    void on_response_impl(int code, text, int version, error_code&) override {
        frame_.version = static_cast<unsigned>(version);
        if constexpr (std::is_same_v<Message, response>)
            message_.status = static_cast<unsigned>(code);
    }
    void on_field_impl(boost::beast::http::field, text name, text value, error_code&) override {
        message_.fields.append(name, value);
    }

    Message& message_;
    message_frame& frame_;
};

inline error_code reading_error(const error_code& ec) noexcept {
    using error = boost::beast::http::error;
    const bool framing = ec == error::bad_content_length || ec == error::bad_transfer_encoding ||
                         ec == error::multiple_content_length;
    return framing ? errc::ambiguous_framing : errc::bad_request;
}

/// How many bytes at the front may stand in a line.
inline std::size_t text_prefix(std::string_view text) noexcept {
    const auto plain = static_cast<std::ptrdiff_t>(plain_prefix<>(text));
    return static_cast<std::size_t>(
        std::find_if(text.begin() + plain, text.end(), [](char c) { return is_field_control(c); }) -
        text.begin());
}

/// What the first line of a refused header says.
inline void keep_status(request&, std::string_view) noexcept {}
inline void keep_status(response& r, std::string_view header) noexcept {
    r.status = read_status(header.substr(0, header.find("\r\n")));
}

template <class Message>
message_reader<Message>::message_reader(std::size_t max_header_bytes)
    : max_header_bytes_(max_header_bytes) {}

template <class Message>
message_reader<Message>::~message_reader() = default;

template <class Message>
void message_reader<Message>::reset() {
    release_buffer();
    message_ = blank();
    frame_ = {};
    phase_ = phase::start;
    max_body_bytes_ = no_limit;
    chunks_.reset();
    no_body_ = false;
    body_left_ = scanned_ = line_bytes_ = lines_ = 0;
    previous_ = '\n';
}

template <class Message>
void message_reader<Message>::reuse(Message&& m) noexcept {
    if (phase_ != phase::start) return;
    m.fields.clear();
    message_.fields = std::move(m.fields);
    if (m.body.capacity() > kept_body_bytes) return;
    m.body.clear();
    message_.body = std::move(m.body);
}

template <class Message>
read_step message_reader<Message>::next(error_code& ec) {
    ec = {};
    auto step = read_step::complete;
    if (phase_ <= phase::header)
        step = read_header(ec);
    else if (phase_ == phase::body)
        step = read_body(ec);
    return ec ? read_step::failed : step;
}

template <class Message>
read_step message_reader<Message>::end(error_code& ec) {
    ec = {};
    if (phase_ == phase::body && frame_.until_eof) return read_step::complete;
    ec = begun() ? make_error_code(errc::bad_request) : error_code(net::error::eof);
    return read_step::failed;
}

// RFC 9112 2.2: one empty line before a request is overlooked.
template <class Message>
bool message_reader<Message>::skip_blank_line() {
    if (std::is_same_v<Message, response> || phase_ != phase::start || !buffer_.starts_with('\r'))
        return true;
    if (buffer_.size() < 2) return false;
    if (buffer_[1] != '\n') return true;
    buffer_.erase(0, 2);
    phase_ = phase::after_blank_line;
    return true;
}

// What Beast lets pass: lines that end otherwise than in CRLF. A request has no folded line, and no
// message a first field that is indented (RFC 9112 2.2, 5.2).
template <class Message>
error_code message_reader<Message>::check_lines() noexcept {
    const std::size_t may_fold = std::is_same_v<Message, response> ? 2 : no_limit;
    while (phase_ == phase::header && scanned_ < buffer_.size()) {
        const std::string_view rest = std::string_view(buffer_).substr(scanned_);
        const char c = rest.front();
        if ((c == '\n') != (previous_ == '\r')) return errc::bad_request;
        std::size_t taken = 1;
        if (c == '\n') {
            if (line_bytes_ == 0) phase_ = phase::header_end;
            line_bytes_ = 0;
            ++lines_;
        } else if (c != '\r') {
            const bool folded = line_bytes_ == 0 && (c == ' ' || c == '\t');
            if (folded && lines_ < may_fold) return errc::bad_request;
            taken = text_prefix(rest);
            if (taken == 0) return errc::bad_request;
            line_bytes_ += taken;
        }
        scanned_ += taken;
        previous_ = rest[taken - 1];
    }
    return {};
}

template <class Message>
read_step message_reader<Message>::read_header(error_code& ec) {
    if (phase_ < phase::header) {
        if (!skip_blank_line() || buffer_.empty()) return read_step::more;
        phase_ = phase::header;
    }
    ec = check_lines();
    const bool ended = phase_ == phase::header_end;
    const auto header_bytes = ended ? scanned_ : buffer_.size();
    if (!ec && header_bytes > max_header_bytes_) ec = errc::header_too_large;
    if (ec && lines_ != 0) keep_status(message_, buffer_);
    if (ec || !ended) return read_step::more;
    message_.fields.reserve(lines_);
    if constexpr (std::is_same_v<Message, request>) {
        ec = normalise_start(buffer_, message_);
        if (!ec) ec = parse_header(std::string_view(buffer_).substr(0, scanned_));
        buffer_.erase(0, scanned_);
    } else {
        auto header = buffer_.substr(0, scanned_);
        buffer_.erase(0, scanned_);
        ec = normalise_start(header, message_);
        if (!ec) ec = unfold(header);
        if (!ec) ec = parse_header(header);
        if (ec) keep_status(message_, header);
    }
    return read_step::header;
}

template <class Message>
error_code message_reader<Message>::parse_header(std::string_view header) {
    message_parser<Message> parser(message_, frame_);
    parser.header_limit(std::numeric_limits<std::uint32_t>::max());
    parser.body_limit(boost::none);
    error_code ec;
    parser.put(net::const_buffer(header.data(), header.size()), ec);
    if (ec) return reading_error(ec);
    return parser.is_header_done() ? finish_header() : make_error_code(errc::bad_request);
}

template <class Message>
error_code message_reader<Message>::finish_header() {
    phase_ = phase::body;
    const field_summary said(message_);
    if (const auto ec = check_framing(said, frame_.version)) return ec;
    if (said.repeats_single()) return errc::repeated_field;
    const bool chunked = said.count(transfer_encoding) != 0;
    if (said.count(content_length) != 0) {
        const auto text = said.get(content_length);
        std::uint64_t length = 0;
        std::from_chars(text.data(), text.data() + text.size(), length);
        frame_.content_length = length;
    }
    frame_.keep_alive = frame_.version >= 11 ? !said.closes() : said.stays();
    if (const auto ec = check_start(message_, said)) return ec;  // may change the fields
    return find_body(chunked);
}

// RFC 9112 6.3.
template <class Message>
error_code message_reader<Message>::find_body(bool chunked) {
    if (!may_have_body(message_) || no_body_) {
        phase_ = phase::complete;
    } else if (chunked) {
        chunks_.emplace(max_header_bytes_);
    } else if (frame_.content_length) {
        if (*frame_.content_length > no_limit) return errc::too_large;
        body_left_ = static_cast<std::size_t>(*frame_.content_length);
        if (body_left_ == 0) phase_ = phase::complete;
    } else if (std::is_same_v<Message, request>) {
        phase_ = phase::complete;
    } else {
        frame_.until_eof = true;
        frame_.keep_alive = false;
    }
    frame_.has_body = phase_ == phase::body;
    return {};
}

template <class Message>
read_step message_reader<Message>::read_body(error_code& ec) {
    if (chunks_) {
        make_room(std::min(buffer_.size(), max_body_bytes_));
        buffer_.erase(0, chunks_->feed(buffer_, message_.body, max_body_bytes_, ec));
        if (chunks_->done()) phase_ = phase::complete;
    } else {
        take_known_body(ec);
    }
    release_buffer();
    return phase_ == phase::complete ? read_step::complete : read_step::more;
}

template <class Message>
void message_reader<Message>::take_known_body(error_code& ec) {
    const auto piece = frame_.until_eof ? buffer_.size() : std::min(buffer_.size(), body_left_);
    if (std::max(piece, body_left_) > max_body_bytes_) {
        ec = errc::too_large;
        return;
    }
    make_room(piece);
    message_.body.append(buffer_, 0, piece);
    buffer_.erase(0, piece);
    max_body_bytes_ -= piece;
    if (frame_.until_eof) return;
    body_left_ -= piece;
    if (body_left_ == 0) phase_ = phase::complete;
}

// A body never takes more memory than it may have bytes.
template <class Message>
void message_reader<Message>::make_room(std::size_t more) {
    const auto size = message_.body.size();
    const auto left = body_left_ != 0 ? body_left_ : max_body_bytes_;
    grow_for(message_.body, more, left < no_limit - size ? size + left : no_limit);
}

template class message_reader<request>;
template class message_reader<response>;

}  // namespace tidings::http::detail
