// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/outlet/impl/live_state.hpp>
#include <tidings/outlet/live_session.hpp>

namespace tidings {

live_session::live_session(http::live_stream stream,
                           std::shared_ptr<const live_session_options> options)
    : state_(std::make_unique<detail::live_state>(*this, std::move(stream), std::move(options))) {}

live_session::~live_session() = default;

outcome live_session::deliver(const event_ptr& e) noexcept {
    return state_->deliver(e);
}

void live_session::close() {
    state_->in_lane(0, [this] { state_->finish({}); });
}

void live_session::abort() {
    state_->in_lane(0, [this] { state_->end({}); });
}

bool live_session::is_open() const noexcept {
    return state_->is_open();
}

const principal& live_session::principal() const noexcept {
    return state_->stream().caller();
}

const http::request& live_session::request() const noexcept {
    static const http::request none;
    return state_->stream().request ? *state_->stream().request : none;
}

std::string live_session::remote_address() const {
    return state_->stream().remote_address;
}

std::size_t live_session::pending_bytes() const noexcept {
    return state_->queue().pending_bytes();
}

void live_session::read() {
    state_->read_away();
}

void live_session::on_silence() {
    state_->on_quarter();
}

void live_session::goodbye_sent() {
    state_->shut_down();
}

error_code live_session::send(std::string bytes) {
    return state_->send(std::move(bytes));
}

void live_session::append(std::string bytes) {
    state_->append(std::move(bytes));
}

void live_session::finish(error_code why) {
    state_->finish(why);
}

void live_session::in_lane(unique_function<void()> f) {
    state_->in_lane(0, [this, f = std::move(f)]() mutable { state_->call(f); });
}

void live_session::leave() {
    state_->in_lane(0, [this] { state_->call([this] { go_away(); }); });
}

void live_session::recheck(unique_function<void()> done) {
    state_->in_lane(
        0, [this, done = std::move(done)]() mutable { state_->access().recheck(std::move(done)); });
}

void live_session::begin(live_start what, session_registration place, bool welcome) {
    state_->begin(std::move(what), std::move(place), welcome);
}

}  // namespace tidings
