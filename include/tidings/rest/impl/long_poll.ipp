// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/message/percent.hpp>
#include <tidings/http/impl/server/body_budget.hpp>
#include <tidings/impl/finds_memory.hpp>
#include <tidings/lane/impl/lane_wait.hpp>
#include <tidings/outlet/impl/authenticate.hpp>
#include <tidings/rest/impl/long_poll.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <new>
#include <utility>

namespace tidings::rest::detail {

using namespace tidings::detail;

namespace {

poll_step after_slice(poll_state now, bool found) noexcept {
    switch (now) {
        case poll_state::reading_again:
            return {poll_state::reading, poll_action::read};
        case poll_state::closing:
            return {poll_state::reading_last, poll_action::read};
        case poll_state::waiting:
            return {now, poll_action::none};
        default:
            break;
    }
    if (found || now == poll_state::reading_once) return {poll_state::done, poll_action::answer};
    if (now == poll_state::reading) return {poll_state::waiting, poll_action::none};
    return {poll_state::done, poll_action::refuse};
}

// A read that begins now sees what came before it.
poll_step after_part(poll_state now) noexcept {
    switch (now) {
        case poll_state::reading_again:
            return {poll_state::reading, poll_action::read};
        case poll_state::closing:
            return {poll_state::reading_last, poll_action::read};
        case poll_state::waiting:
            return {now, poll_action::none};
        default:
            return {now, poll_action::read};
    }
}

poll_step after_arrival(poll_state now) noexcept {
    if (now == poll_state::waiting) return {poll_state::reading, poll_action::read};
    const bool again = now == poll_state::reading;
    return {again ? poll_state::reading_again : now, poll_action::none};
}

poll_step after_close(poll_state now) noexcept {
    if (now == poll_state::waiting) return {poll_state::done, poll_action::refuse};
    const bool reads = now == poll_state::reading || now == poll_state::reading_again;
    return {reads ? poll_state::closing : now, poll_action::none};
}

}  // namespace

poll_step advance(poll_state now, poll_event what) noexcept {
    if (now == poll_state::done) return {now, poll_action::none};
    switch (what) {
        case poll_event::slice_more:
            return after_part(now);
        case poll_event::slice_found:
            return after_slice(now, true);
        case poll_event::slice_empty:
            return after_slice(now, false);
        case poll_event::event_came:
            return after_arrival(now);
        case poll_event::bus_closed:
            return after_close(now);
        case poll_event::full:
        case poll_event::time_over:
            return {poll_state::done, poll_action::answer};
        case poll_event::read_failed:
            return {poll_state::done, poll_action::refuse};
        case poll_event::peer_left:
            return {poll_state::done, poll_action::stop};
    }
    return {now, poll_action::none};
}

long_poll::long_poll(std::shared_ptr<bus_state> bus, http::exchange x, long_poll_options q)
    : bus_(std::move(bus)),
      exchange_(std::move(x)),
      lane_(exchange_.lane()),
      question_(std::move(q)),
      deadline_([this] { step(poll_event::time_over); }),
      expiry_([this] { on_expiry(); }) {}

long_poll::~long_poll() {
    drop_review();  // one that has not stopped before ends with its context
    stop();
}

void long_poll::start() {
    watch_expiry();
    // A recheck that began since it was allowed may not have found it yet.
    if (!question_.license || !question_.license->is_stale()) return go_on();
    start_review([s = shared_from_this()] { s->go_on(); });
}

// What waits for the review may own this, and is released where the context ends.
void long_poll::start_review(unique_function<void()> done) {
    watch_context(lane_->executor(), shared_from_this());
    reviewer::recheck(std::move(done));
}

void long_poll::go_on() {
    if (state_ == poll_state::done) return;
    // On the bus before the first read, so that nothing falls between the two.
    if (question_.wait.count() != 0 && !attach()) return;
    if (!question_.from_now) return read();
    if (attached_) return;
    question_.from = bus_->history()->head();
    step(poll_event::slice_empty);
}

// False when it was refused.
bool long_poll::attach() {
    position here;
    if (const auto ec = bus_->attach(question_.patterns, lane_, shared_from_this(), here)) {
        step(poll_event::read_failed, ec);
        return false;
    }
    attached_ = true;
    state_ = poll_state::reading;
    if (question_.from_now) {
        question_.from = here;
        state_ = poll_state::waiting;
    }
    deadline_.arm(lane_->timers(), question_.wait);
    std::weak_ptr<long_poll> weak = shared_from_this();
    exchange_.on_peer_closed([weak] {
        if (const auto s = weak.lock()) s->step(poll_event::peer_left);
    });
    exchange_.on_drain([weak] {
        if (const auto s = weak.lock()) s->step(poll_event::time_over);
    });
    return true;
}

void long_poll::step(poll_event what, error_code why) noexcept {
    const auto [next, action] = advance(state_, what);
    state_ = next;
    try {
        perform(action, why);
    } catch (const std::bad_alloc&) {
        give_up();
    }
}

// An exchange that goes unanswered answers.
void long_poll::give_up() noexcept {
    const auto keep = weak_from_this().lock();
    stop();
    const auto unanswered = std::move(exchange_);
}

void long_poll::perform(poll_action a, error_code why) {
    switch (a) {
        case poll_action::none:
            return;
        case poll_action::read:
            return read();
        case poll_action::answer:
            return answer();
        case poll_action::refuse:
            return refuse(why);
        case poll_action::stop:
            return stop();
    }
}

void long_poll::read() {
    auto arrive = [s = shared_from_this(), me = lane_wait<long_poll>(weak_from_this(), lane_)](
                      error_code ec, const history_slice& slice) mutable {
        if (me.arrived()) s->on_slice(ec, slice);
    };
    try {
        const auto start = question_.back ? &history::start_read_back : &history::start_read;
        ((*bus_->history()).*start)(question_.from, question_.patterns, question_.max - count_,
                                    lane_->completion<read_handler>(std::move(arrive)));
    } catch (const std::bad_alloc&) {
        throw;
    } catch (...) {
        step(poll_event::read_failed, errc::history_failed);
    }
}

void long_poll::on_slice(error_code ec, const history_slice& slice) {
    if (state_ == poll_state::done) return;
    if (ec) return step(poll_event::read_failed, ec);
    try {
        const auto found = question_.back ? take_back(slice) : take(slice);
        step(found, found == poll_event::read_failed ? errc::overflow : errc::closed);
    } catch (const std::bad_alloc&) {
        give_up();
    }
}

poll_event long_poll::take(const history_slice& slice) {
    if (is_new_gap(slice, gone_)) {
        // It belongs before what follows, in the next answer.
        if (count_ != 0) return poll_event::full;
        const bool skips = question_.after_gap == after_gap::present;
        gap_ = question_.from = skips ? slice.head : slice.before;
        if (skips) return poll_event::full;
    }
    gone_ = slice.gone.number();
    for (const auto& e : slice.events) {
        if (question_.filter.matches(*e) && !add(e))
            return count_ != 0 || gap_ ? poll_event::full : poll_event::read_failed;
        question_.from = *e->position();
    }
    question_.from = slice.next;
    if (count_ >= question_.max || gap_) return poll_event::full;
    if (!slice.at_end) return poll_event::slice_more;
    return count_ != 0 ? poll_event::slice_found : poll_event::slice_empty;
}

// What follows a gap is the newest of all.
poll_event long_poll::take_back(const history_slice& slice) {
    if (slice.gap) gap_.emplace();
    for (const auto& e : slice.events) {
        if (question_.filter.matches(*e) && !add(e))
            return count_ != 0 ? poll_event::full : poll_event::read_failed;
        question_.from = *e->position();
    }
    question_.from = slice.next;
    at_oldest_ = slice.at_end;
    if (at_oldest_ || count_ >= question_.max) return poll_event::full;
    return poll_event::slice_more;
}

// False when it would be too many bytes, or the server has no room for them. An event that has no
// such form is passed over.
bool long_poll::add(const event_ptr& e) {
    error_code ec;
    const poll_item item(*e, question_.items, lane_->timers().clock().wall_now(), ec);
    if (ec == errc::out_of_memory) throw std::bad_alloc();
    if (ec) return true;
    const auto& json = item.json();
    const auto bytes = body_.size() + json.size() + 2;
    if (count_ != 0 && bytes > question_.max_bytes) return false;
    if (bytes > body_.capacity()) {
        const auto more = std::max(bytes, 2 * body_.capacity());
        if (!share_) share_ = exchange_.make_share();
        if (share_ && !share_->grow_to(more)) return false;
        body_.reserve(more);
    }
    if (count_++ != 0) body_ += ',';
    body_ += json;
    return true;
}

void long_poll::on_event(const event_ptr& e) noexcept {
    if (e->sequence() != 0) step(poll_event::event_came);
}

void long_poll::on_missed(std::uint64_t) noexcept {
    step(poll_event::event_came);
}

void long_poll::on_bus_closed() noexcept {
    step(poll_event::bus_closed);
}

void long_poll::on_context_end() noexcept {
    const auto keep = shared_from_this();
    drop_review();
}

void long_poll::finish_soon() {
    lane_->post([s = shared_from_this()] {
        // A question that never began has yet to find where the present is.
        if (s->question_.from_now && !s->attached_ && s->state_ != poll_state::done)
            s->question_.from = s->bus_->history()->head();
        s->step(poll_event::time_over);
    });
}

void long_poll::recheck(unique_function<void()> done) {
    lane_->post([s = shared_from_this(), done = std::move(done)]() mutable {
        s->start_review(std::move(done));
    });
}

http::detail::reviewer::subject long_poll::review_subject() {
    const bool over = state_ == poll_state::done && !cut_;
    return {weak_from_this(), lane_, over ? nullptr : question_.license, question_.patterns};
}

// What is answered together is lost together.
void long_poll::apply(http::detail::review found) noexcept {
    if (state_ == poll_state::done && !cut_) return;
    if (!found.ended && !found.lost.empty()) found.ended = errc::forbidden;
    if (cut_) {
        if (found.ended) std::exchange(cut_, nullptr)();
        return;
    }
    question_.expires = found.expires;
    watch_expiry();
    if (!found.ended) return;
    const auto refuse = [&] {
        if (found.ended == errc::forbidden)
            return respond(http::problem(403, "Not granted", "the permission was revoked"));
        respond(http::refusal_of(exchange_, found.ended));
    };
    if (finds_memory(refuse)) return;
    finds_memory([&] { respond({.status = 503}); });  // or its connection ends
}

void long_poll::watch_expiry() noexcept {
    http::detail::arm_expiry(expiry_, lane_->timers(), question_.expires);
}

void long_poll::on_expiry() {
    if (!http::detail::has_expired(question_.expires, lane_->timers().clock()))
        return watch_expiry();
    respond(http::refusal_of(exchange_, errc::unauthorized));
}

void long_poll::end_wait() noexcept {
    state_ = poll_state::done;
    deadline_.cancel();
    expiry_.cancel();
    if (std::exchange(attached_, false)) bus_->detach(question_.patterns, lane_, this);
}

void long_poll::stop() noexcept {
    end_wait();
    cut_ = nullptr;
    std::string().swap(body_);
    share_.reset();
    registration_.release();
    stop_review();
}

void long_poll::refuse(error_code why) {
    if (why == net::error::operation_not_supported)
        return respond(http::problem(501, "Not read backwards",
                                     "this history gives no events before a position"));
    const bool closed = why == errc::closed;
    auto r = http::problem(503, closed ? "Bus closed" : "Not answered", why.message());
    r.fields.set("Retry-After", "1");
    respond(std::move(r));
}

void long_poll::answer() {
    // What is being reviewed may be revoked: the same is asked again, and loses nothing.
    if (is_reviewing()) return refuse(errc::undecided);
    const bool of_events = question_.items == poll_items::cloudevents;
    http::response r{200, {}, {}};
    r.fields.set("Content-Type", of_events ? cloudevents_batch_type : "application/json");
    r.body = std::move(body_) + ']';
    if (gap_) {
        r.fields.set("Tidings-Gap", "true");
        if (!gap_->empty()) r.fields.set("Tidings-Gap-Position", gap_->text());
    }
    if (question_.back ? !at_oldest_ : !question_.from.empty()) {
        if (!question_.back) r.fields.set("Tidings-Position", question_.from.text());
        r.fields.set("Link", '<' + question_.next_target + (question_.back ? "before=" : "after=") +
                                 http::percent_encode(question_.from.text()) + ">; rel=\"next\"");
    }
    r.fields.set("Cache-Control", "no-store");
    // It may be revoked, and counts, until its bytes have left.
    const auto keep = shared_from_this();
    if (share_) share_->resize_to(r.body.size());
    end_wait();
    auto x = std::move(exchange_);
    cut_ = x.on_written([keep] { keep->stop(); });
    x.respond(std::move(r));
}

void long_poll::respond(http::response r) {
    const auto keep = shared_from_this();
    stop();
    auto x = std::move(exchange_);
    x.respond(std::move(r));
}

}  // namespace tidings::rest::detail
