// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/impl/guarded.hpp>
#include <tidings/inlet/impl/reconnector.hpp>
#include <tidings/rest_hook/impl/rest_server.hpp>
#include <tidings/rest_hook/impl/subscriber_base.hpp>
#include <tidings/rest_hook/impl/subscriber_receiver.hpp>
#include <tidings/rest_hook/impl/websub_server.hpp>
#include <tidings/store/memory_table.hpp>

#include <new>
#include <stdexcept>
#include <utility>

namespace tidings::rest_hook::detail {

using namespace tidings::detail;

namespace {

http::client_options http_options(const subscriber_client_options& o) {
    http::client_options h;
    h.tls = o.tls;
    h.unix_path = o.unix_path;
    h.connect_timeout = o.connect_timeout;
    h.request_timeout = o.request_timeout;
    h.max_response_bytes = o.max_response_bytes;
    h.keep_alive = std::chrono::milliseconds(0);  // there are hours between two requests
    h.environment = o.environment;
    return h;
}

subscriber_client_options with_table(subscriber_client_options o) {
    if (!o.table) o.table = store::make_memory_table();
    return o;
}

std::unique_ptr<const hook_server> server_of(const subscriber_client_options& o) {
    if (o.api_url.empty()) return std::make_unique<websub_server>(o);
    return std::make_unique<rest_server>(o);
}

}  // namespace

subscriber_base::subscriber_base(std::shared_ptr<lane> home, std::shared_ptr<subscriber> sink,
                                 subscriber_client_options options)
    : lane_(std::move(home)),
      options_(with_table(std::move(options))),
      server_(server_of(options_)),
      door_(std::make_shared<callback_door>(std::move(sink), options_.receiver.max_body_bytes,
                                            server_->is_polled())),
      http_(http::detail::client_in_lane(lane_, http_options(options_))) {}

subscriber_status subscriber_base::status() const {
    const std::lock_guard lock(mutex_);
    return status_;
}

void subscriber_base::tell(subscriber_status s) {
    {
        const std::lock_guard lock(mutex_);
        status_ = s;
    }
    if (released_ || !options_.on_state) return;
    guarded(options_.log, "rest_hook", [&] { options_.on_state(s); });
}

void subscriber_base::log(std::string_view what, error_code why, log_level level) const {
    if (options_.log && !released_) options_.log({level, "rest_hook", what, why});
}

// The secret is a stranger's: a server's, or of a row.
error_code subscriber_base::open_door() try {
    const auto& path = record().path;
    const auto& secret = record().secret;
    auto key = path + '\n' + secret;
    if (opened_with_ == key) return {};
    door_->open(path, receiver_of(options_, secret),
                [this, weak = weak_from_this()](const webhook::websub_intent& asked) {
                    const auto keep = weak.lock();
                    if (!keep) return;
                    lane_->post([this, weak, asked] {
                        if (const auto self = weak.lock()) step([&] { on_heard(asked); });
                    });
                });
    opened_with_ = std::move(key);
    return {};
} catch (const std::invalid_argument&) {
    return errc::webhook_invalid_secret;
}

void subscriber_base::shut_door(bool stands) {
    door_->shut(stands);
    opened_with_.clear();
}

void subscriber_base::expect(expected_question::kind what) {
    const bool websub = options_.api_url.empty();
    door_->expect({.what = what,
                   .topic = websub ? record().topic : options_.event,
                   .id = websub ? std::string() : record().id});
}

// A REST hook stands where its server has named it, and its end, if any, is not over; of WebSub
// there is always an end.
bool subscriber_base::stands() const {
    const auto& r = row_.record();
    if (!row_.is_loaded() || r.pending || (r.until && *r.until <= now())) return false;
    return r.until.has_value() || !r.id.empty();
}

// Where there is no memory for it the answer may come within the call.
void subscriber_base::send(server_step s) {
    if (!http_) return;
    asked_ = {.step = s, .number = asked_.number + 1};
    auto url = server_->url_of(s, record());
    auto request = server_->make(s, record());
    auto on_done = lane_->bind_here([this, weak = weak_from_this(), number = asked_.number](
                                        error_code ec, const http::response& r) {
        if (const auto self = weak.lock()) step([&] { take_answer(number, ec, r); });
    });
    asked_.open = true;
    if (finds_memory(
            [&] { http_->async_request(std::move(url), std::move(request), std::move(on_done)); }))
        return;
    asked_.open = false;
    throw std::bad_alloc();
}

void subscriber_base::take_answer(std::uint64_t number, error_code ec, const http::response& r) {
    if (number != asked_.number || !asked_.open || life_ == life::closed) return;
    asked_.open = false;
    // A topic's document may have any size: its header has come.
    if (asked_.step == server_step::discover && ec == errc::too_large && r.status != 0) ec = {};
    server_answer a;
    if (ec) {
        a.what = is_temporary(ec) ? server_answer::kind::again : server_answer::kind::refused;
        a.error = ec;
    } else {
        auto changed = record();
        a = server_->read(asked_.step, r, changed, now());
        if (a.what != server_answer::kind::refused) record() = std::move(changed);
    }
    if (a.what != server_answer::kind::next || a.then != asked_.step) record().way = {};
    on_answer(a, r);
}

void subscriber_base::end_all() noexcept {
    life_ = life::closed;
    asked_.open = false;
    again_->cancel();
    stop_deadline_->cancel();
    row_.stop();
    http_.reset();
    const auto last = std::exchange(options_.on_state, {});  // it may own a handle
    for (const auto& each : std::exchange(stopping_, {})) each->complete(errc::closed);
    const std::lock_guard lock(mutex_);
    status_ = {.error = errc::closed};
}

void subscriber_base::close() noexcept {
    if (released_.exchange(true)) return;
    door_->close();
    closing_.whose = shared_from_this();
    lane_->post(closing_);
}

void subscriber_base::on_context_end() noexcept {
    released_ = true;
    life_ = life::closed;
    door_->close();
    row_.stop();
    http_.reset();
    stopping_.clear();
}

}  // namespace tidings::rest_hook::detail
