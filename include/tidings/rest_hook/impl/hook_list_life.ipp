// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/impl/guarded.hpp>
#include <tidings/lane/impl/lane_handler.hpp>
#include <tidings/rest_hook/impl/hook_list.hpp>

// How subscriptions come from the table, and how they end there.

namespace tidings::rest_hook::detail {

using namespace tidings::detail;

namespace {

constexpr std::size_t rows_per_page = 256;
constexpr std::chrono::seconds after_failed_erasure{1};

}  // namespace

// Changes that are made while the pages are read arrive by the watch: the newer revision counts.
void hook_list::start() {
    const auto weak = weak_from_this();
    watch_ = table_->watch([weak](const store::row_change& r) {
        if (const auto self = weak.lock()) self->apply(r);
    });
    if (now() == phase::loading)
        lane_->post([weak] {
            if (const auto self = weak.lock()) self->load({});
        });
}

void hook_list::load(std::string after) {
    const bool found = finds_memory([&] {
        using row_list = std::vector<store::row>;
        auto on_done =
            lane_handler<row_list>(lane_, errc::store_failed,
                                   [weak = weak_from_this()](error_code ec, const row_list& rows) {
                                       if (const auto self = weak.lock()) self->on_page(ec, rows);
                                   });
        guarded(options_.log, "rest_hook",
                [&] { table_->start_scan(std::move(after), rows_per_page, std::move(on_done)); });
    });
    if (!found) load_later(errc::out_of_memory);
}

void hook_list::on_page(error_code ec, const std::vector<store::row>& rows) {
    if (!ec && !finds_memory([&] { take_page(rows); })) ec = errc::out_of_memory;
    if (ec) load_later(ec);
}

// From the beginning: what is known already is not read again.
void hook_list::load_later(error_code ec) noexcept {
    if (now() == phase::closed) return;
    finds_memory([&] { log("loading the subscriptions failed; trying again", ec); });
    const std::lock_guard lock(mutex_);
    if (phase_ != phase::closed)
        again_.arm(lane_->timers(), backoff_.next(options_.environment.random->next()));
}

void hook_list::take_page(const std::vector<store::row>& rows) {
    for (const auto& r : rows) {
        {
            const std::lock_guard lock(mutex_);
            if (gone_.contains(r.key)) continue;
        }
        apply(r);
    }
    if (rows.size() == rows_per_page) return load(rows.back().key);
    const std::lock_guard lock(mutex_);
    if (phase_ == phase::loading) phase_ = phase::ready;
    gone_.clear();
}

// With the mutex held.
void hook_list::note_expiry() {
    const auto first = index_.first_end();
    if (first == first_expiry_) return;
    first_expiry_ = first;
    lane_->post([weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->watch_expiry();
    });
}

void hook_list::watch_expiry() {
    const std::lock_guard lock(mutex_);
    first_expiry_ = index_.first_end();
    if (phase_ != phase::closed) http::detail::arm_expiry(expiry_, lane_->timers(), first_expiry_);
}

// Nothing is delivered from here on, whether the row can be erased now or later. One whose end was
// put off meanwhile has another revision.
void hook_list::on_expiry() {
    std::vector<std::pair<std::string, std::uint64_t>> over;
    {
        const std::lock_guard lock(mutex_);
        for (auto& id : index_.take_ended(lane_->timers().clock().wall_now()))
            if (const auto it = hooks_.find(id); it != hooks_.end())
                over.emplace_back(std::move(id), it->second.revision());
    }
    for (const auto& [id, revision] : over) {
        drop(id, revision);
        erase_later(id, revision);
    }
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
    if (!ec || ec == errc::not_found) return drop(id, revision);
    if (now() == phase::closed || ec == errc::store_conflict) return;
    log("a subscription could not be erased; trying again", ec);
    unerased_.emplace_back(id, revision);
    const std::lock_guard lock(mutex_);
    if (phase_ != phase::closed) erase_again_.arm(lane_->timers(), after_failed_erasure);
}

void hook_list::cancel_timers() noexcept {
    again_.cancel();
    erase_again_.cancel();
    expiry_.cancel();
}

}  // namespace tidings::rest_hook::detail
