// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/control_event.hpp>
#include <tidings/impl/finds_memory.hpp>
#include <tidings/impl/guarded.hpp>
#include <tidings/inlet/impl/client_url.hpp>
#include <tidings/rest/impl/client_state.hpp>
#include <tidings/topic.hpp>

#include <boost/asio/bind_executor.hpp>

#include <algorithm>

namespace tidings::rest::detail {

using namespace tidings::detail;

namespace {

// A server that does not say where its gap ends goes on at `next`, and brings no events with it.
error_code take_gap(handover& to, const http::response& r, const position& next,
                    std::optional<position>& received) {
    error_code ec;
    auto gap = read_gap(r, ec);
    if (ec || !gap) return ec;
    if (gap->empty()) return to.push(make_gap_event(next), std::nullopt);
    ec = to.push(make_gap_event(*gap), gap->text());
    if (!ec) received = std::move(gap);
    return ec;
}

}  // namespace

client_state::client_state(const net::any_io_executor& executor, client_options options,
                           std::shared_ptr<subscriber> sink)
    : options_(without_callbacks(options)),
      origin_(make_origin()),
      lane_(lane::make(executor, *options_.environment.clock)),
      own_(remembered_own_ids),
      queue_(options_.limits, options_.overflow),
      log_(std::make_shared<const log_sink>(std::move(options.log))),
      reconnector_(options_.reconnect),
      handover_(std::make_shared<handover>(
          lane_, std::move(sink),
          handover_options{
              "rest", options_.window, options_.reconnect,
              options_.after ? std::optional(options_.after->text()) : std::nullopt, *log_,
              options_.environment,
              [this] { react({.what = reconnect_event::kind::stop, .why = errc::closed}); },
              [this] {
                  if (std::exchange(paused_, false)) poll();
              }})),
      received_(options_.after),
      pause_(options_.reconnect),
      phase_(options_.after ? phase::located : phase::unlocated),
      max_batch_(std::max<std::size_t>(options_.max_batch, 1)),
      poll_again_([this] {
          if (reconnector_.state() == connection_state::waiting)
              react({.what = reconnect_event::kind::due});
          else
              poll();
      }),
      send_backoff_(options_.reconnect),
      send_again_([this] { sending_ ? send() : pump(); }),
      drain_([this] { finish_drain(errc::timed_out); }) {
    http_.emplace(http::detail::client_in_lane(lane_, http_options(options_)));
    reader_.emplace(http::detail::client_in_lane(lane_, reader_options(options_)));
    if (handover_->has_sink())
        reading_ = std::make_shared<const reading>(reading{
            std::move(options.on_error), inlet(std::move(options.topic), origin_, origin_)});
}

void client_state::run(run_handler h) {
    run_.start(
        self(), lane_, std::move(h),
        [](client_state& c) {
            if (c.stage_ == stage::stopped || c.phase_ == phase::ended)
                return c.run_.finish(errc::closed);
            c.react({.what = reconnect_event::kind::start});
        },
        [](client_state& c) {
            c.end_reading(net::error::operation_aborted);
            c.stop();
        });
}

void client_state::restart() {
    lane_->post([s = self()] {
        if (!s->reading_) return;
        s->poll_again_.cancel();
        s->handover_->when_empty(nullptr);
        s->paused_ = false;
        ++s->polls_;
        // The answer that is waited for is not; its connection goes.
        s->reader_.reset();
        s->reconnector_ = reconnector(s->options_.reconnect);
        s->react({.what = reconnect_event::kind::start});
    });
}

void client_state::end_reading(error_code why) {
    const auto ending = std::exchange(reading_, nullptr);
    phase_ = phase::ended;
    handover_->stop();
    poll_again_.cancel();
    ++polls_;
    reader_.reset();
    run_.finish(why);
}

void client_state::on_context_end() noexcept {
    run_.drop();
    drain_.drop();
    handover_->stop();
    reading_.reset();
    log_.reset();
}

void client_state::stop() noexcept {
    const bool first = stage_.exchange(stage::stopped) != stage::stopped;
    try {
        // It is posted in any case: the caller may hold the last reference.
        if (first) lane_->post([s = self()] { s->stop_here(); });
        if (lane_->running_here()) stop_here();
    } catch (const std::bad_alloc&) {
        return;  // it ends with the context
    }
}

void client_state::stop_here() {
    http_.reset();
    send_again_.cancel();
    sending_ = {};
    end_reading(errc::closed);
    drain_.finish(errc::closed);
    const auto log = std::exchange(log_, nullptr);
    discard_all(queue_, mutex_, dropped_);
}

// Reading ends; what waits in the queue and the publications under way are sent.
void client_state::start_drain(unique_function<void(error_code)> done) {
    lane_->post([s = self(), done = std::move(done)]() mutable {
        if (!s->http_) return done({});
        bool first = false;
        const bool waits = finds_memory([&] {
            first = s->drain_.add(std::move(done), *s->lane_, s->options_.request_timeout);
        });
        if (!waits) done(errc::out_of_memory);
        if (!first) return;
        s->end_reading(errc::closed);
        std::unique_lock lock(s->mutex_);
        auto running = stage::running;
        s->stage_.compare_exchange_strong(running, stage::draining);
        lock.unlock();
        s->pump();
    });
}

// ---- one publication

void client_state::publish(const std::string& topic, event e, publish_handler h) {
    const auto fail = [&h](error_code ec) { std::move(h)(ec, receipt(ec)); };
    auto ec = check_topic(topic);
    event_ptr p;
    if (!ec) p = publication::make(topic, std::move(e), {}, ec);
    http::request r;
    if (p) r = event_request(options_, *p, ec);
    if (ec) return fail(ec);
    lane_->post([s = self(), url = topic_url(options_, topic), r = std::move(r),
                 handler = std::make_shared<publish_handler>(std::move(h))]() mutable {
        ++s->publishing_;
        auto done = [handler, weak = s->weak_self()](error_code failed,
                                                     const http::response& a) mutable {
            if (!failed) failed = error_of(a);
            finds_memory([&] {
                auto result = failed ? receipt(failed) : read_receipt(a.body);
                std::move (*handler)(failed, std::move(result));
            });
            const auto c = weak.lock();
            if (c && --c->publishing_ == 0) c->pump();
        };
        if (!s->http_) return done(errc::closed, {});
        const bool asked = finds_memory([&] {
            s->http_->async_request(std::move(url), std::move(r),
                                    net::bind_executor(s->executor(), done));
        });
        if (!asked) done(errc::out_of_memory, {});
    });
}

// ---- reading

// Without memory for it the connection counts as lost, and nothing is said of it.
void client_state::react(const reconnect_event& e, std::string_view cause) {
    const bool found = finds_memory([&] {
        using kind = reconnect_action::kind;
        if (!reading_) return;
        const auto& environment = options_.environment;
        const auto action =
            reconnector_.resume(e, environment.clock->now(), environment.random->next());
        if (action.what == kind::nothing) return;
        if (action.what == kind::connect) return poll();
        const diagnostics text(loggable_url(options_.url) + ": " +
                               (cause.empty() ? action.why.message() : std::string(cause)));
        if (action.what == kind::wait) {
            poll_again_.arm(lane_->timers(), action.after);
            return report(action.why, false, text);
        }
        const auto end = [this, why = action.why, text] { report(why, true, text); };
        if (e.what == reconnect_event::kind::stop) return end();
        handover_->when_empty(end);  // what has come is handed over first
    });
    if (found || !reading_) return;
    const auto& environment = options_.environment;
    const auto again =
        reconnector_.resume({.what = reconnect_event::kind::lost, .why = errc::out_of_memory},
                            environment.clock->now(), environment.random->next());
    const bool waits = again.what == reconnect_action::kind::wait;
    if (!waits && reconnector_.state() != connection_state::waiting)
        return end_reading(errc::out_of_memory);
    if (waits || !poll_again_.armed())
        poll_again_.arm(lane_->timers(), waits ? again.after : std::chrono::seconds(1));
}

void client_state::report(error_code why, bool ended, const diagnostics& text) {
    log((ended ? "reading ended: " : "reading failed; trying again: ") + text.message(), why);
    const auto to = reading_;
    if (const auto keep = log_; to && keep) {  // or `log` has stopped the client
        if (ended) run_.decide(why);
        guarded(*keep, "rest", [&] {
            if (to->on_error) to->on_error(why, ended, text);
        });
    }
    if (ended) end_reading(why);
}

void client_state::poll() noexcept {
    const bool found = finds_memory([this] {
        if (!reading_) return;
        if (!reader_)
            reader_.emplace(http::detail::client_in_lane(lane_, reader_options(options_)));
        if ((paused_ = !handover_->has_room())) return;
        // Where the present is must be known before it is waited at: what comes while a connection
        // is made anew would be missed.
        const auto wait = phase_ == phase::located ? options_.wait : std::chrono::seconds(0);
        asked_ = options_.environment.clock->now();
        auto r = make_request(options_, "GET");
        r.fields.set("Accept", cloudevents_batch_type);
        reader_->async_request(poll_url(options_, wait, max_batch_, received_), std::move(r),
                               lane_->bind_here([weak = weak_self(), poll = ++polls_](
                                                    error_code ec, const http::response& answer) {
                                   const auto s = weak.lock();
                                   if (s && s->stage_ != stage::stopped && s->polls_ == poll)
                                       s->on_answer(ec, answer);
                               }));
    });
    if (!found) react(failed(errc::out_of_memory));
}

void client_state::on_answer(error_code ec, const http::response& r) try {
    const auto to = reading_;
    if (!to) return;
    if (ec && ec != errc::too_large) return react(failed(ec));
    if (const auto refused = error_of(r))
        return react(answered(r, refused, r.status == 409 || is_temporary(r.status),
                              *options_.environment.clock),
                     "the server answered " + std::to_string(r.status));
    if (ec) return on_too_large(r);
    const auto before = received_;
    const auto events = take(*to, r, ec);
    if (ec) return react(failed(ec));
    if (!reading_) return;
    react({.what = reconnect_event::kind::opened});
    // It is caught up: what made the batches small is over.
    if (events < max_batch_) max_batch_ = std::max<std::size_t>(options_.max_batch, 1);
    const bool progress = std::exchange(phase_, phase::located) == phase::unlocated ||
                          events != 0 || received_ != before;
    if (progress || options_.environment.clock->now() - asked_ >= shortest_wait) {
        pause_.reset();
        return poll();
    }
    poll_again_.arm(lane_->timers(), pause_.next(options_.environment.random->next()));
} catch (const std::bad_alloc&) {
    react(failed(errc::out_of_memory));
}

// A smaller batch may fit. What does not fit alone is passed over: the header says what follows it.
void client_state::on_too_large(const http::response& r) {
    if (max_batch_ > 1) {
        max_batch_ /= 2;
        return poll();
    }
    error_code ec;
    auto next = position::parse(r.fields.get("tidings-position"), ec);
    if (ec || next == received_)
        return react({.what = reconnect_event::kind::refused, .why = errc::too_large},
                     "an event is over max_response_bytes, and no position follows it");
    log("an event over max_response_bytes was skipped", errc::too_large);
    if (!reading_) return;
    ec = take_gap(*handover_, r, next, received_);
    if (!ec && reading_)
        ec = handover_->push(make_skipped_event(size_of(r, options_.max_response_bytes)),
                             next.text());
    if (ec) return react(failed(ec));
    if (!reading_) return;
    received_ = std::move(next);
    phase_ = phase::located;
    react({.what = reconnect_event::kind::opened});
    poll();
}

std::size_t client_state::take(const reading& to, const http::response& r, error_code& ec) {
    auto b = read_batch(r, max_batch_, ec);
    if (!ec) ec = take_gap(*handover_, r, b.next.value_or(position()), received_);
    if (ec) return 0;
    std::size_t events = 0;
    for (const auto text : b.elements) {
        if (!reading_) return events;  // stopped by the subscriber: what follows is read again
        ++events;
        auto e = parse_cloudevents_json(text, ec);
        if (!ec)
            ec = take_event(to, std::move(e));
        else if (ec != errc::out_of_memory)  // it would be no better the next time
            handover_->refuse(std::exchange(ec, {}), std::nullopt);
        if (ec) return events;
    }
    // A server that has no position yet has no events either: all that come are news.
    if (!b.next && (b.gap || !received_)) b.next.emplace();
    if (b.next && reading_) move_to(std::move(*b.next));
    return events;
}

error_code client_state::take_event(const reading& to, wire_event&& e) {
    error_code ec;
    auto at = position::parse(e.position, ec);
    const auto text = ec ? std::nullopt : std::optional(at.text());
    if (own_.forget(key_of(e.event.source(), e.event.id()))) {
        if (text) move_to(std::move(at));
        return {};
    }
    ec = {};
    auto p = to.in.take(std::move(e), at, ec);
    if (ec == errc::out_of_memory) return ec;
    if (ec)
        handover_->refuse(ec, text);
    else if ((ec = handover_->push(std::move(p), text)))
        return ec;
    if (text && reading_) received_ = std::move(at);
    return {};
}

}  // namespace tidings::rest::detail
