// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/client.hpp>
#include <tidings/http/impl/message/message_reader.hpp>
#include <tidings/http/impl/message/url.hpp>
#include <tidings/http/impl/wire.hpp>
#include <tidings/lane/impl/lane.hpp>

#include <deque>
#include <mutex>
#include <unordered_map>
#include <unordered_set>

namespace tidings::http::detail {

class client_state;
class client_connection;
class streamed_exchange;
struct origin_pool;

/// How many 1xx answers a request may get before the real one.
inline constexpr unsigned max_interim_answers = 16;

/// What a URL asks for in a way of connecting.
io::connect_options connecting_to(const url& to, const client_options& options);
/// The errors of connecting, as `http::client` promises them.
error_code connecting_error(const error_code& ec) noexcept;

/// Whether a body of this answer can be read as it is: it has no Content-Encoding, or the request
/// asked for one itself.
bool is_readable(const response& r, bool encoding_given) noexcept;

/// One request until its answer. Lane-confined.
struct client_job : std::enable_shared_from_this<client_job> {
    client_job(std::weak_ptr<client_state> s, response_handler h);
    /// Completes, once.
    void finish(error_code ec, response r = {});
    /// From outside: by its deadline, a cancellation, the end of the client.
    void abort(error_code ec);

    const std::weak_ptr<client_state> state;
    response_handler handler;
    tidings::detail::wheel_timer deadline;
    url to{};
    std::string text{};  // the request; the wire has it while it is under way
    bool to_head = false;
    bool idempotent = false;
    bool encoding_given = false;  // the request has an Accept-Encoding of its own
    origin_pool* pool = nullptr;
    client_connection* connection = nullptr;
};

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
    /// Ends it; its job is not told.
    void close();
    /// Ends it and its job.
    void end(error_code ec);
    /// Lets go of everything without a word to anybody, when the context is no more.
    void abandon() noexcept;

 private:
    void on_read(error_code ec, std::string_view bytes) override;
    void on_written(error_code ec) override;
    void on_connected(error_code ec, io::stream_ptr stream);
    void on_deadline();
    void begin();
    void process();
    error_code on_header();
    void complete();
    bool is_reusable() const;
    std::chrono::milliseconds age() const;
    void fail(error_code ec);
    void end_with_head(error_code ec);

    client_state& state_;  // outlives its connections
    origin_pool& pool_;
    phase phase_ = phase::connecting;
    std::shared_ptr<client_job> job_;
    io::canceller cancel_connecting_;
    std::optional<wire> wire_;
    response_reader reader_;
    tidings::detail::wheel_timer deadline_;
    io::steady_time made_;
    std::chrono::milliseconds max_age_;
    bool reused_ = false;    // a request that is repeated goes to a connection that is not
    bool answered_ = false;  // something of an answer has come
    unsigned interim_ = 0;   // 1xx answers before the real one
};

/// The connections to one origin, and who waits for one. Lane-confined.
struct origin_pool {
    std::string key{};
    std::unordered_set<std::shared_ptr<client_connection>> connections{};
    std::vector<client_connection*> idle{};  // the freshest last
    std::deque<std::shared_ptr<client_job>> waiting{};
};

/// What a client handle stands on.
class client_state final : public tidings::detail::context_dependent,
                           public std::enable_shared_from_this<client_state> {
 public:
    client_state(const net::any_io_executor& executor, client_options options);

    // From any thread.
    void start(std::string text, request r, response_handler handler);
    void close() noexcept;
    /// Owns it until its callback; false: closed.
    bool add(const std::shared_ptr<streamed_exchange>& s);
    void remove(const std::shared_ptr<streamed_exchange>& s) noexcept;

    void on_context_end() noexcept override;

    const net::any_io_executor& executor() const noexcept { return executor_; }
    const client_options& options() const noexcept { return options_; }
    tidings::detail::lane& lane() const noexcept { return *lane_; }

    // Lane-confined.
    /// Gives waiting jobs what connections there are; forgets a pool that is empty.
    void serve(origin_pool& p);
    void connect(origin_pool& p, std::shared_ptr<client_job> job);

 private:
    void begin(const std::shared_ptr<client_job>& job);
    void end();

    net::any_io_executor executor_;
    const client_options options_;
    const std::shared_ptr<tidings::detail::lane> lane_;
    std::unordered_map<std::string, std::unique_ptr<origin_pool>> pools_;  // lane-confined
    bool ended_ = false;                                                   // lane-confined

    std::mutex mutex_;
    std::unordered_set<std::shared_ptr<streamed_exchange>> streams_;
    bool closed_ = false;  // guarded by mutex_, as the streams
};

}  // namespace tidings::http::detail
