// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/impl/finds_memory.hpp>
#include <tidings/impl/guarded.hpp>
#include <tidings/websocket/impl/websocket_input.hpp>

#include <boost/asio/error.hpp>

#include <new>

namespace tidings::websocket::detail {

using namespace tidings::detail;

namespace {

// A connection that sends without end leaves the lane to the others after so much.
constexpr int max_turn_reads = 4;
constexpr int max_turn_items = 64;

}  // namespace

websocket_input::websocket_input(io::stream& stream, lane& home, websocket_input_sink& sink,
                                 const websocket_session_options& options,
                                 std::shared_ptr<http::detail::body_share> share)
    : stream_(stream),
      lane_(home),
      sink_(sink),
      options_(options),
      share_(std::move(share)),
      parser_(options.role,
              {options.max_message_bytes, options.max_skipped_bytes, &home.spare_message()}),
      publishes_(options.max_publishes_per_second, options.publish_burst, now()) {}

websocket_input::interruption::interruption(websocket_input& input)
    : end([&input] { input.resume(std::exchange(input.pause_->owner, nullptr)); }) {}

websocket_input::message_watch::message_watch(websocket_input& input)
    : window([&input] { input.on_window_end(); }),
      deadline([&input] { input.fail(errc::timed_out); }) {}

void websocket_input::start(std::shared_ptr<void> owner, std::string leftover) {
    if (mode_ == mode::idle) mode_ = mode::reading;
    if (stopped()) return;
    items_left_ = max_turn_items;
    const auto bytes = std::as_writable_bytes(std::span(leftover));
    if (bytes.empty() || take_bytes(owner, bytes)) read(std::move(owner));
}

void websocket_input::discard() noexcept {
    if (stopped()) return;
    mode_ = mode::discarding;
    watch_.reset();
    if (pause_ && pause_->owner) pause_->end.arm(lane_.timers(), std::chrono::milliseconds(0));
}

// In a turn of its own: the caller may be about to end the connection.
void websocket_input::release() noexcept {
    held_ = false;
    if (!pause_ || !pause_->owner || pause_->end.armed()) return;
    try {
        lane_.post([this, owner = pause_->owner]() mutable { resume(std::move(owner)); });
    } catch (const std::bad_alloc&) {
        return resume(std::exchange(pause_->owner, nullptr));
    }
    pause_->owner.reset();
}

void websocket_input::stop() noexcept {
    mode_ = mode::stopped;
    watch_.reset();
    count(0);
    if (!pause_) return;
    pause_->end.cancel();
    pause_->owner.reset();
}

// One wait, then everything that is there: every frame of a read before anything is flushed.
void websocket_input::read(owner_ptr owner) noexcept {
    if (stopped()) return;
    const auto go_on = [&] {
        if (held_ && mode_ == mode::reading)
            interrupt().owner = owner;
        else
            start_read(owner);
    };
    if (!finds_memory(go_on)) sink_.on_input_end(errc::out_of_memory);
}

void websocket_input::start_read(owner_ptr owner) {
    if (stream_.can_poll()) {
        stream_.start_wait(io::wait_for::readable,
                           [this, owner = std::move(owner)](error_code ec) mutable {
                               if (stopped()) return;
                               if (ec) return sink_.on_input_end(ec);
                               read_ready(std::move(owner));
                           });
        return;
    }
    if (!buffer_) buffer_ = std::make_unique_for_overwrite<tls_block>();
    stream_.start_read(*buffer_,
                       [this, owner = std::move(owner)](error_code ec, std::size_t n) mutable {
                           if (stopped()) return;
                           if (ec) return sink_.on_input_end(ec);
                           items_left_ = max_turn_items;
                           if (take_bytes(owner, std::span(*buffer_).first(n)))
                               read(std::move(owner));
                       });
}

void websocket_input::read_ready(owner_ptr owner) noexcept {
    items_left_ = max_turn_items;
    for (int i = 0; i < max_turn_reads; ++i) {
        error_code ec;
        std::span<std::byte> buffer;
        if (!finds_memory([&] { buffer = lane_.receive_buffer(); }))
            return sink_.on_input_end(errc::out_of_memory);
        const auto n = stream_.try_read(buffer, ec);
        if (ec == net::error::would_block || ec == net::error::try_again) break;
        if (ec) return sink_.on_input_end(ec);
        if (!take_bytes(owner, buffer.first(n))) return;
        if (n < buffer.size() || held_) break;
    }
    read(std::move(owner));
}

// False when it must not read on now: it was stopped, or pauses.
bool websocket_input::take_bytes(const owner_ptr& owner, std::span<std::byte> bytes) noexcept {
    sink_.on_bytes();
    if (mode_ != mode::reading) return !stopped();
    const auto frames = parser_.frames();
    parser_.feed(bytes);
    error_code ec;
    bool goes_on = true;
    if (!guarded(options_.log, "websocket", [&] { goes_on = take_items(owner, ec); }))
        ec = errc::callback_threw;
    if (mode_ == mode::reading && !ec && !count_held()) ec = errc::overflow;
    if (ec && mode_ == mode::reading) {
        fail(ec);
        return !stopped() && goes_on;
    }
    if (mode_ != mode::reading) release_held();
    try {
        if (mode_ == mode::reading && goes_on) watch_pace(frames, bytes.size());
    } catch (const std::bad_alloc&) {
        fail(errc::out_of_memory);
    }
    return !stopped() && goes_on;
}

// False when it pauses.
bool websocket_input::take_items(const owner_ptr& owner, error_code& ec) {
    while (mode_ == mode::reading) {
        if (held_) {
            keep_rest();
            pause_->owner = owner;
            return false;
        }
        const auto wait =
            publishes_.has_token() ? std::chrono::milliseconds(0) : publishes_.wait(now());
        if (wait.count() > 0 || items_left_-- <= 0) {
            pause(owner, wait);
            return false;
        }
        const auto item = parser_.next(ec);
        if (!item) return true;
        if (watch_ && !is_websocket_control(item->opcode)) watch_->deadline.cancel();
        sink_.on_item(*item);
    }
    parser_.take_rest();
    return true;
}

// Nothing is read meanwhile, so that the peer's own sending stalls. Without a time to wait the
// others of the lane have their turn, and no more.
void websocket_input::pause(const owner_ptr& owner, std::chrono::milliseconds wait) {
    keep_rest();
    if (wait.count() > 0) {
        pause_->owner = owner;
        return pause_->end.arm(lane_.timers(), wait);
    }
    lane_.post([this, owner]() mutable { resume(std::move(owner)); });
}

websocket_input::interruption& websocket_input::interrupt() {
    if (!pause_) pause_ = std::make_unique<interruption>(*this);
    return *pause_;
}

void websocket_input::keep_rest() {
    auto& kept = interrupt();
    kept.rest = parser_.take_rest();
    if (kept.pending.empty()) {  // else it stands there already
        kept.pending.assign(kept.rest.begin(), kept.rest.end());
        kept.rest = kept.pending;
    }
    if (watch_) watch_->window.cancel();
}

void websocket_input::resume(owner_ptr owner) noexcept {
    if (stopped()) return;
    items_left_ = max_turn_items;
    const auto bytes = std::exchange(pause_->rest, {});
    if (!bytes.empty() && !take_bytes(owner, bytes)) return;
    pause_.reset();
    count_held();
    read(std::move(owner));
}

// A frame that begins begins a window of the pace.
void websocket_input::watch_pace(std::uint64_t frames_before, std::size_t bytes) {
    if (!parser_.inside_message()) return watch_.reset();
    if (!watch_) watch_ = std::make_unique<message_watch>(*this);
    auto& timers = lane_.timers();
    if (!watch_->deadline.armed() && options_.message_timeout.count() > 0)
        watch_->deadline.arm(timers, options_.message_timeout);
    if (!parser_.inside_frame()) return watch_->window.cancel();
    if (parser_.frames() != frames_before || !watch_->window.armed()) {
        watch_->pace.begin();
        watch_->window.arm(timers, options_.frame_timeout);
    }
    watch_->pace.add(bytes);
}

void websocket_input::on_window_end() noexcept {
    if (!watch_->pace.kept(options_.frame_timeout)) return fail(errc::timed_out);
    watch_->window.arm(lane_.timers(), options_.frame_timeout);
}

// False when all sessions together hold too much.
bool websocket_input::count_held() noexcept {
    return stopped() || count(parser_.held_bytes() + (pause_ ? pause_->pending.capacity() : 0));
}

bool websocket_input::count(std::size_t held) noexcept {
    auto* const own = options_.budget.get();
    if (own != nullptr && held > counted_ && !own->take(held - counted_)) return false;
    if (share_ != nullptr && !share_->resize_to(held)) {
        if (own != nullptr) own->give_back(held - counted_);
        return false;
    }
    if (own != nullptr && held < counted_) own->give_back(counted_ - held);
    counted_ = held;
    return true;
}

// Of a message that is not read on.
void websocket_input::release_held() noexcept {
    parser_ = websocket_parser(options_.role);
    count_held();
}

void websocket_input::fail(error_code why) noexcept {
    discard();
    release_held();
    sink_.on_input_failed(why);
}

}  // namespace tidings::websocket::detail
