// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/webhook/impl/sender_state.hpp>

#include <algorithm>

namespace tidings::webhook::detail {

using namespace tidings::detail;

void sender_state::append(store::outbox_entry entry, const place_ptr& from,
                          const std::optional<position>& at,
                          unique_function<void(error_code)> done) {
    std::shared_ptr<batch> open;
    const std::lock_guard lock(mutex_);
    open = open_batch_.lock();
    if (!open) {
        // Owned by what is posted alone: a pending completion in it may own the sender.
        open_batch_ = open = std::make_shared<batch>();
        lane_->post([self = shared_from_this(), open] { self->append_batch(*open); });
    }
    const bool placed = from && at;
    open->push_back(
        {std::move(entry), placed ? from : nullptr, placed ? *at : position(), std::move(done)});
}

void sender_state::append_batch(batch& open) {
    batch all;
    {
        const std::lock_guard lock(mutex_);
        if (open_batch_.lock().get() == &open) open_batch_.reset();
        all.swap(open);
    }
    if (all.empty()) return;  // it was in a hurry
    if (!running()) {
        for (const auto& one : all)
            if (one.from) one.from->refused = true;
        return answer_all(all, errc::closed);
    }
    if (!finds_memory([&] { append_all(all); })) answer_all(all, errc::out_of_memory);
}

void sender_state::answer_all(batch& all, error_code ec) noexcept {
    for (auto& one : all) finds_memory([&] { one.done(ec); });
}

// Nothing throws once the entries have left `all`.
void sender_state::append_all(batch& all) {
    store::outbox_append a{.now = now(), .entries = {}, .marks = {}};
    a.entries.reserve(all.size());
    if (prompt_ != nullptr) {
        a.marks = marks_of(all);
        for (auto& one : all) a.entries.push_back(std::move(one.entry));
        store::outbox_appended result;
        const bool done = ask_store([&] { result = prompt_->append(std::move(a)); });
        return on_appended(all, done ? error_code() : make_error_code(errc::store_failed), result);
    }
    const auto waiting = std::make_shared<batch>();
    auto on_done = store_handler<store::outbox_appended>(
        [this, waiting](error_code ec, const store::outbox_appended& result) {
            --appending_;
            on_appended(*waiting, ec, result);
        });
    a.marks = marks_of(all);
    for (auto& one : all) a.entries.push_back(std::move(one.entry));
    waiting->swap(all);
    ++appending_;
    ask_store([&] { outbox_->start_append(std::move(a), std::move(on_done)); });
}

// The refused are in the order of the entries.
void sender_state::on_appended(batch& all, error_code ec, const store::outbox_appended& a) {
    auto refused = a.refused.begin();
    for (std::size_t i = 0; i < all.size(); ++i) {
        const bool is_refused = refused != a.refused.end() && refused->index == i;
        const auto end = is_refused ? (refused++)->why : ec;
        finds_memory([&] { all[i].done(end); });
    }
    if (!running()) return;
    note_dropped(a.dropped);
    if (!a.disabled.empty()) outcomes_->look_again();
    finds_memory([&] { on_disabled_by_bound(a.disabled); });
    claim();
    end_round_and_report();
}

// What the outbox has given up by itself.
void sender_state::note_dropped(const std::vector<store::outbox_entry>& dead) noexcept {
    if (dead.empty()) return;
    outcomes_->note_dropped(dead, now());
    finds_memory([&] {
        for (const auto& e : dead) {
            const auto t = endpoints_.find(e.endpoint);
            if (!t) continue;
            ++t->dead;
            operational_.note_exhausted(*t, e, e.attempts, 0, e.last_error);
        }
    });
}

place_ptr sender_state::locate(const std::string& endpoint, std::string_view pattern, position here,
                               bool anew, locate_handler h) {
    auto p = places_->open(endpoint, pattern);
    lane_->post(
        [self = shared_from_this(), p, here = std::move(here), anew, h = std::move(h)]() mutable {
            if (self->running()) self->places_->locate(p, std::move(here), anew, std::move(h));
        });
    return p;
}

// Of an endpoint that has ended nothing is read on, should one of its id be added later.
void sender_state::leave(const place_ptr& p, std::shared_ptr<endpoint_target> of) noexcept try {
    lane_->post([self = shared_from_this(), p, of = std::move(of)] {
        if (self->running()) self->places_->leave(p, !of->active());
    });
} catch (const std::bad_alloc&) {
    return;  // it counts as held
}

void sender_state::pass(const place_ptr& p, const position& at) noexcept {
    if (!places_->pass(p, at)) return;
    const bool posted = finds_memory([&] {
        lane_->post([self = shared_from_this()] {
            if (!self->running()) return;
            const auto wait = self->places_->before_write();
            self->passed_due_.arm(self->lane_->timers(), wait);
        });
    });
    if (!posted) places_->miss_write();
}

// What was appended before goes first, so that no place is behind what the outbox has not got.
void sender_state::append_open() {
    std::shared_ptr<batch> open;
    {
        const std::lock_guard lock(mutex_);
        open = open_batch_.lock();
    }
    if (open) append_batch(*open);
}

void sender_state::write_passed(std::string_view endpoint, std::uint32_t least,
                                unique_function<void(error_code)> done) {
    unique_function<void(error_code)> on_done = [self = shared_from_this(),
                                                 f = std::move(done)](error_code ec) mutable {
        --self->appending_;
        if (f) f(ec);
        self->end_round_and_report();
    };
    const auto passed = places_->take_passed(endpoint, least);
    append_open();
    ++appending_;
    places_->write(passed, std::move(on_done));
}

// Where memory is missing the answer is that `done` ends.
void sender_state::store_passed(const std::string& endpoint,
                                unique_function<void(error_code)> done) {
    lane_->post([self = shared_from_this(), endpoint, f = std::move(done)]() mutable {
        if (self->running())
            finds_memory([&] { self->write_passed(endpoint, 1, std::move(f)); });
        else if (f)
            f(errc::closed);
    });
}

void sender_state::on_gap(const std::shared_ptr<endpoint_target>& of, const place_ptr& p,
                          position at) noexcept try {
    if (options_.metrics) options_.metrics->count("webhook_gaps", {}, 1);
    if (options_.log)
        options_.log({log_level::error, "webhook",
                      of->label() + " has missed events: the history has them no more",
                      errc::missed});
    if (!p) return;
    lane_->post([self = shared_from_this(), p, at = std::move(at)]() mutable {
        if (self->running()) self->places_->skip(p, std::move(at));
    });
} catch (const std::bad_alloc&) {
    return;
}

// Of each subscription up to its last event.
std::vector<store::outbox_mark> sender_state::marks_of(batch& all) {
    std::vector<store::outbox_mark> marks;
    std::vector<place*> noted;
    const auto placed =
        std::count_if(all.begin(), all.end(), [](const auto& one) { return one.from != nullptr; });
    if (placed == 0) return marks;
    noted.reserve(static_cast<std::size_t>(placed));
    for (auto& one : all) {
        if (!one.from) continue;
        one.from->taken = std::move(one.at);
        if (std::exchange(one.from->noted, true)) continue;
        noted.push_back(one.from.get());
    }
    for (auto* p : noted) p->noted = false;
    marks.reserve(noted.size());
    for (const auto* p : noted) marks.push_back({p->pattern, p->taken, p->endpoint});
    return marks;
}

}  // namespace tidings::webhook::detail
