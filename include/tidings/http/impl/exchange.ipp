// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/exchange.hpp>
#include <tidings/http/impl/message/http_date.hpp>
#include <tidings/http/impl/message/serialise.hpp>
#include <tidings/http/impl/server/adopted_connection.hpp>
#include <tidings/http/impl/server/body_budget.hpp>
#include <tidings/http/impl/server/shard.hpp>

#include <boost/asio/post.hpp>

namespace tidings::http {

namespace {

const std::shared_ptr<tidings::detail::lane> no_lane;
const io::environment default_environment;

}  // namespace

exchange::exchange(http::request r, io::stream_ptr stream, std::string leftover,
                   io::environment environment, std::string_view mount)
    : request_(std::move(r)) {
    if (mount.ends_with('/')) mount.remove_suffix(1);
    if (const auto path = request_.path(); !mount.empty() && detail::stands_before(mount, path))
        suffix_ = path.substr(mount.size());
    owner_ = detail::adopted_connection::make(request_, std::move(stream), leftover,
                                              std::move(environment));
}

exchange::exchange(http::request r, std::string suffix,
                   std::shared_ptr<detail::exchange_owner> owner)
    : request_(std::move(r)),
      suffix_(std::move(suffix)),
      owner_(std::move(owner)) {}

exchange& exchange::operator=(exchange&& o) noexcept {
    const exchange unanswered(std::move(*this));
    request_ = std::move(o.request_);
    suffix_ = std::move(o.suffix_);
    caller_ = std::move(o.caller_);
    asked_in_ = o.asked_in_;
    any_host_ = o.any_host_;
    answer_fields_ = std::move(o.answer_fields_);
    owner_ = std::move(o.owner_);
    return *this;
}

exchange::~exchange() {
    if (!owner_) return;
    try {
        respond(problem(500, "Internal Server Error", "the request was not answered"));
    } catch (const std::bad_alloc&) {
        owner_->give_up();
    }
}

std::string exchange::remote_address() const {
    return owner_ ? owner_->remote_address() : std::string();
}

bool exchange::loopback() const noexcept {
    return owner_ && owner_->remote_is_loopback();
}

const std::shared_ptr<tidings::detail::lane>& exchange::lane() const noexcept {
    return owner_ ? owner_->home() : no_lane;
}

const io::environment& exchange::environment() const noexcept {
    return owner_ ? owner_->environment() : default_environment;
}

void exchange::caller(tidings::principal who) {
    caller_ = std::move(who);
}

void exchange::add_answer_fields(response& r) const {
    for (const auto& [name, value] : answer_fields_) r.fields.append(name, value);
}

void exchange::in_lane(tidings::unique_function<void(exchange&)> f) {
    if (!owner_) return;
    const auto home = owner_->home();
    if (home->running_here()) return f(*this);
    home->post([x = std::move(*this), f = std::move(f)]() mutable {
        try {
            f(x);
        } catch (...) {
            return;  // an exchange that is destroyed unanswered answers 500
        }
    });
}

std::string exchange::stream_head(response r, bool chunked) const {
    add_answer_fields(r);
    const auto date = detail::http_date(environment().clock->wall_now());
    detail::response_frame frame{.framing = detail::body_framing::none, .date = date};
    if (r.status != 101) {
        frame.framing = chunked ? detail::body_framing::chunked : detail::body_framing::until_close;
        frame.close = true;  // the connection has left HTTP and does not come back
    }
    return detail::serialise_head(r, frame);
}

void exchange::respond(response r) {
    const auto owner = std::exchange(owner_, nullptr);
    if (!owner) return;
    try {
        add_answer_fields(r);
        owner->respond(std::move(r));
    } catch (const std::bad_alloc&) {
        owner->give_up();
    }
}

void exchange::proceed() {
    if (const auto owner = owner_) owner->proceed(std::move(*this));
}

taken_stream exchange::take() {
    if (!owner_) return {};
    auto taken = owner_->take(authenticated());
    owner_.reset();
    return taken;
}

live_stream exchange::stream(response head) {
    if (!owner_) return {};
    live_stream s;
    s.chunked = head.status != 101 && request_.version >= 11;
    s.head = stream_head(std::move(head), s.chunked);
    if (caller_) s.principal = std::move(*caller_);
    s.environment = environment();
    s.connection = take();
    return s;
}

void exchange::on_peer_closed(tidings::unique_function<void()> f) {
    if (owner_) owner_->watch_peer(std::move(f));
}

void exchange::on_drain(tidings::unique_function<void()> f) {
    if (owner_) owner_->watch_drain(std::move(f));
}

tidings::unique_function<void()> exchange::on_written(tidings::unique_function<void()> f) {
    if (!owner_) return {};
    owner_->watch_written(std::move(f));
    return [weak = std::weak_ptr(owner_)] {
        if (const auto owner = weak.lock()) owner->close();
    };
}

std::unique_ptr<detail::body_share> exchange::make_share() const {
    return owner_ ? owner_->make_share(authenticated()) : nullptr;
}

}  // namespace tidings::http
