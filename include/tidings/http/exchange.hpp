// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/authorizer.hpp>
#include <tidings/http/message.hpp>
#include <tidings/io/environment.hpp>
#include <tidings/io/stream.hpp>
#include <tidings/unique_function.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace tidings::detail {
class lane;
}

namespace tidings::http {

namespace detail {
class body_share;
}

/// A connection that left HTTP: the stream, bytes read beyond the request, the lane it lives in.
struct taken_stream {
    io::stream_ptr stream{};
    std::string leftover{};
    std::shared_ptr<tidings::detail::lane> lane{};
    /// Held as long as the connection is in use, so that the server counts it and a drain waits.
    std::shared_ptr<void> guard{};
    /// Where what it holds of messages that have not all arrived counts, in the server's
    /// `max_buffered_bytes`. Null without a server.
    std::shared_ptr<detail::body_share> held{};
};

/// A connection whose answer goes on for as long as it stands: what `exchange::stream` makes of a
/// request, for a `live_session`. False where the server was stopped meanwhile.
struct live_stream {
    taken_stream connection{};
    std::string head{};    ///< what is sent first
    bool chunked = false;  ///< the body's framing (RFC 9112 7.1); else its bytes as they are
    tidings::principal principal{};
    /// Of the session; empty unless it is set.
    std::shared_ptr<const http::request> request{};
    io::environment environment{};

    explicit operator bool() const noexcept { return connection.stream != nullptr; }
};

class exchange;

namespace detail {

using tidings::detail::lane;

class server_connection;

/// Reads requests and writes responses: the connection that an exchange belongs to.
class exchange_owner {
 public:
    virtual ~exchange_owner() = default;
    virtual void respond(response r) = 0;
    virtual taken_stream take(bool authenticated) = 0;
    /// Goes on with a request whose header `admit` had moved away.
    virtual void proceed(exchange x) = 0;
    /// Watches for the peer's end while an answer is being waited for.
    virtual void watch_peer(unique_function<void()> on_closed) = 0;
    virtual void watch_drain(unique_function<void()> f) = 0;
    virtual void watch_written(unique_function<void()> f) = 0;
    virtual std::unique_ptr<body_share> make_share(bool authenticated) const = 0;
    /// Closes at once, whatever goes on.
    virtual void close() = 0;
    /// There is no memory for an answer: the connection ends, so that its peer asks again. From any
    /// thread.
    virtual void give_up() noexcept = 0;
    virtual const std::shared_ptr<lane>& home() const noexcept = 0;
    virtual const io::environment& environment() const noexcept = 0;
    virtual const std::string& remote_address() const noexcept = 0;
    virtual bool remote_is_loopback() const noexcept = 0;
};
}  // namespace detail

/// One request and the way to answer it, once. Handed to a service's `handle`; a service that
/// answers later moves it away. Confined to its lane. Destroyed unanswered it answers 500.
///
/// Before, when only the header has come, it is handed to the service's `admit`, where there is
/// one: the request has no body yet, and is refused by an answer. An `admit` that decides later
/// moves it away, and then answers, or calls `proceed` for the body to be read.
class exchange {
 public:
    /// From a server of the user's own: the request as read, the stream it came over, and what was
    /// read beyond it. An answer is written with `Connection: close`. The stream may be made of a
    /// socket with <tidings/http/beast.hpp>, and moves to the lane of the exchange; that of a
    /// stream of another kind, which cannot `rebind`, is a strand, or its context is run by one
    /// thread. `mount` is where the service stands, for `suffix`; empty: at the request's path.
    TIDINGS_DECL exchange(http::request r, io::stream_ptr stream, std::string leftover = {},
                          io::environment environment = {}, std::string_view mount = {});
    TIDINGS_DECL exchange(http::request r, std::string suffix,
                          std::shared_ptr<detail::exchange_owner> owner);
    exchange(exchange&&) = default;
    TIDINGS_DECL exchange& operator=(exchange&& o) noexcept;
    TIDINGS_DECL ~exchange();

    const http::request& request() const noexcept { return request_; }
    http::request& request() noexcept { return request_; }
    /// The target's path below the mount point, percent-encoded: "" or "/orders.42".
    const std::string& suffix() const noexcept { return suffix_; }
    /// As `io::stream::remote_address`.
    TIDINGS_DECL std::string remote_address() const;
    TIDINGS_DECL bool loopback() const noexcept;
    TIDINGS_DECL const std::shared_ptr<tidings::detail::lane>& lane() const noexcept;
    TIDINGS_DECL const io::environment& environment() const noexcept;

    /// The caller that `admit` found by the header; null before, and where the service
    /// authenticates by the body or not at all.
    const tidings::principal* caller() const noexcept { return caller_ ? &*caller_ : nullptr; }
    TIDINGS_DECL void caller(tidings::principal who);
    /// In `admit`, of a service that authenticates otherwise, as by a signature of the body: any
    /// Host is taken (see `server_options::allowed_hosts`).
    void accept_any_host() noexcept { any_host_ = true; }
    /// Fields that every answer to this request gets, such as those of CORS.
    http::fields& answer_fields() noexcept { return answer_fields_; }

    /// Calls `f` in the lane: at once where the caller runs in it, as every service of an
    /// `http::server` does, else soon, and the exchange is empty then. What begins to handle a
    /// request that a server of the user's own has read begins here.
    TIDINGS_DECL void in_lane(tidings::unique_function<void(exchange&)> f);

    /// Answers; the exchange is empty then. Where memory is missing the connection ends instead.
    TIDINGS_DECL void respond(response r);
    /// In the lane, of an exchange that `admit` moved away: the body is read, and `handle` gets the
    /// request with its caller. The exchange is empty then.
    TIDINGS_DECL void proceed();
    /// Takes the connection out of HTTP; the exchange is empty then. Not after `on_peer_closed`.
    /// The stream is null if the server was stopped since `handle` returned.
    /// @throws std::logic_error after `on_peer_closed`, which has a read under way.
    TIDINGS_DECL taken_stream take();
    /// Takes it for an answer without a known end, and makes its head: with Date, the
    /// `answer_fields`, and the framing of the body: chunked for HTTP/1.1, until the connection
    /// closes for HTTP/1.0. What follows 101 has none. The body of `head` is not sent. The exchange
    /// is empty then, but for its request. Otherwise as `take`.
    TIDINGS_DECL live_stream stream(response head);
    /// While an answer is awaited: called once if the peer goes away, or ends its side, or the
    /// server is stopped, after which answering does nothing. A peer that has sent more meanwhile,
    /// as its next request, is not watched any more. `f` does not own the exchange.
    TIDINGS_DECL void on_peer_closed(tidings::unique_function<void()> f);
    /// Called once when the server begins to drain, or soon if it does already, to end a wait
    /// early. Not after the answer.
    TIDINGS_DECL void on_drain(tidings::unique_function<void()> f);
    /// In the lane, before the answer: `f` is called once, in the lane, when the answer is written
    /// or the connection has closed; it is discarded uncalled where the context ends. `f` does not
    /// own the exchange. What is returned closes the connection, with what is not written of the
    /// answer; it is called in the lane, and not after `f`.
    TIDINGS_DECL tidings::unique_function<void()> on_written(tidings::unique_function<void()> f);
    /// Where what is held for the answer counts, in the server's `max_buffered_bytes`. Null without
    /// a server.
    TIDINGS_DECL std::unique_ptr<detail::body_share> make_share() const;
    explicit operator bool() const noexcept { return owner_ != nullptr; }

 private:
    friend class detail::server_connection;  // takes it back after `admit`
    friend class access;
    void add_answer_fields(response& r) const;
    std::string stream_head(response r, bool chunked) const;
    bool authenticated() const noexcept { return caller_ && !caller_->anonymous; }

    http::request request_;
    std::string suffix_;
    std::optional<tidings::principal> caller_;
    std::uint64_t asked_in_ = 0;  // of `access`
    bool any_host_ = false;
    http::fields answer_fields_;
    std::shared_ptr<detail::exchange_owner> owner_;
};

}  // namespace tidings::http
