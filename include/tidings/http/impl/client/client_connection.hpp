// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/client/client_job.hpp>
#include <tidings/http/impl/message/message_reader.hpp>
#include <tidings/http/impl/wire.hpp>

#include <list>
#include <optional>
#include <unordered_set>

namespace tidings::http::detail {

/// How many 1xx answers a request may get before the real one.
inline constexpr unsigned max_interim_answers = 16;

/// Whether a body of this answer can be read as it is: it has no Content-Encoding, or the request
/// asked for one itself.
bool is_readable(const response& r, bool encoding_given) noexcept;

/// Why there is no connection any more, or none at all: what the library or the system reports.
/// errc::connection_failed stands for the rest: an end without a reason, and operation_aborted,
/// which a caller would take for its own cancellation.
error_code connection_error(const error_code& ec) noexcept;

class client_connection;
/// Idle connections of all pools.
using idle_list = std::list<client_connection*>;

/// One keep-alive connection. Lane-confined; owned by its pool.
///
///     connecting -> busy -> idle -> busy ... -> closed
class client_connection final : public wire_user,
                                public std::enable_shared_from_this<client_connection> {
    enum class phase { connecting, busy, idle, closed };

 public:
    client_connection(client_state& s, origin_pool& p);

    void connect(std::shared_ptr<client_job> job);
    /// Only when idle.
    void send(std::shared_ptr<client_job> job);
    bool idle() const noexcept { return phase_ == phase::idle; }
    origin_pool& pool() const noexcept { return pool_; }
    /// What has come of an answer before its body, which nothing that is wrong behind it changes.
    /// Its status is 0 if nothing has.
    response take_head();
    /// Ends it and releases its job, which does not complete.
    void close();
    /// Ends it and its job, which completes with what there is of an answer.
    void end(error_code ec);
    /// Releases everything and completes no handler; called when the context is destroyed.
    void abandon() noexcept;

 private:
    void on_read(error_code ec, std::string_view bytes) override;
    void on_written(error_code ec) override;
    void resolve(io::connect_options how);
    void on_resolved(error_code ec, io::connect_options how,
                     const std::vector<io::socket_address>& found);
    void connect_to(io::connect_options how);
    void on_connected(error_code ec, io::stream_ptr stream);
    void on_phase(io::connect_phase p, const io::socket_address& to);
    void note(exchange_trace::phase p) noexcept;
    void on_deadline();
    void begin();
    void take(error_code ec, std::string_view bytes);
    void process();
    error_code on_header();
    void complete();
    void rest();
    bool is_reusable() const;
    std::chrono::milliseconds age() const;
    void fail(error_code ec);
    void leave_idle() noexcept;

    client_state& state_;  // outlives its connections
    origin_pool& pool_;
    phase phase_ = phase::connecting;
    idle_list place_{
        this};  // among the idle ones: here while it is not one, so that it is made once
    const idle_list::iterator at_{place_.begin()};
    std::shared_ptr<client_job> job_;
    std::optional<io::connect_phase> connecting_;  // the phase that is timed
    io::canceller cancel_connecting_;
    std::optional<wire> wire_;
    response_reader reader_;
    std::string address_{};  // of the peer, made when first asked for
    tidings::detail::wheel_timer deadline_;
    io::steady_time made_;
    std::chrono::milliseconds max_age_;
    bool reused_ = false;    // a request that is repeated goes to a connection that is not
    bool answered_ = false;  // something of an answer has come
    unsigned interim_ = 0;   // 1xx answers before the real one
};

/// The connections to one origin, and the jobs that wait for one. Lane-confined.
struct origin_pool {
    std::string key{};
    std::shared_ptr<const io::tls_client_options> tls{};  // of its requests; null: the client's
    std::unordered_set<std::shared_ptr<client_connection>> connections{};
    std::vector<client_connection*> idle{};            // the freshest last
    std::list<std::shared_ptr<client_job>> waiting{};  // a deque cannot be emptied without memory
};

}  // namespace tidings::http::detail
