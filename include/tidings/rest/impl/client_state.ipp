// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/control_event.hpp>
#include <tidings/http/impl/message/percent.hpp>
#include <tidings/rest/impl/client_state.hpp>
#include <tidings/topic.hpp>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>

namespace tidings::rest::detail {

namespace {

constexpr std::size_t remembered_own_ids = 10'000 * recent_ids::entry_bytes;

// Of a publication: also while the same one is being published (409).
bool may_be_sent_again(error_code ec, const http::response* answer) noexcept {
    if (answer == nullptr) return ec != errc::too_large && is_temporary(ec);
    return answer->status == 409 || is_temporary(answer->status);
}

// The callbacks of options whose other members may be read by any thread.
client_options without_callbacks(client_options o) {
    o.on_error = nullptr;
    o.log = nullptr;
    o.topic = {};
    return o;
}

}  // namespace

std::string client_state::key_of(const std::string& source, const std::string& id) {
    return source + '\n' + id;
}

client_state::client_state(const net::any_io_executor& executor, client_options options,
                           std::shared_ptr<subscriber> sink)
    : options_(without_callbacks(options)),
      origin_(make_origin()),
      lane_(lane::make(executor, *options_.environment.clock)),
      own_(remembered_own_ids),
      queue_(options_.limits, options_.overflow),
      position_(options_.after),
      log_(std::make_shared<const log_sink>(std::move(options.log))),
      reconnector_(options_.reconnect),
      pause_(options_.reconnect),
      located_(options_.after.has_value()),
      max_batch_(std::max<std::size_t>(options_.max_batch, 1)),
      poll_again_([this] {
          if (reconnector_.state() == connection_state::waiting)
              react({.what = reconnect_event::kind::due});
          else
              poll();
      }),
      send_backoff_(options_.reconnect),
      send_again_([this] { send(); }),
      drain_deadline_([this] { finish_drain(errc::timed_out); }) {
    http_.emplace(executor, http_options(options_));
    reader_.emplace(executor, reader_options(options_));
    if (sink)
        reading_ =
            std::make_shared<const reading>(reading{std::move(options.on_error), std::move(sink),
                                                    inlet(std::move(options.topic), origin_)});
}

void client_state::run(run_handler h) {
    const auto id = run_.announce(h, lane_->executor(), [weak = weak_self()](auto cancelled) {
        const auto s = weak.lock();
        if (!s || !s->run_.is(cancelled)) return;
        s->end_reading(net::error::operation_aborted);
        s->stop();
    });
    net::post(lane_->executor(), [s = self(), h = std::move(h), id]() mutable {
        if (!s->run_.begin(id, std::move(h))) return;
        if (s->stage_ == stage::stopped || s->reading_ended_) return s->run_.finish(errc::closed);
        s->react({.what = reconnect_event::kind::start});
    });
}

void client_state::restart() {
    net::post(lane_->executor(), [s = self()] {
        if (!s->reading_) return;
        s->poll_again_.cancel();
        ++s->polls_;
        s->reconnector_ = reconnector(s->options_.reconnect);
        s->react({.what = reconnect_event::kind::start});
    });
}

void client_state::end_reading(error_code why) {
    const auto ending = std::exchange(reading_, nullptr);
    reading_ended_ = true;
    poll_again_.cancel();
    ++polls_;
    run_.finish(why);
}

void client_state::on_context_end() noexcept {
    run_.drop();
    drained_.clear();
    reading_.reset();
    log_.reset();
}

void client_state::stop() noexcept {
    if (stage_.exchange(stage::stopped) == stage::stopped) return;
    try {
        // It is posted in any case: the caller may hold the last reference.
        net::post(lane_->executor(), [s = self()] { s->stop_here(); });
        if (lane_->running_here()) stop_here();
    } catch (const std::bad_alloc&) {
        return;  // it ends with the context
    }
}

void client_state::stop_here() {
    http_.reset();
    reader_.reset();
    send_again_.cancel();
    sending_ = {};
    end_reading(errc::closed);
    drain_deadline_.cancel();
    for (auto& done : std::exchange(drained_, {})) done(errc::closed);
    const auto log = std::exchange(log_, nullptr);
    const std::lock_guard lock(mutex_);
    dropped_ += queue_.clear();
}

// Reading ends; what waits in the queue and the publications under way are sent.
void client_state::start_drain(unique_function<void(error_code)> done) {
    net::post(lane_->executor(), [s = self(), done = std::move(done)]() mutable {
        if (!s->http_) return done({});
        const bool first = s->drained_.empty();
        s->drained_.push_back(std::move(done));
        if (!first) return;
        s->end_reading(errc::closed);
        s->reader_.reset();
        {
            const std::lock_guard lock(s->mutex_);
            auto running = stage::running;
            s->stage_.compare_exchange_strong(running, stage::draining);
        }
        s->drain_deadline_.arm(s->lane_->timers(), s->options_.request_timeout);
        s->check_drained();
    });
}

void client_state::check_drained() {
    if (drained_.empty() || sending_ || publishing_ != 0) return;
    {
        const std::lock_guard lock(mutex_);
        if (!queue_.empty()) return;
    }
    finish_drain({});
}

void client_state::finish_drain(error_code ec) {
    if (ec) log("what was still to be sent when the drain ended is lost", ec);
    auto all = std::exchange(drained_, {});
    stop();
    for (auto& done : all) done(ec);
}

std::optional<position> client_state::last_position() const {
    const std::lock_guard lock(mutex_);
    return position_;
}

client_counters client_state::counters() const noexcept {
    return {received_, sent_, dropped_, failed_};
}

void client_state::log(std::string_view message, error_code ec) const {
    if (const auto log = log_; log && *log) (*log)({log_level::warning, "rest", message, ec});
}

// ---- one publication

void client_state::publish(const std::string& topic, event e, publish_handler h) {
    const auto fail = [&h](error_code ec) { std::move(h)(ec, receipt{.error = ec}); };
    auto ec = check_topic(topic);
    event_ptr p;
    if (!ec) p = publication::make(topic, std::move(e), {}, ec);
    const auto* json = p ? cloudevents_json(*p, ec) : nullptr;
    if (ec) return fail(ec);
    auto r = make_request(options_, "POST");
    r.fields.set("Content-Type", cloudevents_json_type);
    r.body = *json;
    net::post(lane_->executor(), [s = self(), url = topic_url(options_, topic), r = std::move(r),
                                  h = std::move(h)]() mutable {
        if (!s->http_)
            return std::move(h)(make_error_code(errc::closed), receipt{.error = errc::closed});
        ++s->publishing_;
        s->http_->async_request(
            std::move(url), std::move(r),
            net::bind_executor(s->lane_->executor(),
                               [h = std::move(h), weak = s->weak_self()](
                                   error_code failed, const http::response& answer) mutable {
                                   if (!failed) failed = error_of(answer);
                                   auto result = failed ? receipt() : read_receipt(answer.body);
                                   result.error = failed;
                                   std::move(h)(failed, std::move(result));
                                   const auto c = weak.lock();
                                   if (!c) return;
                                   --c->publishing_;
                                   c->check_drained();
                               }));
    });
}

// ---- the outlet

outcome client_state::deliver(const event_ptr& e) noexcept {
    if (stage_ != stage::running) return outcome::closed;
    if (is_control(e)) return outcome::delivered;
    try {
        const std::lock_guard lock(mutex_);
        if (stage_ != stage::running) return outcome::closed;  // what follows is not waited for
        const auto pushed = queue_.push(e);
        dropped_ += pushed.dropped;
        if (!std::exchange(pump_posted_, true))
            net::post(lane_->executor(), [s = self()] {
                {
                    const std::lock_guard guard(s->mutex_);
                    s->pump_posted_ = false;
                }
                s->pump();
            });
        return pushed.overflowed ? outcome::closed : pushed.result;
    } catch (const std::bad_alloc&) {
        ++dropped_;
        return outcome::dropped;
    }
}

// One request at a time keeps the order.
void client_state::pump() {
    if (sending_ || !http_) return;
    {
        const std::lock_guard lock(mutex_);
        sending_ = queue_.pop();
        // What was dropped has no place on the other side's bus.
        while (sending_ && is_control(sending_)) sending_ = queue_.pop();
    }
    if (sending_)
        send();
    else
        check_drained();
}

void client_state::send() {
    if (!sending_ || !http_) return;
    error_code ec;
    const auto* json = cloudevents_json(*sending_, ec);
    if (json == nullptr) return settle(ec);
    if (reading_) own_.begin(key_of(sending_->source(), sending_->id()));
    auto r = make_request(options_, "POST");
    r.fields.set("Content-Type", cloudevents_json_type);
    r.body = *json;
    http_->async_request(
        topic_url(options_, sending_->topic()), std::move(r),
        net::bind_executor(lane_->executor(),
                           [weak = weak_self()](error_code failed, const http::response& answer) {
                               const auto s = weak.lock();
                               if (s && s->stage_ != stage::stopped) s->on_sent(failed, answer);
                           }));
}

void client_state::on_sent(error_code ec, const http::response& r) {
    const auto* const answer = ec ? nullptr : &r;
    if (!ec) ec = error_of(r);
    if (!ec || !may_be_sent_again(ec, answer)) return settle(ec);
    const auto& environment = options_.environment;
    const auto asked =
        answer != nullptr ? asked_wait(*answer, *environment.clock) : std::chrono::milliseconds(0);
    send_again_.arm(lane_->timers(), send_backoff_.next(environment.random->next(), asked));
    log("sending failed; trying again", ec);
}

void client_state::settle(error_code ec) {
    const auto e = std::exchange(sending_, {});
    const auto key = key_of(e->source(), e->id());
    if (ec) {
        ++failed_;
        own_.forget(key);
        log("an event was not taken", ec);
    } else {
        ++sent_;
        own_.accept(key);
        send_backoff_.reset();
    }
    net::post(lane_->executor(), [s = self()] { s->pump(); });
}

}  // namespace tidings::rest::detail
