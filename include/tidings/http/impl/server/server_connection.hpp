// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/exchange.hpp>
#include <tidings/http/impl/message/message_reader.hpp>
#include <tidings/http/impl/message/serialise.hpp>
#include <tidings/http/impl/server/body_budget.hpp>
#include <tidings/http/impl/server/ledger.hpp>
#include <tidings/http/impl/server/shard.hpp>
#include <tidings/http/impl/wire.hpp>
#include <tidings/impl/guarded.hpp>

#include <algorithm>

namespace tidings::http::detail {

/// One connection of the server: reads requests, hands them to services one at a time, writes the
/// answers in order. Lane-confined.
///
///     handshake -> idle -> header -> body -> handling -> writing -> idle, or lingering -> closed
///
/// Every phase but `handling`, which is the service's, has a deadline. Between header and body the
/// service may refuse the request, or take its time, in a phase `handling` of its own.
class server_connection : public exchange_owner,
                          public wire_user,
                          public std::enable_shared_from_this<server_connection> {
    enum class phase {
        handshake,
        idle,
        header,
        body,
        handling,
        writing,
        lingering,  // the last answer is out: what still comes is read away, so that it arrives
        closed      // or taken
    };

 public:
    /// Begins to serve; what `admitted` refuses is answered instead.
    static void start(std::shared_ptr<shard> s, io::stream_ptr stream, std::shared_ptr<seat> place,
                      ledger::verdict admitted);

    server_connection(std::shared_ptr<shard> s, io::stream_ptr stream, std::shared_ptr<seat> place);
    void close() override;
    void give_up() noexcept override;
    /// Releases everything and calls no callback; called when the context is destroyed.
    void abandon() noexcept;
    /// The server drains: an idle connection closes, a busy one after its answer.
    void drain();

    void respond(response r) override;
    taken_stream take(bool authenticated) override;
    void proceed(exchange x) override;
    void watch_peer(unique_function<void()> on_closed) override;
    void watch_drain(unique_function<void()> f) override;
    void watch_written(unique_function<void()> f) override {
        if (phase_ != phase::handling) return f();  // closed meanwhile
        now_.on_written = std::move(f);
    }
    std::unique_ptr<body_share> make_share(bool authenticated) const override {
        if (!shard_->bodies) return nullptr;
        return shard_->make_share(authenticated, remote_.address, remote_.loopback);
    }
    const std::shared_ptr<tidings::detail::lane>& home() const noexcept override {
        return shard_->lane;
    }
    const io::environment& environment() const noexcept override {
        return shard_->options->environment;
    }
    const std::string& remote_address() const noexcept override { return remote_.address; }
    bool remote_is_loopback() const noexcept override { return remote_.loopback; }

 protected:
    /// A service handles this request, which was read elsewhere; `leftover` came behind it.
    void serve(const request& r, std::string_view leftover);
    /// What keeps it alive during an operation: nothing, because its server owns it.
    virtual std::shared_ptr<void> keep() { return nullptr; }

 private:
    void on_read(error_code ec, std::string_view bytes) override;
    void on_written(error_code ec) override;
    void on_read_failed(error_code ec);
    void on_deadline();

    void enter(phase p);
    void set_deadline();
    void begin(ledger::verdict admitted);
    void read() { wire_->read(keep()); }
    void process();
    bool step();
    void on_header();
    void admit();
    void admitted();
    bool count_body();
    void dispatch();
    template <class F>
    bool call_service(F&& f);
    void answer(response&& r);
    void refuse(unsigned status, std::string_view detail = {});
    void refuse(const error_code& ec);
    void written();
    void linger();

    const std::shared_ptr<shard> shard_;
    std::shared_ptr<seat> seat_;
    const struct {
        std::string address;
        bool loopback;
    } remote_;

    std::optional<wire> wire_;
    request_reader reader_;
    tidings::detail::wheel_timer deadline_;
    phase phase_ = phase::handshake;
    phase timed_ = phase::closed;  // the phase that `deadline_` was set for; closed: for none
    bool processing_ = false;
    bool peer_ended_ = false;

    /// Ends it in its lane, without memory.
    struct surrender final : tidings::detail::lane_task {
        void run() noexcept override {
            const auto last = std::move(connection);
            if (last->phase_ == phase::handling) last->close();
        }
        void drop() noexcept override { const auto last = std::move(connection); }
        std::shared_ptr<server_connection> connection{};
    };

    /// A body that follows the header.
    struct coming_body {
        std::uint64_t length = 0;      // 0 where it is not known
        bool awaits_continue = false;  // RFC 9110 10.1.1
    };
    /// The request that is being served.
    struct served {
        std::shared_ptr<mounted> service{};
        std::optional<exchange> pending{};  // between header and body; without an owner then
        unique_function<void()> on_closed{};
        unique_function<void()> on_drain{};
        unique_function<void()> on_written{};
        response_frame frame{};  // of its answer
        bool keep_alive = false;
        std::optional<coming_body> coming{};
        std::size_t own_limit = 0;  // of its body; 0: the server's
    };
    std::size_t body_limit() const noexcept {
        const auto limit = now_.own_limit != 0 ? now_.own_limit : shard_->options->max_body_bytes;
        return body_ ? std::min(limit, body_->most()) : limit;
    }
    served now_;
    std::optional<body_share> body_;  // of that request
    surrender surrender_;
};

// False when it threw.
template <class F>
bool server_connection::call_service(F&& f) {
    const auto service = now_.service;  // lives until the call returns
    return tidings::detail::guarded(shard_->options->log, "http", [&] { f(*service); });
}

}  // namespace tidings::http::detail
