// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/client/client_streams.hpp>
#include <tidings/http/impl/client/streamed_exchange.hpp>
#include <tidings/http/impl/message/serialise.hpp>

#include <boost/asio/post.hpp>

namespace tidings::http::detail {

namespace {

// `done` is called once, on the executor, also for what fails before anything begins.
io::canceller start_stream(const std::shared_ptr<client_state>& state,
                           net::any_io_executor executor, const std::string& text, const request& r,
                           bool upgrade, streamed_exchange::callback done) {
    error_code ec;
    auto to = url::parse(text, ec);
    if (!ec && !is_sendable(r)) ec = errc::invalid_argument;
    auto bytes = ec ? std::string() : serialise(r, to, state->options().user_agent, false);
    const auto s = std::make_shared<streamed_exchange>(
        state, std::move(executor),
        streamed_exchange::question{.to = std::move(to),
                                    .text = std::move(bytes),
                                    .upgrade = upgrade,
                                    .encoding_given = r.fields.find("Accept-Encoding").has_value()},
        std::move(done));
    if (!ec && !state->add(s)) ec = errc::closed;
    if (ec)
        s->abort(ec);
    else
        s->start();
    return [weak = std::weak_ptr(s)] {
        if (const auto self = weak.lock()) self->cancel();
    };
}

}  // namespace

streaming_response::~streaming_response() {
    exchange_->drop();
}

const response& streaming_response::head() const noexcept {
    return exchange_->head();
}

void streaming_response::start_read(std::span<std::byte> into, io::read_callback done) {
    exchange_->read(into, std::move(done));
}

void streaming_response::close() noexcept {
    exchange_->close();
}

io::canceller client_streams::open(const client& c, net::any_io_executor executor,
                                   const std::string& url, const request& r, open_handler done) {
    if (!c.state_) {  // moved from
        net::post(executor, [d = std::move(done)]() mutable { d(errc::closed, nullptr); });
        return {};
    }
    return start_stream(c.state_, std::move(executor), url, r, false,
                        [done = std::move(done)](error_code ec, streamed_exchange& e) mutable {
                            if (ec) return done(ec, nullptr);
                            done(ec, std::make_unique<streaming_response>(e.shared_from_this()));
                        });
}

io::canceller client_streams::upgrade(const client& c, net::any_io_executor executor,
                                      const std::string& url, const request& r,
                                      upgrade_handler done) {
    if (!c.state_) {  // moved from
        net::post(executor, [d = std::move(done)]() mutable { d(errc::closed, {}); });
        return {};
    }
    return start_stream(c.state_, std::move(executor), url, r, true,
                        [done = std::move(done)](error_code ec, streamed_exchange& e) mutable {
                            if (ec) return done(ec, {});
                            upgraded_response u{.head = e.head(), .leftover = e.take_rest()};
                            if (u.head.status == 101)
                                u.stream = e.release();
                            else
                                e.close();
                            done(ec, std::move(u));
                        });
}

}  // namespace tidings::http::detail
