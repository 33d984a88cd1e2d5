// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/impl/finds_memory.hpp>
#include <tidings/impl/guarded.hpp>
#include <tidings/lane/impl/lane_handler.hpp>
#include <tidings/webhook/impl/outcome_book.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>
#include <bit>

namespace tidings::webhook::detail {

using namespace tidings::detail;

namespace {

constexpr std::size_t entries_at_once = 256;

}  // namespace

outcome_book::outcome_book(std::shared_ptr<lane> l, std::shared_ptr<store::outbox> outbox,
                           std::size_t max_known, io::random& random, store::outbox_time began,
                           std::function<bool(const std::string&)> has_ended, log_sink log)
    : lane_(std::move(l)),
      outbox_(std::move(outbox)),
      max_known_(max_known),
      hash_(random.next(), random.next()),
      has_ended_(std::move(has_ended)),
      log_(std::move(log)),
      known_since_(began) {}

std::uint64_t outcome_book::hash_of(std::string_view source, std::string_view id) const noexcept {
    return std::rotl(hash_(source), 1) ^ hash_(id);
}

template <class... Values, class F>
auto outcome_book::handler(const question_ptr& q, F f) {
    return lane_handler<Values...>(lane_, errc::store_failed,
                                   [weak = weak_from_this(), asked = std::weak_ptr(q),
                                    f = std::move(f)](error_code ec, Values... v) {
                                       const auto self = weak.lock();
                                       const auto of = asked.lock();
                                       if (!self || !of || !of->is_pending()) return;
                                       if (!finds_memory([&] { f(*self, of, ec, v...); }))
                                           self->complete(of, errc::out_of_memory);
                                   });
}

void outcome_book::ask(store::outbox_event of, outcome_handler h) {
    auto slot = h.cancellation_slot();
    const auto q = std::make_shared<outcome_question>(
        std::move(of), std::make_shared<outcome_question::completion>(std::move(h), lane_));
    if (slot.is_connected())
        slot.assign([weak = weak_from_this(), asked = std::weak_ptr(q)](net::cancellation_type) {
            const auto self = weak.lock();
            if (!self) return;
            self->lane_->post([self, asked] {
                if (const auto one = asked.lock())
                    self->complete(one, net::error::operation_aborted);
            });
        });
    lane_->post([self = shared_from_this(), q] {
        if (self->stopped_) return q->complete(errc::closed, self->known_since_);
        if (!q->is_pending()) return;
        if (!finds_memory([&] { self->begin(q); })) self->complete(q, errc::out_of_memory);
    });
}

// The newest of what is known comes last.
void outcome_book::begin(const question_ptr& q) {
    const auto event = hash_of(q->of().source, q->of().id);
    for (std::size_t i = 0; i < known_.size(); ++i) {
        const auto& e = known_[(oldest_ + i) % known_.size()];
        if (e.event == event) q->end(e.key, e.outcome());
    }
    questions_.emplace(event, q);
    look(q);
}

void outcome_book::note(const store::outbox_entry& e, name_ptr endpoint,
                        delivery_outcome::ending how, const store::outbox_result& r,
                        unsigned status) noexcept {
    if (max_known_ == 0 && questions_.empty()) return;
    const bool noted = finds_memory([&] {
        if (!endpoint) endpoint = std::make_shared<const std::string>(e.endpoint);
        const bool delivered = how == delivery_outcome::ending::delivered;
        noted_.push_back({.event = hash_of(e.message->source, e.message->id),
                          .key = e.key,
                          .endpoint = std::move(endpoint),
                          .error = delivered ? error_code() : r.last_error,
                          .attempts = r.attempts,
                          .status = static_cast<std::uint16_t>(status),
                          .how = how});
    });
    missed_ = missed_ || !noted;
}

void outcome_book::forget(std::uint64_t key) noexcept {
    std::erase_if(noted_, [key](const ending& e) { return e.key == key; });
}

void outcome_book::end_settling(bool succeeded, store::outbox_time now) noexcept {
    if (succeeded)
        for (auto& e : settling_) take(std::move(e), now);
    settling_.clear();
    if (succeeded && std::exchange(missed_, false)) {
        known_since_ = now;
        look_again();
    }
}

void outcome_book::repeat_settling() noexcept {
    const bool repeated =
        finds_memory([this] { noted_.insert(noted_.begin(), settling_.begin(), settling_.end()); });
    missed_ = missed_ || !repeated;
    settling_.clear();
}

void outcome_book::note_dropped(const std::vector<store::outbox_entry>& entries,
                                store::outbox_time now) noexcept {
    for (const auto& e : entries) {
        const bool taken = finds_memory([&] {
            take({.event = hash_of(e.message->source, e.message->id),
                  .key = e.key,
                  .endpoint = std::make_shared<const std::string>(e.endpoint),
                  .error = e.last_error,
                  .attempts = e.attempts,
                  .how = delivery_outcome::ending::dead},
                 now);
        });
        if (!taken) look_again();
    }
}

void outcome_book::take(ending e, store::outbox_time now) noexcept {
    e.at = now;
    auto [it, end] = questions_.equal_range(e.event);
    while (it != end) {
        const auto q = (it++)->second;
        if (!finds_memory([&] { q->end(e.key, e.outcome()); }))
            complete(q, errc::out_of_memory);
        else if (q->is_over())
            conclude(q, {});
    }
    if (!finds_memory([&] { remember(e); })) known_since_ = now;
}

void outcome_book::remember(const ending& e) {
    if (known_.size() < max_known_) return known_.push_back(e);
    known_since_ = max_known_ == 0 ? e.at : known_[oldest_].at;
    if (max_known_ == 0) return;
    known_[oldest_] = e;
    oldest_ = (oldest_ + 1) % max_known_;
}

// Once for all that changes in this turn.
void outcome_book::look_again() noexcept {
    if (questions_.empty() || looking_again_) return;
    looking_again_ = finds_memory([this] {
        lane_->post([weak = weak_from_this()] {
            if (const auto self = weak.lock()) self->look_at_all();
        });
    });
    if (!looking_again_) look_at_all();
}

void outcome_book::look_at_all() noexcept {
    looking_again_ = false;
    for (auto it = questions_.begin(); it != questions_.end();) {
        const auto q = (it++)->second;
        if (!finds_memory([&] { look(q); })) complete(q, errc::out_of_memory);
    }
}

void outcome_book::look(const question_ptr& q) {
    look_on(q, q->begin_look(), 0);
}

void outcome_book::look_on(const question_ptr& q, std::uint64_t number, std::uint64_t after) {
    using page = std::vector<store::outbox_listed>;
    auto on_done = handler<page>(q, [number](outcome_book& b, const question_ptr& of, error_code ec,
                                             const page& p) { b.on_looked(of, ec, number, p); });
    store::outbox_selection s{.after_key = after, .max_entries = entries_at_once};
    s.event = q->of();
    guarded(log_, "webhook", [&] { outbox_->start_list(std::move(s), std::move(on_done)); });
}

void outcome_book::on_looked(const question_ptr& q, error_code ec, std::uint64_t number,
                             const std::vector<store::outbox_listed>& page) {
    if (!q->is_look(number)) return;
    if (ec) return complete(q, ec);
    for (const auto& l : page) q->see(l, has_ended_(l.entry.endpoint));
    if (page.size() == entries_at_once) return look_on(q, number, page.back().entry.key);
    const auto event = hash_of(q->of().source, q->of().id);
    for (const auto* unstored : {&noted_, &settling_})
        for (const auto& e : *unstored)
            if (e.event == event) q->expect(e.key, *e.endpoint);
    q->end_look();
    if (q->is_over()) conclude(q, {});
}

void outcome_book::conclude(const question_ptr& q, error_code ec) noexcept {
    if (ec || !q->knows_nothing()) return complete(q, ec);
    if (!finds_memory([&] { read_log(q, 0); })) complete(q, errc::out_of_memory);
}

void outcome_book::read_log(const question_ptr& q, std::uint64_t after) {
    using page = std::vector<store::outbox_attempt>;
    auto on_done = handler<page>(q, [](outcome_book& b, const question_ptr& of, error_code ec,
                                       const page& p) { b.on_read(of, ec, p); });
    guarded(log_, "webhook",
            [&] { outbox_->start_list_attempts("", after, entries_at_once, std::move(on_done)); });
}

void outcome_book::on_read(const question_ptr& q, error_code ec,
                           const std::vector<store::outbox_attempt>& page) {
    if (ec) return complete(q, ec);
    for (const auto& a : page) q->see(a);
    if (page.size() == entries_at_once) return read_log(q, page.back().key);
    if (q->is_over())
        complete(q, q->knows_nothing() ? make_error_code(errc::not_found) : error_code());
}

void outcome_book::complete(const question_ptr& q, error_code ec) noexcept {
    auto [it, end] = questions_.equal_range(hash_of(q->of().source, q->of().id));
    while (it != end && it->second != q) ++it;
    q->complete(ec, known_since_);
    if (it != end) questions_.erase(it);
}

void outcome_book::stop() noexcept {
    stopped_ = true;
    known_.clear();
    for (const auto& [event, q] : std::exchange(questions_, {}))
        q->complete(errc::closed, known_since_);
}

void outcome_book::on_context_end() noexcept {
    stopped_ = true;
    const auto dropped = std::exchange(questions_, {});
}

}  // namespace tidings::webhook::detail
