// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/rest_hook/impl/end_announcer.hpp>
#include <tidings/rest_hook/impl/gone_hook.hpp>
#include <tidings/rest_hook/impl/hook_asker.hpp>
#include <tidings/rest_hook/impl/hook_list.hpp>
#include <tidings/store/memory_table.hpp>
#include <tidings/text/impl/json_writer.hpp>
#include <tidings/topic.hpp>

#include <algorithm>

namespace tidings::rest_hook::detail {

using namespace tidings::detail;

namespace {

bool is_selected(const live_hook& h, const hook_list::selection& of) {
    const auto& r = h.row();
    if (h.revision() == 0 || !of.who.sees(r.owner(), r.by_hub())) return false;
    if (of.owner && r.owner() != *of.owner) return false;
    const bool literal = is_literal_pattern(of.topic);
    const auto is_about = [&](std::string_view pattern) {
        return pattern == of.topic || (literal && topic_matches(pattern, of.topic));
    };
    if (!of.topic.empty() && !r.any_topic(is_about)) return false;
    return !of.state || h.condition().state == *of.state;
}

}  // namespace

hook_list::hook_list(hook_means means, std::shared_ptr<hook_asker> asker)
    : means_(std::move(means)),
      options_(*means_.options),
      table_(options_.table ? options_.table : store::make_memory_table()),
      lane_(lane::make(means_.bus->executor(), *options_.environment.clock)),
      asker_(std::move(asker)),
      announcer_(std::make_shared<end_announcer>(means_, lane_)),
      index_(*options_.environment.random),
      phase_(options_.table ? phase::loading : phase::ready),
      patience_(options_.table_timeout),
      backoff_({.initial = std::chrono::seconds(1)}),
      again_([this] { loading_ ? load_later(errc::timed_out) : load({}); }),
      erase_again_([this] {
          for (const auto& [id, revision] : std::exchange(unerased_, {})) erase_later(id, revision);
      }),
      expiry_([this] { on_expiry(); }) {}

hook_list::phase hook_list::now() const {
    const std::lock_guard lock(mutex_);
    return phase_;
}

hook_list::reservation hook_list::reserve(const hook_record& h) {
    using result = reservation::result;
    const std::lock_guard lock(mutex_);
    if (phase_ == phase::closed) return {result::closed};
    if (hooks_.contains(h.id)) return {result::same_exists, h.id};
    if (auto same = index_.same_as(h); !same.empty()) return {result::same_exists, std::move(same)};
    if (hooks_.size() >= options_.max_hooks) return {result::list_full};
    const auto owned = index_.owned_by(h.owner);
    if (owned.count >= options_.max_hooks_per_principal) return {result::owner_full};
    if (owned.bytes + bytes_held(h) > options_.max_bytes_per_principal)
        return {result::owner_holds_much};
    index_.add(h);
    try {
        hooks_.insert_or_assign(h.id, live_hook(packed_hook(h, index_), 0));
    } catch (...) {
        index_.remove(h);
        throw;
    }
    return {};
}

/// What a change has taken; it is given back at the end.
struct hook_list::held_change {
    explicit held_change(const std::shared_ptr<hook_list>& l) : list(l) {}
    held_change(const held_change&) = delete;
    ~held_change() {
        const auto self = list.lock();
        if (!self || !change) return;
        const std::lock_guard lock(self->mutex_);
        self->index_.release(*change);
    }
    const std::weak_ptr<hook_list> list;
    std::optional<hook_index::held_change> change{};
};

// What is there already may stay, also where the bounds have become less.
hook_list::reservation hook_list::reserve_change(const hook_record& before, const hook_record& h) {
    using result = reservation::result;
    auto held = std::make_shared<held_change>(shared_from_this());
    const bool other_owner = h.owner != before.owner;
    const bool other = other_owner || h.topics != before.topics || h.filters != before.filters ||
                       h.target_url != before.target_url;
    const auto is = bytes_held(h), was = other_owner ? 0 : bytes_held(before);
    const std::lock_guard lock(mutex_);
    if (phase_ == phase::closed) return {result::closed};
    if (auto same = other ? index_.same_as(h) : std::string(); !same.empty())
        return {result::same_exists, std::move(same)};
    const auto owned = index_.owned_by(h.owner);
    if (other_owner && owned.count >= options_.max_hooks_per_principal) return {result::owner_full};
    if (is > was && owned.bytes + (is - was) > options_.max_bytes_per_principal)
        return {result::owner_holds_much};
    held->change = index_.hold(before, h);
    return {result::made, {}, std::move(held)};
}

hook_list::reading::reading(const std::shared_ptr<hook_list>& by) : list_(by) {
    const std::lock_guard lock(by->mutex_);
    began_ = by->ended_.begin_reading();
}

hook_list::reading::~reading() {
    const auto l = list_.lock();
    if (!l) return;
    const std::lock_guard lock(l->mutex_);
    l->ended_.end_reading();
}

error_code hook_list::serve(const hook_record& h, std::uint64_t revision) {
    // A watch may have told of the row already, and of its end.
    apply({h.id, to_row_value(h), revision}, nullptr, false);
    const std::lock_guard lock(mutex_);
    const auto it = hooks_.find(h.id);
    return it == hooks_.end() ? error_code() : it->second.error();
}

bool hook_list::when_placed(const std::string& id, unique_function<void(bool)> f) {
    std::shared_ptr<hook_placing> placing;  // ends outside the mutex
    const std::lock_guard lock(mutex_);
    if (const auto it = hooks_.find(id); it != hooks_.end()) placing = it->second.placing();
    if (placing) placing->then(std::move(f));
    return placing != nullptr;
}

std::optional<hook_view> hook_list::find(const hook_viewer& who, const std::string& id) const {
    const std::lock_guard lock(mutex_);
    const auto it = hooks_.find(id);
    if (it == hooks_.end() || it->second.revision() == 0) return std::nullopt;
    if (const auto& r = it->second.row(); !who.sees(r.owner(), r.by_hub())) return std::nullopt;
    return it->second.view();
}

hook_list::page hook_list::list(const selection& of) const {
    page out;
    std::size_t count = 0;
    const std::lock_guard lock(mutex_);
    for (auto it = hooks_.upper_bound(of.after); it != hooks_.end(); ++it) {
        if (!is_selected(it->second, of)) continue;
        out.more = count == of.max;
        if (out.more) break;
        ++count;
        append_element(out.items, to_json(it->second.view(), options_.form));
        out.last = it->first;
    }
    return out;
}

// Where memory runs out what was served of the row still is.
void hook_list::apply(const store::row& r, const reading_ptr& by, bool even_if_new) try {
    if (r.revision == 0) return drop(r.key);
    const auto record = read_row(r);
    if (!record) return means_.log("a row of the table is no subscription");
    // Both end outside the mutex.
    live_hook made(packed_hook(*record, index_), r.revision);
    live_hook replaced;
    error_code failure;
    // `on_expiry` says so.
    const bool ended = http::detail::has_expired(record->expires(), means_.clock());
    bool noted = false;
    {
        const std::lock_guard lock(mutex_);
        if (phase_ == phase::closed || (!even_if_new && !hooks_.contains(r.key))) return;
        if (by && ended_.is_over(r, by->began_)) return;
        const auto [it, fresh] = hooks_.try_emplace(r.key);
        auto& h = it->second;
        if (!fresh && h.revision() >= r.revision) return;
        bool counted = false;
        try {
            index_.add(*record);
            counted = true;
            made.begin(means_, *record, h, [weak = weak_from_this(), id = r.key] {
                // A hub makes rows of the same id again: none that comes behind this is meant.
                const auto self = weak.lock();
                const auto v = self ? self->find({.all = true}, id) : std::nullopt;
                if (!v) return;
                std::make_shared<gone_hook>(self->lane_, weak, self->options_.log, *v)->erase();
            });
        } catch (...) {
            if (counted) index_.remove(*record);
            if (fresh) hooks_.erase(it);
            throw;
        }
        if (!fresh) index_.remove(h.row().entry());
        replaced = std::exchange(h, std::move(made));
        failure = h.error();
        noted = finds_memory([&] {
            note_expiry();
            if (record->is_asked()) asker_->note(*record);
        });
    }
    // Either sink may call back into the list.
    if (replaced.revision() == 0) means_.gauge(1);
    if (failure && !ended) means_.log("subscription " + r.key + " cannot be served", failure);
    if (!noted) missed();
} catch (const std::bad_alloc&) {
    missed();
    throw;
}

void hook_list::note_pending() {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, h] : hooks_)
        if (h.row().is_asked()) asker_->note(h.row().unpack());
}

void hook_list::drop(const std::string& id, std::uint64_t only, bool stays) {
    hook_map::node_type dropped;
    live_hook alive;
    bool noted = true;
    {
        const std::lock_guard lock(mutex_);
        if (only != 0 && !stays) noted = finds_memory([&] { ended_.note(id, only); });
        const auto it = hooks_.find(id);
        if (it != hooks_.end() && (only == any_revision || it->second.revision() == only)) {
            alive = it->second.take_alive();
            if (!stays) index_.remove(it->second.row().entry());
            if (!stays) dropped = hooks_.extract(it);
        }
    }
    if (!noted) missed();
    if (dropped && dropped.mapped().revision() != 0) {
        means_.gauge(-1);
        if (!alive.endpoint())
            finds_memory([&] { means_.give_up(dropped.mapped().row().unpack()); });
    }
    alive.close();
}

void hook_list::close() noexcept {
    hook_map ended;
    store::watch_handle watch;
    {
        const std::lock_guard lock(mutex_);
        if (std::exchange(phase_, phase::closed) == phase::closed) return;
        ended.swap(hooks_);
        watch.swap(watch_);
    }
    // What their endpoints took before is still delivered.
    for (auto& [id, h] : ended) {
        if (h.revision() != 0) means_.gauge(-1);
        h.leave();
    }
    closing_.whose = shared_from_this();
    lane_->post(closing_);
}

}  // namespace tidings::rest_hook::detail
