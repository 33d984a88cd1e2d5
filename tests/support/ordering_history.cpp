// SPDX-License-Identifier: BSL-1.0
#include "support/ordering_history.hpp"

#include <tidings/topic.hpp>

#include <boost/asio/post.hpp>

#include <algorithm>
#include <stdexcept>

namespace tidings::test {

namespace {

bool any_matches(const std::vector<std::string>& patterns, std::string_view topic) {
    return std::any_of(patterns.begin(), patterns.end(),
                       [&](const std::string& p) { return topic_matches(p, topic); });
}

}  // namespace

ordering_history::ordering_history(std::size_t max_events, std::string epoch)
    : max_events_(max_events),
      epoch_(std::make_shared<const std::string>(std::move(epoch))) {}

std::optional<ordering_history::appended> ordering_history::take_first() {
    const std::lock_guard lock(mutex_);
    if (waiting_.empty()) return std::nullopt;
    auto first = std::make_optional(std::move(waiting_.front()));
    waiting_.pop_front();
    return first;
}

bool ordering_history::commit_next() {
    const std::lock_guard telling(telling_);
    auto first = take_first();
    if (first) commit(std::move(*first));
    return first.has_value();
}

bool ordering_history::fail_next(error_code ec) {
    const std::lock_guard telling(telling_);
    auto first = take_first();
    if (!first) return false;
    if (listener_ != nullptr) listener_->on_append_failed(std::move(first->event).give_up(), ec);
    if (first->handler) std::move(first->handler)(ec, position());
    return true;
}

void ordering_history::commit_foreign(std::string_view topic, event e) {
    const std::lock_guard telling(telling_);
    error_code ec;
    commit({pending_publication(publication::make(topic, std::move(e), {}, ec)), {}});
}

// Calls of the listener are locked. What is kept can be read before the listener is called.
void ordering_history::commit(appended a) {
    event_ptr committed;
    {
        const std::lock_guard lock(mutex_);
        static constexpr std::uint64_t steps[] = {3, 1, 7};
        head_ += steps[head_ % 3];
        committed = std::move(a.event).commit(position_of(head_));
        kept_.push_back(committed);
        if (kept_.size() > max_events_) {
            evicted_.push_back(kept_.front());
            kept_.pop_front();
        }
    }
    const auto complete = [&] {
        if (a.handler) std::move(a.handler)(error_code(), *committed->position());
    };
    if (handlers_first_) complete();
    if (listener_ != nullptr) listener_->on_committed(committed);
    if (!handlers_first_) complete();
}

std::size_t ordering_history::waiting() const {
    const std::lock_guard lock(mutex_);
    return waiting_.size();
}

bool ordering_history::covers(std::string_view topic) const noexcept {
    return !topic.starts_with("uncovered");
}

void ordering_history::listen(history_listener& listener) {
    const std::lock_guard telling(telling_);
    listener_ = &listener;
}

void ordering_history::unlisten(const history_listener& listener) noexcept {
    const std::lock_guard telling(telling_);
    if (listener_ == &listener) listener_ = nullptr;
}

append_result ordering_history::append(pending_publication e, append_handler handler) {
    append_result result;
    result.error = refusing_;
    if (refusing_) {
        if (handler) std::move(handler)(refusing_, position());
        return result;
    }
    {
        const std::lock_guard lock(mutex_);
        waiting_.push_back({std::move(e), std::move(handler)});
    }
    if (executor_) net::post(executor_, [this] { commit_next(); });
    return result;
}

position ordering_history::head() const {
    const std::lock_guard lock(mutex_);
    return position_of(head_);
}

void ordering_history::start_read(position after, std::vector<std::string> patterns,
                                  std::size_t max_events, read_handler handler) {
    ++reads_;
    if (failing_reads_ == errc::callback_threw) throw std::runtime_error("odd");
    if (!holding_reads_)
        return std::move(handler)(
            failing_reads_, failing_reads_ ? history_slice() : read(after, patterns, max_events));
    const std::lock_guard lock(mutex_);
    held_reads_.push_back([this, from = std::move(after), of = std::move(patterns), max_events,
                           h = std::move(handler)]() mutable {
        std::move(h)(error_code(), read(from, of, max_events));
    });
}

void ordering_history::answer_reads() {
    std::vector<tidings::unique_function<void()>> answering;
    {
        const std::lock_guard lock(mutex_);
        answering.swap(held_reads_);
    }
    for (auto& answer : answering) answer();
}

history_slice ordering_history::read(const position& after,
                                     const std::vector<std::string>& patterns,
                                     std::size_t max_events) const {
    const std::lock_guard lock(mutex_);
    history_slice slice;
    slice.next = position_of(head_);
    slice.at_end = true;
    const bool ours = after.has_number() && after.epoch() == *epoch_;
    const auto from = ours ? after.number() : 0;
    for (const auto& e : evicted_)
        if (e->sequence() > from && any_matches(patterns, e->topic())) slice.gone = *e->position();
    slice.gap = !after.empty() && (!ours || from > head_ || !slice.gone.empty());
    for (const auto& e : kept_) {
        if (e->sequence() <= from || !any_matches(patterns, e->topic())) continue;
        if (slice.events.size() == max_events) {
            slice.next = *slice.events.back()->position();
            slice.at_end = false;
            break;
        }
        slice.events.push_back(e);
    }
    if (!slice.gap) return slice;
    slice.head = position_of(head_);
    slice.before = slice.events.empty() ? slice.next : position_of(slice.events[0]->sequence() - 1);
    return slice;
}

std::optional<position> ordering_history::find(std::string_view source, std::string_view id) const {
    const std::lock_guard lock(mutex_);
    for (const auto& e : kept_)
        if (e->event().source() == source && e->event().id() == id && !id.empty())
            return e->position();
    return std::nullopt;
}

}  // namespace tidings::test
