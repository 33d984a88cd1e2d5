// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/codec/cloudevents_json.hpp>
#include <tidings/http/percent.hpp>
#include <tidings/rest/detail/long_poll.hpp>

#include <boost/asio/bind_executor.hpp>

namespace tidings::rest::detail {

long_poll::long_poll(std::shared_ptr<bus_state> bus, http::exchange x, question q,
                     std::shared_ptr<void> place)
    : bus_(std::move(bus)),
      exchange_(std::move(x)),
      question_(std::move(q)),
      place_(std::move(place)),
      deadline_([this] { answer(); }) {}

long_poll::~long_poll() {
    stop();
}

void long_poll::start() {
    bus_state::place here;
    const auto& lane = exchange_.lane();
    // On the bus before the first read, so that nothing falls between the two.
    if (question_.wait.count() != 0) {
        if (bus_->attach(question_.patterns, lane, shared_from_this(), here)) return answer();
        attached_ = true;
        deadline_.arm(lane->timers(), question_.wait);
        std::weak_ptr<long_poll> weak = shared_from_this();
        exchange_.on_peer_closed([weak] {
            if (const auto s = weak.lock()) s->stop();
        });
        exchange_.on_drain([weak] {
            if (const auto s = weak.lock()) s->answer();
        });
    }
    if (question_.from_now) {
        question_.after = attached_ ? here.head : bus_->history()->head();
        if (!attached_) return answer();
        return;
    }
    read();
}

void long_poll::read() {
    if (std::exchange(reading_, true)) {
        again_ = true;
        return;
    }
    const auto& io = exchange_.lane()->executor();
    bus_->history()->start_read(
        question_.after, question_.patterns, question_.max - events_.size(),
        read_handler(io, net::bind_executor(
                             io, [s = shared_from_this()](error_code ec, history_slice slice) {
                                 s->reading_ = false;
                                 if (!s->done_) s->on_slice(ec, std::move(slice));
                             })));
}

void long_poll::on_slice(error_code ec, history_slice slice) {
    if (ec) {
        done_ = true;
        stop();
        return exchange_.respond(http::problem(503, "History failed", ec.message()));
    }
    gap_ = gap_ || slice.gap;
    question_.after = slice.next;
    for (auto& e : slice.events)
        if (!question_.authorized || question_.authorized(e->topic()))
            events_.push_back(std::move(e));
    if (events_.size() >= question_.max || gap_) return answer();
    if (!slice.at_end || std::exchange(again_, false)) return read();
    if (!events_.empty() || !attached_) answer();
}

void long_poll::on_event(const event_ptr& e) noexcept {
    if (!done_ && e->info().sequence != 0) read();
}

void long_poll::on_missed(std::uint64_t) noexcept {
    if (!done_) read();
}

void long_poll::finish_soon() {
    net::post(exchange_.lane()->executor(), [s = shared_from_this()] { s->answer(); });
}

void long_poll::stop() noexcept {
    done_ = true;
    deadline_.cancel();
    place_.reset();
    if (std::exchange(attached_, false)) bus_->detach(question_.patterns, exchange_.lane(), this);
}

void long_poll::answer() {
    if (done_) return;
    const auto keep = shared_from_this();
    http::response r{200, {{"Content-Type", std::string(cloudevents_batch_type)}}, "["};
    for (const auto& e : events_) {
        error_code ec;
        const auto* json = cloudevents_json(*e, ec);
        if (json == nullptr) continue;
        if (r.body.size() > 1) r.body += ',';
        r.body += *json;
    }
    r.body += ']';
    if (gap_) r.fields.set("Tidings-Gap", "true");
    if (!question_.after.empty()) {
        r.fields.set("Tidings-Position", question_.after.text());
        r.fields.set("Link", '<' + question_.next_target + "after=" +
                                 http::percent_encode(question_.after.text()) + ">; rel=\"next\"");
    }
    r.fields.set("Cache-Control", "no-store");
    if (attached_) bus_->detach(question_.patterns, exchange_.lane(), this);
    attached_ = false;
    auto x = std::move(exchange_);
    done_ = true;
    deadline_.cancel();
    place_.reset();
    x.respond(std::move(r));
}

}  // namespace tidings::rest::detail
