// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/server/server_state.hpp>
#include <tidings/http/server.hpp>

#include <boost/asio/system_executor.hpp>
#include <boost/system/system_error.hpp>

namespace tidings::http {

namespace detail {

using namespace tidings::detail;

class function_service final : public mounted {
 public:
    explicit function_service(std::function<void(exchange&)> f) : function_(std::move(f)) {}
    bool admits() const noexcept override { return false; }
    void admit(exchange&) override {}
    void handle(exchange& x) override { function_(x); }
    std::size_t max_body_bytes() const override { return 0; }
    void drain() override {}
    void close() override {}

 private:
    std::function<void(exchange&)> function_;
};

}  // namespace detail

server::server(net::any_io_executor executor, server_options options, error_code& ec) {
    ec = {};
    state_ = std::make_shared<detail::server_state>(executor, std::move(options), ec);
    tidings::detail::watch_context(executor, state_);
}

server::server(net::any_io_executor executor, server_options options) {
    error_code ec;
    *this = server(std::move(executor), std::move(options), ec);
    if (ec)
        throw boost::system::system_error(
            ec, "http::server cannot listen on " + state_->listening_on());
}

server& server::operator=(server&& o) noexcept {
    if (this != &o) {
        stop();
        state_ = std::move(o.state_);
    }
    return *this;
}

server::~server() {
    stop();
}

void server::mount(std::string_view prefix, std::function<void(exchange&)> f) {
    mount_erased(prefix, std::make_shared<detail::function_service>(std::move(f)));
}

void server::mount_erased(std::string_view prefix, std::shared_ptr<detail::mounted> m) {
    if (state_) state_->mount(prefix, std::move(m));
}

void server::start() {
    if (state_) state_->start();
}

void server::stop() noexcept {
    if (state_) state_->stop();
}

void server::flush() noexcept {
    if (state_) state_->flush();
}

io::socket_address server::local_endpoint() const {
    return state_ ? state_->local_endpoint() : io::socket_address{};
}

std::size_t server::connections() const noexcept {
    return state_ ? state_->connections() : 0;
}

bool server::draining() const noexcept {
    return state_ && state_->draining();
}

std::shared_ptr<drainable> server::drain_state() const {
    return state_;
}

server::executor_type server::get_executor() const noexcept {
    return state_ ? state_->executor() : net::any_io_executor(net::system_executor());
}

void server::start_drain(const std::shared_ptr<detail::server_state>& s,
                         tidings::completion_handler<error_code> handler) {
    if (!s) return std::move(handler)(make_error_code(errc::closed));
    s->start_drain([h = std::move(handler)](error_code ec) mutable { std::move(h)(ec); });
}

}  // namespace tidings::http
