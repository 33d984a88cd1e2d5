// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/client/client_connection.hpp>
#include <tidings/http/impl/client/tunnel_stream.hpp>
#include <tidings/http/impl/client/tunnelling.hpp>
#include <tidings/impl/finds_memory.hpp>
#include <tidings/io/impl/interleaved.hpp>
#include <tidings/io/impl/socket_stream.hpp>
#include <tidings/io/impl/tls_stream.hpp>

#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>

#include <atomic>
#include <optional>
#include <utility>
#include <vector>

namespace tidings::http::detail {

namespace {

using tidings::detail::finds_memory;

// What is wrong when a proxy answers so to CONNECT: 500 (as tinyproxy does) and 502 to 504 it says
// of a target that it cannot reach, and most of 4xx of one that its rules forbid.
errc error_of_answer(unsigned status) noexcept {
    if (status == 407) return errc::proxy_unauthorized;
    const bool of_target = status == 500 || (status >= 502 && status <= 504);
    const bool of_itself = status == 405 || status == 429 || (status >= 500 && !of_target);
    return of_itself ? errc::proxy_failed : errc::proxy_refused;
}

/// One `start_tunnelling`. Confined to its executor; alive as long as something is under way.
class tunnelling final : public wire_user, public std::enable_shared_from_this<tunnelling> {
 public:
    static io::canceller start(proxy_place proxy, net::any_io_executor executor,
                               io::connect_options options, io::stream_callback done) {
        auto made = std::shared_ptr<tunnelling>(new tunnelling(
            std::move(proxy), std::move(executor), std::move(options), std::move(done)));
        net::post(made->executor_, [made] { made->step([&] { made->resolve(); }); });
        return [weak = std::weak_ptr(made)] {
            const auto self = weak.lock();
            if (!self) return;
            self->cancelled_ = true;
            // Without memory its own deadline ends it.
            finds_memory([&] { net::dispatch(self->executor_, [self] { self->end(); }); });
        };
    }

 private:
    static constexpr std::size_t max_head_bytes = 8 * 1024;

    tunnelling(proxy_place proxy, net::any_io_executor executor, io::connect_options options,
               io::stream_callback done)
        : inner_(proxy.inner),
          proxy_(std::move(proxy.options)),
          silence_(std::move(proxy.silence)),
          executor_(std::move(executor)),
          options_(std::move(options)),
          done_(std::move(done)),
          timer_(proxy_->clock->make_timer(executor_)) {}

    template <class F>
    void step(F&& f) {
        if (cancelled_ || !done_) return end();
        if (!finds_memory(f)) finish(errc::out_of_memory, nullptr);
    }

    void resolve() {
        if (!options_.addresses.empty()) return try_in_turn();
        enter(io::connect_phase::resolve, {});
        cancel_ = inner_.start_resolve(
            executor_, options_.host, options_.port,
            [self = shared_from_this()](error_code ec, std::vector<io::socket_address> found) {
                self->cancel_ = nullptr;
                self->step([&] { self->on_resolved(ec, found); });
            });
    }

    void on_resolved(error_code ec, const std::vector<io::socket_address>& found) {
        if (!ec && found.empty()) ec = errc::name_not_resolved;
        if (ec) return finish(ec, nullptr);
        for (const auto& each : found) options_.addresses.push_back(each.address);
        try_in_turn();
    }

    void try_in_turn() {
        options_.addresses = tidings::detail::interleaved(
            std::move(options_.addresses), [](const auto& address) { return address.is_v6(); });
        try_next();
    }

    void try_next() {
        const auto self = shared_from_this();
        stop_attempt();
        while (next_ < options_.addresses.size()) {
            target_ = {options_.addresses[next_++], options_.port};
            if (may_try(target_.address)) return reach_proxy();
        }
        finish(failure_, nullptr);
    }

    // The zone of an address means nothing to another machine (RFC 4007 11.2).
    bool may_try(const net::ip::address& a) const {
        const bool zoned = a.is_v6() && a.to_v6().scope_id() != 0;
        return !zoned && (!options_.address_filter || options_.address_filter(a));
    }

    void enter(io::connect_phase p, const io::socket_address& to) {
        if (options_.on_phase) options_.on_phase(p, to);
    }

    void reach_proxy() {
        enter(io::connect_phase::connect, target_);
        timer_->start_wait(proxy_->clock->now() + proxy_->connect_timeout,
                           [weak = weak_from_this()] {
                               if (const auto self = weak.lock())
                                   self->step([&] { self->on_timeout(); });
                           });
        cancel_ = inner_.start_connect(
            executor_, {.host = proxy_->host, .port = proxy_->port, .unix_path = proxy_->unix_path},
            [self = shared_from_this()](error_code ec, io::stream_ptr stream) {
                self->cancel_ = nullptr;
                self->step([&] { self->ask(ec, std::move(stream)); });
            });
    }

    // A proxy that takes the question and gives no answer waits for the target, as far as can be
    // seen from here, until it gives none of another target either.
    void on_timeout() {
        if (!wire_) return fail("the proxy cannot be reached", errc::timed_out);
        if (silence_->on_timeout(options_.host, target_.address))
            return fail("the proxy answers nobody", errc::timed_out);
        refuse(errc::timed_out);
    }

    void ask(error_code ec, io::stream_ptr stream) {
        if (ec) return fail("the proxy cannot be reached", ec);
        const auto where = tidings::detail::to_text(target_);
        std::string text = "CONNECT " + where + " HTTP/1.1\r\nHost: " + where + "\r\n";
        if (!proxy_->authorization.empty())
            text += "Proxy-Authorization: " + proxy_->authorization + "\r\n";
        text += "\r\n";
        reader_.emplace(max_head_bytes);
        interim_ = 0;
        wire_.emplace(std::move(stream), *this);
        wire_->write(std::move(text), shared_from_this());
        wire_->read(shared_from_this());
    }

    // What a write cannot send shows in the read, too.
    void on_written(error_code) override {}

    void on_read(error_code ec, std::string_view bytes) override {
        const auto self = shared_from_this();
        step([&] { read_answer(ec, bytes); });
    }

    void read_answer(error_code ec, std::string_view bytes) {
        if (ec) return fail("the proxy ended the connection", ec);
        reader_->append(bytes);
        for (;;) {
            reader_->expect_no_body();
            const auto progress = reader_->next(ec);
            if (ec) return fail("the proxy's answer is malformed", ec);
            if (progress == read_step::more) return wire_->read(shared_from_this());
            if (progress != read_step::complete) continue;
            const auto status = reader_->message().status;
            if (status >= 200) return take_answer(status);
            if (status == 101 || ++interim_ > max_interim_answers)
                return fail("the proxy's answer is malformed", errc::bad_request);
            reader_->reset();
        }
    }

    void take_answer(unsigned status) {
        silence_->on_answer();
        const auto text = "the proxy answered " + std::to_string(status) + " to CONNECT";
        if (status / 100 != 2) {
            const auto why = error_of_answer(status);
            if (why == errc::proxy_unauthorized) return fail(text, why);
            note(text, why);
            return refuse(why);  // another address may be one that it takes
        }
        // A tunnel begins behind the request: nothing of that may still be on its way.
        if (wire_->writing()) return fail("the proxy answered too early", errc::bad_request);
        timer_->cancel();
        auto early = reader_->take_rest();
        stream_ = std::make_unique<tunnel_stream>(wire_->release(), std::move(early), target_);
        wire_.reset();
        if (!options_.tls) return finish({}, std::move(stream_));
        make_handshake();
    }

    void make_handshake() {
        error_code ec;
        stream_ = tidings::detail::make_client_stream(*options_.tls, options_.host,
                                                      std::move(stream_), ec);
        if (ec) return finish(ec, nullptr);
        enter(io::connect_phase::handshake, target_);
        stream_->start_handshake([self = shared_from_this()](error_code e) {
            auto handshaken = std::move(self->stream_);
            if (e) handshaken.reset();
            self->step([&] { self->finish(e, std::move(handshaken)); });
        });
    }

    void note(std::string_view message, error_code ec) const {
        if (proxy_->log)
            proxy_->log(
                {.level = log_level::warning, .module = "http", .message = message, .error = ec});
    }

    // This address is none to be reached.
    void refuse(error_code ec) {
        failure_ = ec;
        try_next();
    }

    // The proxy itself fails, as it would for another address.
    void fail(std::string_view message, error_code ec) {
        note(message, ec);
        finish(ec == errc::proxy_unauthorized ? ec : errc::proxy_failed, nullptr);
    }

    void finish(error_code ec, io::stream_ptr made) {
        const auto self = shared_from_this();
        auto done = std::move(done_);
        end();
        if (done && !cancelled_) done(ec, std::move(made));
    }

    void end() noexcept {
        done_ = nullptr;
        stop_attempt();
    }

    void stop_attempt() noexcept {
        timer_->cancel();
        if (cancel_) std::exchange(cancel_, nullptr)();
        wire_.reset();
        stream_.reset();
    }

    io::network& inner_;
    const std::shared_ptr<const proxy_options> proxy_;
    const std::shared_ptr<proxy_silence> silence_;
    const net::any_io_executor executor_;
    io::connect_options options_;
    io::stream_callback done_;
    std::atomic<bool> cancelled_ = false;
    const std::unique_ptr<io::timer> timer_;
    io::canceller cancel_;  // of what `inner` does
    std::size_t next_ = 0;  // of the addresses
    io::socket_address target_;
    error_code failure_ = errc::address_refused;
    std::optional<response_reader> reader_;
    unsigned interim_ = 0;  // 1xx answers before the real one
    std::optional<wire> wire_;
    io::stream_ptr stream_;  // in its handshake
};

}  // namespace

io::canceller start_tunnelling(proxy_place proxy, net::any_io_executor executor,
                               io::connect_options options, io::stream_callback done) {
    return tunnelling::start(std::move(proxy), std::move(executor), std::move(options),
                             std::move(done));
}

}  // namespace tidings::http::detail
