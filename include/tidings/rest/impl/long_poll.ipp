// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/codec/cloudevents_json.hpp>
#include <tidings/http/impl/message/percent.hpp>
#include <tidings/rest/impl/long_poll.hpp>

#include <boost/asio/bind_executor.hpp>

namespace tidings::rest::detail {

long_poll::long_poll(std::shared_ptr<bus_state> bus, http::exchange x, question q,
                     std::shared_ptr<void> place)
    : bus_(std::move(bus)),
      exchange_(std::move(x)),
      lane_(exchange_.lane()),
      question_(std::move(q)),
      place_(std::move(place)),
      deadline_([this] { answer(); }) {}

long_poll::~long_poll() {
    stop();
}

void long_poll::start() {
    history_point here;
    // On the bus before the first read, so that nothing falls between the two.
    if (question_.wait.count() != 0) {
        if (const auto ec = bus_->attach(question_.patterns, lane_, shared_from_this(), here))
            return refuse("Not waiting", ec);
        attached_ = true;
        deadline_.arm(lane_->timers(), question_.wait);
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
    const auto& io = lane_->executor();
    bus_->history()->start_read(
        question_.after, question_.patterns, question_.max - count_,
        read_handler(io, net::bind_executor(
                             io, [s = shared_from_this()](error_code ec, history_slice slice) {
                                 s->reading_ = false;
                                 if (!s->done_) s->on_slice(ec, std::move(slice));
                             })));
}

void long_poll::on_slice(error_code ec, history_slice slice) {
    if (ec) return refuse("History failed", ec);
    gap_ = gap_ || slice.gap;
    for (const auto& e : slice.events) {
        if (!question_.authorized || question_.authorized(e->topic())) add(e);
        if (full_) return answer();
        question_.after = *e->position();
    }
    question_.after = slice.next;
    if (count_ >= question_.max || gap_) return answer();
    if (!slice.at_end || std::exchange(again_, false)) return read();
    if (count_ != 0 || !attached_) return answer();
    if (closed_) refuse("Bus closed", errc::closed);
}

// What has no wire form is passed over.
void long_poll::add(const event_ptr& e) {
    error_code ec;
    const auto* json = cloudevents_json(*e, ec);
    if (json == nullptr) return;
    full_ = count_ != 0 && body_.size() + json->size() + 2 > question_.max_bytes;
    if (full_) return;
    if (count_++ != 0) body_ += ',';
    body_ += *json;
}

void long_poll::on_event(const event_ptr& e) noexcept {
    if (!done_ && e->info().sequence != 0) read();
}

void long_poll::on_missed(std::uint64_t) noexcept {
    if (!done_) read();
}

// Nothing comes any more, and a question asked anew would find nobody.
void long_poll::on_bus_closed() noexcept {
    closed_ = true;
    if (!done_ && !reading_) refuse("Bus closed", errc::closed);
}

void long_poll::finish_soon() {
    net::post(lane_->executor(), [s = shared_from_this()] { s->answer(); });
}

void long_poll::stop() noexcept {
    done_ = true;
    deadline_.cancel();
    place_.reset();
    if (std::exchange(attached_, false)) bus_->detach(question_.patterns, lane_, this);
}

void long_poll::refuse(std::string_view title, error_code why) {
    auto r = http::problem(503, title, why.message());
    r.fields.set("Retry-After", "1");
    respond(std::move(r));
}

void long_poll::answer() {
    if (done_) return;
    http::response r{200, {{"Content-Type", std::string(cloudevents_batch_type)}}, body_ + ']'};
    if (gap_) r.fields.set("Tidings-Gap", "true");
    if (!question_.after.empty()) {
        r.fields.set("Tidings-Position", question_.after.text());
        r.fields.set("Link", '<' + question_.next_target + "after=" +
                                 http::percent_encode(question_.after.text()) + ">; rel=\"next\"");
    }
    r.fields.set("Cache-Control", "no-store");
    respond(std::move(r));
}

void long_poll::respond(http::response r) {
    const auto keep = shared_from_this();
    stop();
    auto x = std::move(exchange_);
    x.respond(std::move(r));
}

}  // namespace tidings::rest::detail
