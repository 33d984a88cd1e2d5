// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/control_event.hpp>
#include <tidings/impl/guarded.hpp>
#include <tidings/inlet/impl/client_url.hpp>
#include <tidings/rest/impl/client_state.hpp>
#include <tidings/text/impl/json_text.hpp>

#include <boost/asio/bind_executor.hpp>

#include <algorithm>
#include <charconv>

namespace tidings::rest::detail {

using namespace tidings::detail;

namespace {

// An empty answer that comes sooner was not waited for: by a server that drains, say.
constexpr std::chrono::seconds shortest_wait{1};

// The size of a body that was not read.
std::uint64_t size_of(const http::response& r, std::uint64_t otherwise) noexcept {
    const auto text = r.fields.get("content-length");
    std::uint64_t n = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), n);
    return ec == std::errc() && end == text.data() + text.size() ? n : otherwise;
}

}  // namespace

void client_state::react(const reconnect_event& e, std::string_view cause) {
    using kind = reconnect_action::kind;
    const auto to = reading_;
    if (!to) return;
    const auto& environment = options_.environment;
    const auto action =
        reconnector_.resume(e, environment.clock->now(), environment.random->next());
    if (action.what == kind::nothing) return;
    if (action.what == kind::connect) return poll();
    const bool ended = action.what == kind::stop;
    const diagnostics text(loggable_url(options_.url) + ": " +
                           (cause.empty() ? action.why.message() : std::string(cause)));
    if (!ended) poll_again_.arm(lane_->timers(), action.after);
    log((ended ? "reading ended: " : "reading failed; trying again: ") + text.message(),
        action.why);
    const auto keep = log_;
    const bool heard = reading_ != nullptr && keep;  // or `log` has stopped the client
    if (heard)
        guarded(*keep, "rest", [&] {
            if (to->on_error) to->on_error(action.why, ended, text);
        });
    if (ended) end_reading(action.why);
}

void client_state::poll() {
    if (!reader_ || !reading_) return;
    // Where the present is must be known before it is waited at: what comes while a connection is
    // made anew would be missed.
    const auto wait = located_ ? options_.wait : std::chrono::seconds(0);
    asked_ = options_.environment.clock->now();
    auto r = make_request(options_, "GET");
    r.fields.set("Accept", cloudevents_batch_type);
    reader_->async_request(
        poll_url(options_, wait, max_batch_, last_position()), std::move(r),
        net::bind_executor(lane_->executor(), [weak = weak_self(), poll = ++polls_](
                                                  error_code ec, const http::response& answer) {
            const auto s = weak.lock();
            if (s && s->stage_ != stage::stopped && s->polls_ == poll) s->on_answer(ec, answer);
        }));
}

void client_state::on_answer(error_code ec, const http::response& r) {
    const auto to = reading_;
    if (!to) return;
    if (ec && ec != errc::too_large) return react(failed(ec));
    if (const auto refused = error_of(r))
        return react(answered(r, refused, is_temporary(r.status), *options_.environment.clock),
                     "the server answered " + std::to_string(r.status));
    if (ec) return on_too_large(r);
    const auto before = last_position();
    const auto events = take(*to, r, ec);
    if (ec) return react(failed(ec));
    if (!reading_) return;
    react({.what = reconnect_event::kind::opened});
    // It is caught up: what made the batches small is over.
    if (events < max_batch_) max_batch_ = std::max<std::size_t>(options_.max_batch, 1);
    const bool progress =
        !std::exchange(located_, true) || events != 0 || last_position() != before;
    if (progress || options_.environment.clock->now() - asked_ >= shortest_wait) {
        pause_.reset();
        return poll();
    }
    poll_again_.arm(lane_->timers(), pause_.next(options_.environment.random->next()));
}

// A smaller batch may fit the limit. An event that does not fit alone is passed over: the answer's
// header says what follows it.
void client_state::on_too_large(const http::response& r) {
    if (max_batch_ > 1) {
        max_batch_ /= 2;
        return poll();
    }
    error_code ec;
    auto next = position::parse(r.fields.get("tidings-position"), ec);
    if (ec || next == last_position())
        return react({.what = reconnect_event::kind::refused, .why = errc::too_large},
                     "an event is over max_response_bytes, and no position follows it");
    const auto to = reading_;
    log("an event over max_response_bytes was skipped", errc::too_large);
    const auto e = make_skipped_event(size_of(r, options_.max_response_bytes));
    if (!reading_) return;
    if (const auto keep = log_) inlet::hand_over(*to->sink, e, *keep, "rest");
    if (!reading_) return;
    move_to(std::move(next));
    located_ = true;
    react({.what = reconnect_event::kind::opened});
    poll();
}

void client_state::move_to(position p) {
    const std::lock_guard lock(mutex_);
    position_ = std::move(p);
}

std::size_t client_state::take(const reading& to, const http::response& r, error_code& ec) {
    std::size_t events = 0;
    if (!is_json_array(r.body)) ec = errc::invalid_json;
    std::optional<position> next;
    if (const auto text = r.fields.find("tidings-position"); text && !ec)
        next = position::parse(*text, ec);
    if (ec) return 0;
    const bool gap = r.fields.get("tidings-gap") == "true";
    if (gap) to.sink->deliver(make_gap_event(next.value_or(position())));
    for (const auto text : json_elements(r.body)) {
        if (!reading_) return events;  // stopped by the subscriber: what follows is read again
        ++events;
        error_code bad;
        auto e = parse_cloudevents_json(text, bad);
        // It would be no better the next time.
        if (bad)
            log("an element of a batch is no event", bad);
        else
            take_event(to, std::move(e));
    }
    // A server that has no position yet has no events either: all that come are news.
    if (!next && (gap || !last_position())) next.emplace();
    if (next) move_to(std::move(*next));
    return events;
}

void client_state::take_event(const reading& to, wire_event&& e) {
    ++received_;
    if (own_.forget(key_of(e.event.source(), e.event.id()))) return;
    const auto keep = log_;
    if (!keep) return;
    if (const auto ec = to.in.take(std::move(e), *to.sink, *keep, "rest")) log("event refused", ec);
}

}  // namespace tidings::rest::detail
