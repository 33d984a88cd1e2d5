// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/control_event.hpp>
#include <tidings/lane/impl/lane_handler.hpp>
#include <tidings/webhook/impl/endpoint_replay.hpp>

namespace tidings::webhook::detail {

namespace {

constexpr std::size_t events_at_once = 64;

}  // namespace

endpoint_replay::endpoint_replay(std::shared_ptr<endpoint_state> to, replay_range range,
                                 std::string suffix, replay_handler done)
    : to_(std::move(to)),
      range_(std::move(range)),
      suffix_(std::move(suffix)),
      done_(std::move(done)) {}

// What is published from here on comes by the endpoint's subscriptions.
void endpoint_replay::start() {
    if (range_.until.empty()) range_.until = range_.from->head();
    next_ = range_.after;
    if (!tidings::detail::finds_memory([this] { read(); })) end(errc::out_of_memory);
}

void endpoint_replay::read() {
    auto on_slice = tidings::detail::lane_handler<history_slice>(
        to_->home(), errc::history_failed,
        [self = shared_from_this()](error_code ec, history_slice s) {
            if (!tidings::detail::finds_memory([&] { self->on_slice(ec, std::move(s)); }))
                self->end(errc::out_of_memory);
        });
    range_.from->start_read(next_, range_.patterns, events_at_once, std::move(on_slice));
}

// Of a range that is not whole nothing is sent that the caller would take for the whole.
void endpoint_replay::on_slice(error_code ec, history_slice s) {
    if (!ec && s.gap) {
        ec = errc::missed;
        result_.gone = s.gone;
    }
    if (ec) return end(ec);
    next_ = s.next;
    at_end_ = s.at_end || s.next.number() >= range_.until.number();
    append(s);
}

void endpoint_replay::append(const history_slice& s) {
    waiting_ = 1;
    for (const auto& e : s.events) {
        if (e->sequence() > range_.until.number()) break;
        if (is_control(e)) continue;
        ++waiting_;
        const auto at = *e->position();
        auto on_done = [self = shared_from_this(), at](error_code ec) {
            self->on_appended(ec, at);
        };
        const auto sent = to_->send_again(e, suffix_, std::move(on_done));
        if (!sent) continue;
        --waiting_;
        failed_ = sent;
        break;
    }
    leave();
}

// In the order in which they were handed over: `last` lies behind all that were taken until the
// first that was not.
void endpoint_replay::on_appended(error_code ec, const position& at) {
    if (ec && !failed_) failed_ = ec;
    if (!ec) ++result_.count;
    if (!failed_) result_.last = at;
    leave();
}

void endpoint_replay::leave() {
    if (--waiting_ != 0) return;
    if (failed_ || at_end_) return end(failed_);
    if (!tidings::detail::finds_memory([this] { read(); })) end(errc::out_of_memory);
}

void endpoint_replay::end(error_code ec) {
    if (!ec) result_.last = range_.until;
    if (done_) std::move(done_)(ec, std::move(result_));
}

}  // namespace tidings::webhook::detail
