// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/lane/impl/send_queue.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>
#include <cstring>
#include <new>

namespace tidings::detail {

send_queue::send_queue(std::shared_ptr<lane> l, io::stream& stream,
                       std::chrono::milliseconds write_timeout)
    : lane_(std::move(l)),
      stream_(&stream),
      write_timeout_(write_timeout) {}

send_queue::wait::wait(send_queue& queue) : window([&queue] { queue.on_window_end(); }) {}

// What makes an item of these bytes.
template <class... Parts>
void send_queue::add(std::string_view bytes, Parts&&... parts) {
    if (closed() || bytes.empty()) return;
    const bool leaves = mode_ == mode::ready && !error_;
    // First: it may find no memory.
    if (leaves && !is_scheduled()) lane_->schedule_flush(shared_from_this());
    const auto& added = items_.emplace_back(std::forward<Parts>(parts)..., bytes);
    const auto size = held() + bytes.size();
    const auto beside = overhead() + added.overhead();
    if (mode_ == mode::blocked && empty()) start_window();
    hold(size);
    hold_beside(beside);
    if (size + beside >= max_block_bytes) reports_ |= room;
    if (leaves && size >= max_block_bytes) write();
}

void send_queue::append(wire_form&& form) {
    const std::string_view bytes = *form;
    add(bytes, std::move(form));
}

void send_queue::append_own(event_ptr of, std::string bytes) {
    auto own = std::make_unique<std::string>(std::move(bytes));
    const std::string_view view = *own;
    add(view, wire_form(std::move(of)), std::move(own));
}

void send_queue::append(std::string bytes) {
    append_own(nullptr, std::move(bytes));
}

void send_queue::append(std::initializer_list<std::string_view> parts) {
    std::size_t size = 0;
    for (const auto part : parts) size += part.size();
    if (extend(parts, size)) return;
    std::string bytes;
    bytes.reserve(size);
    for (const auto part : parts) bytes.append(part);
    append(std::move(bytes));
}

// False where the last item is not the queue's own, or is large: what has left of an item stays
// until all of it has.
bool send_queue::extend(std::initializer_list<std::string_view> parts, std::size_t size) {
    constexpr std::size_t most = max_block_bytes / 2;
    constexpr std::size_t least_room = 1024;
    if (nothing_left() || closed()) return false;
    auto& last = items_.back();
    if (!last.own || last.form.event() || last.own->size() + size > most) return false;
    auto& own = *last.own;
    const auto sent = own.size() - last.bytes.size();
    if (own.capacity() - own.size() < size)
        own.reserve(std::max(2 * (own.size() + size), least_room));
    for (const auto part : parts) own.append(part);
    last.bytes = std::string_view(own).substr(sent);
    hold(held() + size);
    if (held() + overhead() >= max_block_bytes) reports_ |= room;
    if (mode_ == mode::ready && !error_ && held() >= max_block_bytes) write();
    return true;
}

void send_queue::report_empty() {
    if (empty()) lane_->post([self = shared_from_this()] { self->tell_empty(); });
    reports_ |= emptiness;
}

void send_queue::tell_empty() noexcept {
    if (user_ == nullptr || (reports_ & emptiness) == 0 || !empty()) return;
    reports_ &= static_cast<std::uint8_t>(~emptiness);
    user_->on_empty();
}

// Each caller holds it.
void send_queue::flush() noexcept {
    write();
    if (error_)
        fail(error_);
    else
        after_progress();
}

void send_queue::write() noexcept {
    if (mode_ != mode::ready || error_ || nothing_left()) return;
    if (stream_->can_poll())
        write_polled();
    else
        write_async();
}

namespace {

// Empty where memory is missing.
std::span<std::byte> scratch_of(lane& l) noexcept {
    try {
        return l.send_buffer();
    } catch (const std::bad_alloc&) {
        return {};
    }
}

}  // namespace

// The bytes to write next, contiguous: one item as it stands, or several gathered.
std::string_view send_queue::next_block() noexcept {
    const auto first = items_[first_].bytes;
    if (items_.size() - first_ == 1 || first.size() >= max_block_bytes) return first;
    auto* const others = lane_->block_of_turn();
    if (others != nullptr && !front_begun_)
        if (const auto same = others->find(items_, first_, shared_form); !same.empty()) return same;
    const auto scratch = scratch_of(*lane_);
    if (scratch.empty()) return first;
    if (others != nullptr) others->clear();
    std::size_t size = 0;
    for (auto i = first_; i < items_.size(); ++i) {
        const auto part = items_[i].bytes.substr(0, scratch.size() - size);
        std::memcpy(scratch.data() + size, part.data(), part.size());
        size += part.size();
        if (size == scratch.size()) break;
    }
    return {reinterpret_cast<const char*>(scratch.data()), size};
}

// All items are in the block, and leave. What was put together for another stays as it is.
void send_queue::keep_for_others(std::string_view block) noexcept {
    if (items_.size() - first_ == 1 || front_begun_) return;
    auto* const others = lane_->block_of_turn();
    if (others != nullptr && others->empty()) others->keep(block, items_, first_, shared_form);
}

void send_queue::consume(std::size_t sent) noexcept {
    hold(held() - sent);
    if (empty()) {
        front_begun_ = false;
        hold_beside(0);
        return forget_sent();
    }
    auto beside = overhead();
    while (sent != 0) {
        auto& front = items_[first_];
        const auto part = std::min(sent, front.bytes.size());
        front.bytes.remove_prefix(part);
        sent -= part;
        front_begun_ = !front.bytes.empty();
        if (front_begun_) break;
        beside -= front.overhead();
        front = {};
        ++first_;
    }
    hold_beside(beside);
    // A slow connection does not keep what is sent.
    if (first_ >= 1024) {
        items_.erase(items_.begin(), items_.begin() + static_cast<std::ptrdiff_t>(first_));
        first_ = 0;
    }
}

// `sent` bytes were passed on by a stream that is not polled. One that knows what it has passed on
// is believed.
void send_queue::note_progress(std::size_t sent) noexcept {
    const auto pushed = stream_->can_poll() ? 0 : stream_->push_on();
    const auto more = pushed - std::exchange(wait_->pushed, pushed);
    wait_->pace.add(pushed != 0 ? static_cast<std::size_t>(more) : sent);
}

// What has room now learns of it at the end of the turn, or at once where that finds no memory,
// unless a write under way says so.
void send_queue::take_back(std::size_t bytes, std::size_t beside) noexcept {
    if (bytes == 0 || closed()) return;
    hold(held() - bytes);
    hold_beside(overhead() - beside);
    if (nothing_left()) forget_sent();
    if (mode_ != mode::ready) return;
    try {
        lane_->schedule_flush(shared_from_this());
    } catch (const std::bad_alloc&) {
        after_progress();
    }
}

// An idle connection keeps little.
void send_queue::forget_sent() noexcept {
    items_.clear();
    first_ = 0;
    if (items_.capacity() > 64) items_.shrink_to_fit();
    if (wait_) wait_->window.cancel();
}

void send_queue::write_polled() noexcept {
    while (!nothing_left()) {
        error_code ec;
        const auto block = next_block();
        const auto sent = stream_->try_write(std::as_bytes(std::span(block)), ec);
        ++writes_;
        if (ec) {
            if (ec == net::error::would_block || ec == net::error::try_again)
                return wait_writable();
            error_ = ec;
            return;
        }
        const bool all = sent == block.size();
        if (all && sent == held()) keep_for_others(block);
        if (wait_) wait_->pace.add(sent);
        consume(sent);
        if (!all) return wait_writable();
    }
}

// The windows follow each other until everything has left.
void send_queue::await_progress() {
    if (!wait_) wait_ = std::make_unique<wait>(*this);
    mode_ = mode::blocked;
    if (!wait_->window.armed()) start_window();
}

void send_queue::start_window() noexcept {
    note_progress(0);
    wait_->pace.begin();
    wait_->window.arm(lane_->timers(), write_timeout_);
}

// The system reports room only once much of its buffer is free: of a slow peer's progress a write
// that does not wait knows earlier.
void send_queue::on_window_end() noexcept {
    const auto keep = shared_from_this();
    if (stream_->can_poll() && !empty()) {
        error_code ec;
        const auto sent = stream_->try_write(std::as_bytes(std::span(next_block())), ec);
        if (!ec) {
            wait_->pace.add(sent);
            consume(sent);
        }
    } else {
        note_progress(0);
    }
    if (!wait_->pace.kept(write_timeout_) && !empty()) return fail(errc::timed_out);
    if (!empty()) wait_->window.arm(lane_->timers(), write_timeout_);
    after_progress();
}

void send_queue::wait_writable() noexcept {
    ++stalls_;
    try {
        await_progress();
        stream_->start_wait(io::wait_for::writable, [self = shared_from_this()](error_code ec) {
            if (self->closed()) return;
            self->mode_ = mode::ready;
            self->error_ = ec;
            self->flush();
        });
    } catch (const std::bad_alloc&) {
        give_up_write();
    }
}

// Reported at the end of the turn, as every error of a write.
void send_queue::give_up_write() noexcept {
    mode_ = mode::ready;
    error_ = errc::out_of_memory;
}

void send_queue::write_async() noexcept {
    try {
        start_write();
    } catch (const std::bad_alloc&) {
        give_up_write();
    }
}

void send_queue::start_write() {
    await_progress();
    auto& writing = wait_->writing;
    if (writing.empty()) writing = next_block().substr(0, max_block_bytes);
    ++writes_;
    stream_->start_write(std::as_bytes(std::span(writing)),
                         [self = shared_from_this()](error_code ec, std::size_t n) {
                             if (self->closed()) return;
                             self->mode_ = mode::ready;
                             self->error_ = ec;
                             self->note_progress(n);
                             self->consume(n);
                             if (!self->nothing_left()) ++self->stalls_;
                             auto& rest = self->wait_->writing;
                             rest.erase(0, n);
                             if (rest.empty()) std::string().swap(rest);
                             self->flush();
                         });
}

// Room is reported at half the mark, so that a slow peer is refilled in blocks and not in drops.
void send_queue::after_progress() noexcept {
    tell_empty();
    if (closed() || (reports_ & room) == 0 || held() + overhead() > max_block_bytes / 2) return;
    reports_ &= static_cast<std::uint8_t>(~room);
    if (user_ != nullptr) user_->on_room();
}

void send_queue::fail(error_code ec) noexcept {
    if (closed()) return;
    auto* const user = user_;
    close();
    if (user != nullptr) user->on_error(ec);
}

void send_queue::shrink() noexcept {
    if (!nothing_left()) return;
    std::vector<item>().swap(items_);
    first_ = 0;
    if (mode_ == mode::ready) wait_.reset();
}

void send_queue::close() noexcept {
    mode_ = mode::closed;
    if (wait_) wait_->window.cancel();
    items_.clear();
    first_ = 0;
    hold(0);
    hold_beside(0);
    user_ = nullptr;
}

}  // namespace tidings::detail
