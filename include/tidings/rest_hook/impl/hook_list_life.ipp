// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/impl/guarded.hpp>
#include <tidings/lane/impl/lane_handler.hpp>
#include <tidings/rest_hook/impl/end_announcer.hpp>
#include <tidings/rest_hook/impl/hook_list.hpp>

// How subscriptions come from the table, and how they end there.

namespace tidings::rest_hook::detail {

using namespace tidings::detail;

namespace {

constexpr std::size_t rows_per_page = 256;
constexpr std::chrono::seconds after_failed_erasure{1};
constexpr std::chrono::minutes longest_patience{10};

struct ended_hook {
    std::string id;
    std::uint64_t revision = 0;
    bool by_lease = false;  // else by its permission
};

}  // namespace

// Changes that are made while the pages are read arrive by the watch: the newer revision counts.
void hook_list::start() {
    const auto weak = weak_from_this();
    watch_ = table_->watch([weak](const store::row_change& r) {
        if (const auto self = weak.lock()) self->apply(r, nullptr);
    });
    if (now() == phase::loading)
        lane_->post([weak] {
            if (const auto self = weak.lock()) self->load({});
        });
}

void hook_list::load(std::string after) {
    const bool found = finds_memory([&] {
        if (after.empty()) loading_ = std::make_shared<const reading>(shared_from_this());
        {
            const std::lock_guard lock(mutex_);
            if (phase_ != phase::closed) again_.arm(lane_->timers(), patience_);
        }
        using row_list = std::vector<store::row>;
        auto on_done = lane_handler<row_list>(
            lane_, errc::store_failed,
            [weak = weak_from_this(), round = round_](error_code ec, const row_list& rows) {
                const auto self = weak.lock();
                if (self && self->round_ == round) self->on_page(ec, rows);
            });
        guarded(options_.log, "rest_hook",
                [&] { table_->start_scan(std::move(after), rows_per_page, std::move(on_done)); });
    });
    if (!found) load_later(errc::out_of_memory);
}

// From the beginning: what is known already is not applied again. A table that did not answer in
// time may be slow: it is given longer each time.
void hook_list::load_later(error_code ec) noexcept {
    if (now() == phase::closed) return;
    ++round_;
    loading_ = nullptr;
    if (ec == errc::timed_out && patience_ < longest_patience) patience_ *= 2;
    finds_memory([&] { means_.log("loading the subscriptions failed; trying again", ec); });
    const std::lock_guard lock(mutex_);
    if (phase_ != phase::closed)
        again_.arm(lane_->timers(), backoff_.next(options_.environment.random->next()));
}

void hook_list::on_page(error_code ec, const std::vector<store::row>& rows) {
    const bool found = finds_memory([&] {
        for (const auto& r : rows) apply(r, loading_);
    });
    if (ec || !found) return load_later(ec ? ec : make_error_code(errc::out_of_memory));
    if (rows.size() == rows_per_page) return load(rows.back().key);
    const auto ended = std::exchange(loading_, nullptr);  // outside the mutex
    again_.cancel();
    patience_ = options_.table_timeout;
    const std::lock_guard lock(mutex_);
    if (stale_) return;  // it is read again
    if (phase_ == phase::loading) phase_ = phase::ready;
}

// There was no memory for something that the table or the watch said: all is read again, and no
// request is answered until it is.
void hook_list::missed() noexcept {
    const std::lock_guard lock(mutex_);
    ended_.lose();
    if (phase_ == phase::closed || std::exchange(stale_, true)) return;
    phase_ = phase::loading;
    missed_.whose = shared_from_this();
    lane_->post(missed_);
}

void hook_list::load_again() noexcept {
    {
        const std::lock_guard lock(mutex_);
        stale_ = false;
    }
    load_later(errc::out_of_memory);
    if (!finds_memory([&] { note_pending(); })) missed();
    watch_expiry();
}

// With the mutex held.
void hook_list::note_expiry() {
    const auto first = announcer_->next(index_);
    if (first == first_expiry_) return;
    lane_->post([weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->watch_expiry();
    });
    first_expiry_ = first;
}

void hook_list::watch_expiry() {
    const std::lock_guard lock(mutex_);
    first_expiry_ = announcer_->next(index_);
    if (phase_ != phase::closed) http::detail::arm_expiry(expiry_, lane_->timers(), first_expiry_);
}

// Nothing is delivered from here on, whether the row can be erased now or later. One whose end was
// put off meanwhile has another revision.
void hook_list::on_expiry() {
    const auto now = lane_->timers().clock().wall_now();
    const auto take_first = [this, now] {
        std::optional<ended_hook> first;
        const std::lock_guard lock(mutex_);
        if (phase_ == phase::closed) return first;  // the index still has what was served
        const auto* id = index_.first_ended(now);
        if (id == nullptr) return first;
        const auto& h = hooks_.at(*id);
        const auto lease = h.row().unpack().lease_until;
        first.emplace(ended_hook{*id, h.revision(), lease && *lease <= now});
        return first;
    };
    const bool found = finds_memory([&] {
        while (const auto over = take_first()) {
            drop(over->id, over->revision);
            erase_later(over->id, over->revision);
            means_.log((over->by_lease ? "the lease of subscription "
                                       : "the permission of subscription ") +
                           over->id + " has ended",
                       {}, log_level::info);
        }
    });
    if (!found) missed();
    std::optional<hook_index::ending> next;
    finds_memory([&] {
        const std::lock_guard lock(mutex_);
        const auto* const first = announcer_->first(index_);
        if (first != nullptr && phase_ != phase::closed) next = *first;
    });
    if (next) announcer_->look(shared_from_this(), *next);
    watch_expiry();
}

// The target wants nothing more, or never got anything. A row that stayed would be served again
// after a restart.
void hook_list::erase_later(const std::string& id, std::uint64_t revision) {
    auto on_done = lane_handler<>(lane_, errc::store_failed,
                                  [weak = weak_from_this(), id, revision](error_code ec) {
                                      if (const auto self = weak.lock())
                                          self->on_erased(ec, id, revision);
                                  });
    guarded(options_.log, "rest_hook",
            [&] { table_->start_erase(id, revision, std::move(on_done)); });
}

void hook_list::on_erased(error_code ec, const std::string& id, std::uint64_t revision) {
    if (!ec || ec == errc::not_found) return drop(id, revision != 0 ? revision : any_revision);
    if (now() == phase::closed || ec == errc::store_conflict) return;
    means_.log("a subscription could not be erased; trying again", ec);
    unerased_.emplace_back(id, revision);
    const std::lock_guard lock(mutex_);
    if (phase_ != phase::closed) erase_again_.arm(lane_->timers(), after_failed_erasure);
}

void hook_list::cancel_timers() noexcept {
    again_.cancel();
    erase_again_.cancel();
    expiry_.cancel();
    announcer_->stop();
}

}  // namespace tidings::rest_hook::detail
