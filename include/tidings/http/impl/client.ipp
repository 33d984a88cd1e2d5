// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/client.hpp>
#include <tidings/http/impl/client/client_state.hpp>
#include <tidings/http/impl/client/streamed_exchange.hpp>
#include <tidings/http/impl/message/serialise.hpp>

#include <boost/asio/post.hpp>
#include <boost/asio/system_executor.hpp>

namespace tidings::http {

namespace detail {

using namespace tidings::detail;

class streamed_response final : public streaming_response {
 public:
    explicit streamed_response(std::shared_ptr<streamed_exchange> e) : exchange_(std::move(e)) {}
    ~streamed_response() override { exchange_->drop(); }
    const response& head() const noexcept override { return exchange_->head(); }
    void start_read(std::span<std::byte> into, io::read_callback done) override {
        exchange_->read(into, std::move(done));
    }
    void close() noexcept override { exchange_->close(); }

 private:
    std::shared_ptr<streamed_exchange> exchange_;
};

/// `done` is called once, on the executor, also for what fails before anything begins.
inline canceller start_stream(const std::shared_ptr<client_state>& state,
                              net::any_io_executor executor, const std::string& text,
                              const request& r, bool upgrade, streamed_exchange::callback done) {
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

client client_in_lane(std::shared_ptr<lane> lane, client_options options) {
    const auto executor = lane->executor();
    return client(std::make_shared<client_state>(std::move(lane), executor, std::move(options)));
}

}  // namespace detail

client::client(std::shared_ptr<detail::client_state> s) : state_(std::move(s)) {
    tidings::detail::watch_context(state_->executor(), state_);
}

client::client(net::any_io_executor executor, client_options options)
    : client([&] {
          auto lane = tidings::detail::lane::make(executor, *options.environment.clock);
          return std::make_shared<detail::client_state>(std::move(lane), std::move(executor),
                                                        std::move(options));
      }()) {}

client& client::operator=(client&& o) noexcept {
    if (this != &o) {
        if (state_) state_->close();
        state_ = std::move(o.state_);
    }
    return *this;
}

client::~client() {
    if (state_) state_->close();
}

client::executor_type client::get_executor() const noexcept {
    return state_ ? state_->executor() : net::any_io_executor(net::system_executor());
}

void client::start_request(const std::shared_ptr<detail::client_state>& s, std::string url,
                           request r, diagnostics* detail, detail::response_handler h) {
    if (!s) return std::move(h)(make_error_code(errc::closed), response());
    s->start(url, r, detail, std::move(h));
}

canceller client::start_open(
    net::any_io_executor executor, std::string url, request r,
    tidings::unique_function<void(error_code, std::unique_ptr<streaming_response>)> done) {
    if (!state_) {  // moved from
        net::post(executor, [d = std::move(done)]() mutable { d(errc::closed, nullptr); });
        return {};
    }
    return detail::start_stream(
        state_, std::move(executor), url, r, false,
        [done = std::move(done)](error_code ec, detail::streamed_exchange& e) mutable {
            if (ec) return done(ec, nullptr);
            done(ec, std::make_unique<detail::streamed_response>(e.shared_from_this()));
        });
}

canceller client::start_upgrade(
    net::any_io_executor executor, std::string url, request r,
    tidings::unique_function<void(error_code, upgraded_response)> done) {
    if (!state_) {  // moved from
        net::post(executor, [d = std::move(done)]() mutable { d(errc::closed, {}); });
        return {};
    }
    return detail::start_stream(
        state_, std::move(executor), url, r, true,
        [done = std::move(done)](error_code ec, detail::streamed_exchange& e) mutable {
            if (ec) return done(ec, {});
            upgraded_response u{.head = e.head(), .leftover = e.take_rest()};
            if (u.head.status == 101)
                u.stream = e.release();
            else
                e.close();
            done(ec, std::move(u));
        });
}

}  // namespace tidings::http
