// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/message/grow_for.hpp>
#include <tidings/http/impl/message/header_lines.hpp>
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

/// How many bytes at the front may stand in a line.
inline std::size_t text_prefix(std::string_view text) noexcept {
    const auto plain = static_cast<std::ptrdiff_t>(plain_prefix<>(text));
    return static_cast<std::size_t>(
        std::find_if(text.begin() + plain, text.end(), [](char c) { return is_field_control(c); }) -
        text.begin());
}

inline error_code reading_error(const error_code& ec) noexcept {
    using error = boost::beast::http::error;
    const bool framing = ec == error::bad_content_length || ec == error::bad_transfer_encoding ||
                         ec == error::multiple_content_length;
    return framing ? errc::ambiguous_framing : errc::bad_request;
}

/// The fields that the reader itself reads. The first two frame the body; `Connection` may be a
/// list of values; what follows are fields that this library reads and that their specifications
/// define as a single value: two values that differ are two readings (RFC 9110 5.3).
inline constexpr std::string_view known_fields[] = {
    "Content-Length",   "Transfer-Encoding", "Host",
    "Connection",       "Authorization",     "Content-Type",
    "Idempotency-Key",  "Last-Event-ID",     "Location",
    "Origin",           "Retry-After",       "Sec-WebSocket-Accept",
    "Sec-WebSocket-Key"};
enum known_field : std::size_t { content_length, transfer_encoding, host, connection, single };

// RFC 6455 11.3.4, 11.3.5: a request may offer many protocols, a response may list many versions.
inline std::string_view single_field_of(const request&) noexcept {
    return "Sec-WebSocket-Version";
}
inline std::string_view single_field_of(const response&) noexcept {
    return "Sec-WebSocket-Protocol";
}

/// What the fields of a message say to its reader.
class field_summary {
 public:
    template <class Message>
    explicit field_summary(const Message& m) noexcept {
        for (const auto& [name, value] : m.fields) add(name, value, single_field_of(m));
    }

    std::size_t count(known_field f) const noexcept { return seen_[f].count; }
    /// The first value.
    std::string_view get(known_field f) const noexcept { return seen_[f].first; }
    bool repeats_single() const noexcept { return repeated_singles_ != 0; }
    /// `Connection: close`, `Connection: keep-alive`
    bool closes() const noexcept { return closes_; }
    bool stays() const noexcept { return stays_; }

 private:
    static constexpr std::size_t known = std::size(known_fields);

    void add(std::string_view name, std::string_view value, std::string_view one_more) noexcept {
        std::size_t f = 0;
        while (f < known && !equal_ignoring_case(name, known_fields[f])) ++f;
        if (f == known && !equal_ignoring_case(name, one_more)) return;
        auto& seen = seen_[f];
        if (seen.count++ == 0) seen.first = value;
        if (f >= single && value != seen.first) ++repeated_singles_;
        if (f != connection) return;
        closes_ = closes_ || header_has_token(value, "close");
        stays_ = stays_ || header_has_token(value, "keep-alive");
    }

    struct {
        std::size_t count = 0;
        std::string_view first{};
    } seen_[known + 1];
    std::size_t repeated_singles_ = 0;
    bool closes_ = false;
    bool stays_ = false;
};

/// One length or one chunked coding and nothing else.
inline error_code check_framing(const field_summary& f, unsigned version) noexcept {
    if (f.count(content_length) + f.count(transfer_encoding) > 1) return errc::ambiguous_framing;
    if (f.count(content_length) == 1) {
        const auto value = f.get(content_length);
        const bool plain =
            !value.empty() && value.size() <= 19 &&
            std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; });
        if (!plain) return errc::ambiguous_framing;
    }
    if (f.count(transfer_encoding) == 0) return {};
    const bool chunked = equal_ignoring_case(f.get(transfer_encoding), "chunked");
    return chunked && version >= 11 ? error_code() : errc::ambiguous_framing;
}

inline error_code check_host(const request& r, const field_summary& f) noexcept {
    if (f.count(host) > 1 || (f.count(host) == 0 && r.version >= 11)) return errc::bad_request;
    const auto text = f.get(host);
    const bool bad = std::any_of(text.begin(), text.end(), [](char c) {
        return c == ' ' || c == '\t' || c == '/' || c == '\\' || c == '@' || c == ',' || c == '?' ||
               c == '#';
    });
    return bad ? errc::bad_request : error_code();
}

/// Leaves a target in origin-form (RFC 9112 3.2); "*" stays. The authority of an absolute one takes
/// the place of Host (3.2.2).
inline error_code normalise_target(request& r) {
    if (r.target.find('#') != std::string::npos) return errc::bad_request;
    if (r.target.starts_with('/')) return {};
    if (r.target == "*" && r.method == "OPTIONS") return {};
    error_code ec;
    const auto absolute = url::parse(r.target, ec);
    if (ec) return errc::bad_request;
    r.fields.set("Host", absolute.authority());
    r.target = absolute.target;
    return {};
}

inline error_code check_start(request& r, const field_summary& f) {
    const auto ec = check_host(r, f);
    return ec ? ec : normalise_target(r);
}
inline error_code check_start(const response& r, const field_summary&) noexcept {
    return r.status >= 100 && r.status <= 999 ? error_code() : errc::bad_request;
}

inline bool may_have_body(const request&) noexcept {
    return true;
}
inline bool may_have_body(const response& r) noexcept {
    return r.status >= 200 && r.status != 204 && r.status != 304;
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
    if (ec && lines_ != 0) keep_status(buffer_);
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
        if (ec) keep_status(header);
    }
    return read_step::header;
}

template <class Message>
void message_reader<Message>::keep_status(std::string_view header) noexcept {
    if constexpr (std::is_same_v<Message, response>)
        message_.status = read_status(header.substr(0, header.find("\r\n")));
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
