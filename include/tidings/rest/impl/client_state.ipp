// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/control_event.hpp>
#include <tidings/http/impl/message/percent.hpp>
#include <tidings/http/impl/message/retry_after.hpp>
#include <tidings/impl/guarded.hpp>
#include <tidings/rest/impl/client_state.hpp>
#include <tidings/text/impl/json_text.hpp>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>

namespace tidings::rest::detail {

namespace {

constexpr std::size_t remembered_own_ids = 10'000 * recent_ids::entry_bytes;
// An empty answer that comes sooner was not waited for: by a server that drains, say.
constexpr std::chrono::seconds shortest_wait{1};

http::client_options http_options(const client_options& o) {
    http::client_options h;
    h.tls = o.tls;
    h.unix_path = o.unix_path;
    h.connect_timeout = o.connect_timeout;
    h.request_timeout = o.request_timeout;
    h.environment = o.environment;
    return h;
}

http::client_options reader_options(const client_options& o) {
    auto h = http_options(o);
    h.request_timeout += o.wait;
    h.max_response_bytes = o.max_response_bytes;
    return h;
}

std::string key_of(const std::string& source, const std::string& id) {
    return source + '\n' + id;
}

/// Whether the same request may succeed later. Nothing for an answer: none came.
bool is_temporary(error_code ec, const http::response* answer) noexcept {
    if (answer == nullptr) return ec != errc::too_large && ec != errc::invalid_argument;
    const auto status = answer->status;
    return status == 408 || status == 409 || status == 429 || status >= 500;
}

}  // namespace

client_core::client_core(net::any_io_executor executor, client_options options,
                         std::shared_ptr<subscriber> sink)
    : options_(std::move(options)),
      sink_(std::move(sink)),
      lane_(lane::make(executor, *options_.environment.clock)),
      inlet_(options_.topic, make_origin()),
      own_(remembered_own_ids),
      queue_(options_.limits, options_.overflow),
      position_(options_.after),
      located_(options_.after.has_value()),
      max_batch_(std::max<std::size_t>(options_.max_batch, 1)),
      poll_backoff_(options_.reconnect),
      poll_again_([this] { poll(); }),
      send_backoff_(options_.reconnect),
      send_again_([this] { send(); }) {
    http_.emplace(executor, http_options(options_));
    reader_.emplace(executor, reader_options(options_));
}

void client_core::start() {
    if (sink_) net::post(lane_->executor(), [s = self()] { s->poll(); });
}

void client_core::stop() noexcept {
    if (stopped_.exchange(true)) return;
    net::post(lane_->executor(), [s = self()] {
        s->http_.reset();
        s->reader_.reset();
        s->poll_again_.cancel();
        s->send_again_.cancel();
        s->sending_ = {};
        const std::lock_guard lock(s->mutex_);
        s->dropped_ += s->queue_.clear();
    });
}

std::optional<position> client_core::last_position() const {
    const std::lock_guard lock(mutex_);
    return position_;
}

client_counters client_core::counters() const noexcept {
    return {received_, sent_, dropped_, failed_};
}

void client_core::log(std::string_view message, error_code ec) const {
    if (options_.log) options_.log({log_level::warning, "rest", message, ec});
}

http::request client_core::make_request(std::string method) const {
    http::request r;
    r.method = std::move(method);
    r.idempotent = true;  // a publication by its event's id
    r.fields = options_.fields;
    if (!options_.token.empty()) r.fields.set("Authorization", "Bearer " + options_.token);
    return r;
}

std::string client_core::topic_url(std::string_view topic) const {
    return options_.url + '/' + http::percent_encode(topic);
}

// ---- reading

// Where the present is must be known before it is waited at: what comes while a connection is made
// anew would be missed.
std::string client_core::poll_url() const {
    const auto wait = located_ ? options_.wait : std::chrono::seconds(0);
    auto url = topic_url(options_.topics.front()) + "?wait=" + std::to_string(wait.count()) +
               "s&max=" + std::to_string(max_batch_);
    for (std::size_t i = 1; i < options_.topics.size(); ++i)
        url += "&topic=" + http::percent_encode(options_.topics[i]);
    if (const auto after = last_position()) url += "&after=" + http::percent_encode(after->text());
    return url;
}

void client_core::poll() {
    if (!reader_ || stopped_) return;
    asked_ = options_.environment.clock->now();
    auto r = make_request("GET");
    r.fields.set("Accept", cloudevents_batch_type);
    reader_->async_request(
        poll_url(), std::move(r),
        net::bind_executor(lane_->executor(),
                           [weak = weak_self()](error_code ec, const http::response& answer) {
                               const auto s = weak.lock();
                               if (s && !s->stopped_) s->on_answer(ec, answer);
                           }));
}

void client_core::on_answer(error_code ec, const http::response& r) {
    // Fewer at once may fit.
    if (ec == errc::too_large && max_batch_ > 1) {
        max_batch_ /= 2;
        return poll();
    }
    if (ec) return lost(ec, nullptr);
    if ((ec = error_of(r))) return lost(ec, &r);
    const auto received = received_.load();
    const auto place = last_position();
    take(r, ec);
    if (ec) return lost(ec, nullptr);
    if (stopped_) return;
    const bool progress =
        !std::exchange(located_, true) || received_ != received || last_position() != place;
    if (progress || options_.environment.clock->now() - asked_ >= shortest_wait) {
        poll_backoff_.reset();
        return poll();
    }
    poll_again_.arm(lane_->timers(), wait_after(poll_backoff_, nullptr));
}

void client_core::take(const http::response& r, error_code& ec) {
    if (!is_json_array(r.body)) ec = errc::invalid_json;
    std::optional<position> next;
    if (const auto text = r.fields.find("tidings-position"); text && !ec)
        next = position::parse(*text, ec);
    if (ec) return;
    const bool gap = r.fields.get("tidings-gap") == "true";
    if (gap) sink_->deliver(make_gap_event(next.value_or(position())));
    for (const auto text : json_elements(r.body)) {
        if (stopped_) return;  // by the subscriber: what follows is read again
        error_code bad;
        auto e = parse_cloudevents_json(text, bad);
        // It would be no better the next time.
        if (bad)
            log("an element of a batch is no event", bad);
        else
            take_event(std::move(e));
    }
    const std::lock_guard lock(mutex_);
    // A server that has no position yet has no events either: all that come are news.
    if (!next && (gap || !position_)) next.emplace();
    if (next) position_ = std::move(next);
}

void client_core::take_event(wire_event&& e) {
    ++received_;
    if (own_.forget(key_of(e.event.source(), e.event.id()))) return;
    error_code ec;
    const auto topic = inlet_.topic_of(e, ec);
    event_ptr p;
    if (!ec) p = inlet_.make(topic, std::move(e), ec);
    if (ec) return log("event refused", ec);
    inlet::hand_over(*sink_, p, options_.log, "rest");
}

void client_core::lost(error_code why, const http::response* answer) {
    const bool again = options_.reconnect.enabled && is_temporary(why, answer);
    log(again ? "reading failed; trying again" : "reading ended", why);
    if (again) poll_again_.arm(lane_->timers(), wait_after(poll_backoff_, answer));
    guarded(options_.log, "rest", [&] {
        if (options_.on_error) options_.on_error(why, !again);
    });
}

std::chrono::milliseconds client_core::wait_after(backoff& b, const http::response* answer) const {
    const auto& environment = options_.environment;
    if (answer == nullptr) return b.next(environment.random->next());
    const auto asked =
        http::parse_retry_after(answer->fields.get("retry-after"), environment.clock->wall_now());
    return b.next(environment.random->next(), asked.value_or(std::chrono::seconds(0)));
}

// ---- the outlet

outcome client_core::deliver(const event_ptr& e) noexcept {
    if (stopped_) return outcome::closed;
    if (is_control(e)) return outcome::delivered;
    try {
        const std::lock_guard lock(mutex_);
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
void client_core::pump() {
    if (sending_ || !http_) return;
    {
        const std::lock_guard lock(mutex_);
        sending_ = queue_.pop();
        // What was dropped has no place on the other side's bus.
        while (sending_ && is_control(sending_)) sending_ = queue_.pop();
    }
    if (sending_) send();
}

void client_core::send() {
    if (!sending_ || !http_) return;
    error_code ec;
    const auto* json = cloudevents_json(*sending_, ec);
    if (json == nullptr) return settle(ec);
    if (sink_) own_.begin(key_of(sending_->source(), sending_->id()));
    auto r = make_request("POST");
    r.fields.set("Content-Type", cloudevents_json_type);
    r.body = *json;
    http_->async_request(
        topic_url(sending_->topic()), std::move(r),
        net::bind_executor(lane_->executor(),
                           [weak = weak_self()](error_code failed, const http::response& answer) {
                               const auto s = weak.lock();
                               if (s && !s->stopped_) s->on_sent(failed, answer);
                           }));
}

void client_core::on_sent(error_code ec, const http::response& r) {
    const auto* const answer = ec ? nullptr : &r;
    if (!ec) ec = error_of(r);
    if (!ec || !is_temporary(ec, answer)) return settle(ec);
    log("sending failed; trying again", ec);
    send_again_.arm(lane_->timers(), wait_after(send_backoff_, answer));
}

void client_core::settle(error_code ec) {
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
