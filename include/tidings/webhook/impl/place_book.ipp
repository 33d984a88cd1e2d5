// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/impl/finds_memory.hpp>
#include <tidings/impl/guarded.hpp>
#include <tidings/lane/impl/lane_handler.hpp>
#include <tidings/webhook/impl/place_book.hpp>

#include <algorithm>

namespace tidings::webhook::detail {

using namespace tidings::detail;

namespace {

constexpr std::chrono::seconds after_unknown_place{1};
constexpr std::size_t most_steps = 256;  // written at once

bool is_behind(const position& at, const position& taken) noexcept {
    return at.has_epoch_of(taken) && at.number() <= taken.number();
}

}  // namespace

place_book::place_book(std::shared_ptr<lane> l, std::shared_ptr<store::outbox> outbox,
                       std::function<store::outbox_time()> now, log_sink log)
    : lane_(std::move(l)),
      outbox_(std::move(outbox)),
      now_(std::move(now)),
      log_(std::move(log)),
      again_([this] {
          std::vector<place_ptr> all;
          for (const auto& [p, questions] : waiting_) all.push_back(p);
          for (const auto& p : all)
              if (!p->asking) ask(p);
      }) {}

template <class... Values, class F>
auto place_book::handler(F f) {
    return lane_handler<Values...>(
        lane_, errc::store_failed,
        [weak = weak_from_this(), f = std::move(f)](error_code ec, Values... v) mutable {
            if (const auto self = weak.lock()) f(*self, ec, std::move(v)...);
        });
}

place_ptr place_book::open(const std::string& endpoint, std::string_view pattern) {
    const std::lock_guard lock(mutex_);
    auto& p = places_[{endpoint, std::string(pattern)}];
    if (!p) p = std::make_shared<place>(endpoint, std::string(pattern));
    return p;
}

void place_book::locate(const place_ptr& p, position here, bool anew, locate_handler h) {
    auto& questions = waiting_[p];
    questions.push_back({std::move(here), anew, std::move(h)});
    // What came while there was no subscription is not for it.
    const bool begins_again = anew || (p->known && p->held == 0);
    ++p->held;
    if (p->asking) return;
    if (begins_again) return write(p, questions.back().here);
    p->known ? answer(p) : ask(p);
}

void place_book::ask(const place_ptr& p) {
    auto on_done = handler<position>(
        [p](place_book& b, error_code ec, position at) { b.on_position(p, ec, std::move(at)); });
    p->asking = true;
    guarded(log_, "webhook",
            [&] { outbox_->start_position(p->pattern, p->endpoint, std::move(on_done)); });
}

void place_book::on_position(const place_ptr& p, error_code ec, position at) {
    p->asking = false;
    const auto waits = waiting_.find(p);
    if (waits == waiting_.end()) return;
    if (ec) return try_again(ec);
    const auto& all = waits->second;
    const auto last = std::find_if(all.rbegin(), all.rend(), [](const auto& q) { return q.anew; });
    if (last != all.rend()) return write(p, last->here);
    if (at.empty()) return write(p, all.front().here);
    p->taken = std::move(at);
    p->known = true;
    answer(p);
}

// What is published from now on is not lost, whenever the process ends.
void place_book::write(const place_ptr& p, position at) {
    auto on_done = handler<store::outbox_appended>(
        [p](place_book& b, error_code ec, const store::outbox_appended&) { b.on_written(p, ec); });
    p->asking = true;
    p->taken = at;
    {
        const std::lock_guard lock(mutex_);
        if (is_behind(p->passed, at) || !p->passed.has_epoch_of(at)) p->passed = {};
    }
    guarded(log_, "webhook", [&] {
        outbox_->start_append(
            {.now = now_(), .entries = {}, .marks = {{p->pattern, std::move(at), p->endpoint}}},
            std::move(on_done));
    });
}

void place_book::on_written(const place_ptr& p, error_code ec) {
    p->asking = false;
    if (!waiting_.contains(p)) return;
    if (ec) return try_again(ec);
    p->known = true;
    answer(p);
}

void place_book::answer(const place_ptr& p) {
    const auto waits = waiting_.extract(p);
    for (auto& q : waits.mapped()) std::move(q.answer)(error_code(), p->taken);
}

void place_book::try_again(error_code ec) {
    if (log_)
        log_({log_level::error, "webhook", "where a subscription goes on is not known yet", ec});
    again_.arm(lane_->timers(), after_unknown_place);
}

// What came behind the gap may have been noted before.
void place_book::skip(const place_ptr& p, position at) {
    const bool passed = p->taken.has_epoch_of(at) && p->taken.number() >= at.number();
    if (!at.empty() && !passed) write(p, std::move(at));
}

void place_book::leave(const place_ptr& p, bool forget) {
    if (p->held != 0) --p->held;
    if (!forget || p->held != 0) return;
    {
        const std::lock_guard lock(mutex_);
        const auto it = places_.find({p->endpoint, p->pattern});
        if (it == places_.end() || it->second != p) return;
        places_.erase(it);
    }
    const auto dropped = waiting_.extract(p);  // nobody waits for where it begins
    write(p, {});
}

// With the mutex held.
void place_book::list(const place_ptr& p) noexcept {
    if (std::exchange(p->listed, true)) return;
    p->next = std::move(passed_);
    passed_ = p;
}

bool place_book::pass(const place_ptr& p, const position& at) noexcept {
    const std::lock_guard lock(mutex_);
    p->passed = at;
    list(p);
    return ++p->unwritten % passes_between_writes == 0 && !std::exchange(awaited_, true);
}

// A clock that was set back would have it wait for long.
std::chrono::milliseconds place_book::before_write() const {
    const std::lock_guard lock(mutex_);
    const auto passed = now_() - last_written_;
    if (passed.count() < 0 || passed >= between_writes) return std::chrono::milliseconds(0);
    return std::chrono::ceil<std::chrono::milliseconds>(between_writes - passed);
}

void place_book::miss_write() noexcept {
    const std::lock_guard lock(mutex_);
    awaited_ = false;
}

place_book::passage_ptr place_book::take_passed(std::string_view endpoint, std::uint32_t least) {
    auto taken = std::make_shared<passage>();
    const auto wanted = [&](const place& p) {
        return (endpoint.empty() || p.endpoint == endpoint) && p.unwritten >= least;
    };
    const std::lock_guard lock(mutex_);
    if (endpoint.empty()) {
        awaited_ = false;
        last_written_ = now_();
    }
    std::size_t count = 0;
    for (auto* p = passed_.get(); p != nullptr; p = p->next.get())
        if (wanted(*p)) ++count;
    taken->steps.reserve(count);
    for (auto* link = &passed_; *link;) {
        if (!wanted(**link)) {
            link = &(*link)->next;
            continue;
        }
        auto p = std::move(*link);
        *link = std::move(p->next);
        p->listed = false;
        p->unwritten = 0;
        if (!p->passed.empty()) taken->steps.push_back({p, p->passed});
    }
    return taken;
}

void place_book::write(const passage_ptr& p, unique_function<void(error_code)> done) {
    p->done = std::move(done);
    std::erase_if(p->steps, [](const auto& step) {
        return step.of->refused || is_behind(step.at, step.of->taken);
    });
    p->open = 1;
    for (std::size_t from = 0; from < p->steps.size(); from += most_steps) {
        const auto to = std::min(from + most_steps, p->steps.size());
        ++p->open;
        if (!finds_memory([&] { write_steps(p, from, to); }))
            on_steps(*p, from, to, errc::out_of_memory);
    }
    finds_memory([&] { end_steps(*p, {}); });
}

void place_book::write_steps(const passage_ptr& p, std::size_t from, std::size_t to) {
    std::vector<store::outbox_mark> marks;
    marks.reserve(to - from);
    for (auto i = from; i < to; ++i)
        marks.push_back({p->steps[i].of->pattern, p->steps[i].at, p->steps[i].of->endpoint});
    auto on_done = handler<store::outbox_appended>(
        [p, from, to](place_book& b, error_code ec, const store::outbox_appended&) {
            b.on_steps(*p, from, to, ec);
        });
    guarded(log_, "webhook", [&] {
        outbox_->start_append({.now = now_(), .entries = {}, .marks = std::move(marks)},
                              std::move(on_done));
    });
}

void place_book::on_steps(passage& p, std::size_t from, std::size_t to, error_code ec) noexcept {
    for (auto i = from; i < to; ++i) {
        auto& of = p.steps[i].of;
        if (!ec && !is_behind(p.steps[i].at, of->taken)) of->taken = p.steps[i].at;
        if (!ec) continue;
        const std::lock_guard lock(mutex_);
        of->unwritten = std::max(of->unwritten, passes_between_writes);
        list(of);
    }
    finds_memory([&] { end_steps(p, ec); });
}

void place_book::end_steps(passage& p, error_code ec) {
    if (ec && !p.failed) p.failed = ec;
    if (--p.open != 0) return;
    auto done = std::move(p.done);
    if (p.failed && log_)
        finds_memory([&] {
            log_({log_level::warning, "webhook", "how far subscriptions are could not be stored",
                  p.failed});
        });
    if (done) done(p.failed);
}

// One after the other: as owners of each other they would end in each other.
void place_book::forget_passed() noexcept {
    const std::lock_guard lock(mutex_);
    for (auto p = std::move(passed_); p; p = std::move(p->next)) p->listed = false;
}

void place_book::stop() noexcept {
    again_.cancel();
    forget_passed();
    const auto dropped = std::exchange(waiting_, {});
}

}  // namespace tidings::webhook::detail
