// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/io/random.hpp>
#include <tidings/store/sqlite/impl/delivered_state.hpp>
#include <tidings/store/sqlite/impl/history_state.hpp>

#include <algorithm>
#include <new>

namespace tidings::sqlite::detail {

namespace {

// So many are evicted in a group at least; and of the log's bound, one part for their bytes.
constexpr std::size_t least_evicted = 4096;
constexpr std::size_t log_part_evicted = 4;

/// A group of its own, for what its members do in each.
class empty_job final : public write_job {
 public:
    empty_job() : write_job(0, false) {}
    void run() override {}
    void finish(error_code) noexcept override {}
};

}  // namespace

void append_job::run() {
    if (!event_->event().id().empty())
        key_ = history_->key_of(event_->source(), event_->event().id());
    history_->store(*this);
}

void append_job::finish(error_code ec) noexcept {
    if (ec) committed_ = std::move(event_).give_up();
    history_->report(committed_, ec);
    if (done_) done_->complete(ec, ec ? position() : *committed_->position());
}

std::shared_ptr<history_state> history_state::make(const std::shared_ptr<database_state>& db,
                                                   std::vector<history_rule> rules,
                                                   error_code& ec) {
    const std::shared_ptr<history_state> made(new history_state(db->options(), std::move(rules)));
    ec = db->writing().run_now([&] {
        made->writer_ = &db->writing();
        made->connection_ = &db->writing().of();
        made->file_.emplace(*made->connection_, db->bodies(), made->event_keys_, made->rules_);
        made->start(made->file_->load(io::system_random().next() >> 4, made->now()));
        db->writing().add(made);
    });
    while (!ec && !made->has_room_) ec = db->writing().run_now([] {});
    return made;
}

std::int64_t history_state::now() const noexcept {
    const auto& clock = options_.clock != nullptr ? *options_.clock : io::system_clock();
    return std::chrono::floor<std::chrono::milliseconds>(clock.wall_now())
        .time_since_epoch()
        .count();
}

void history_state::start(loaded_history loaded) {
    epochs_ = std::move(loaded.epochs);
    lost_ = std::move(loaded.lost);
    totals_ = file_->totals();
    for (const auto& [key, offset] : loaded.keys) keys_[key] = offset;
    cache_.start(epochs_.head());
}

void history_state::listen(history_listener* listener) {
    const std::lock_guard telling(telling_);
    listener_ = listener;
}

void history_state::unlisten(const history_listener& listener) noexcept {
    const std::lock_guard telling(telling_);
    if (listener_ == &listener) listener_ = nullptr;
}

position history_state::head() const {
    const std::lock_guard lock(mutex_);
    return epochs_.position_of(epochs_.head());
}

std::optional<position> history_state::find(std::string_view source, std::string_view id) const {
    const auto key = event_keys_.of(source, id);
    const std::lock_guard lock(mutex_);
    const auto it = keys_.find(key);
    if (it == keys_.end()) return std::nullopt;
    return epochs_.position_of(it->second);
}

void history_state::store(append_job& job) {
    error_code ec;
    const auto data = job.event().text(ec);
    if (ec) return job.refuse(ec);
    // Of a C++ value the bytes that were just made are kept as well.
    const auto size = job.event().footprint() + (job.event().event().native() ? data.size() : 0);
    job.set_place(file_->append(job.event(), data, size, job.ring(), now()), size);
    group_.push_back(&job);
    const auto& from = job.event().info().remote;
    const auto* note = from ? dynamic_cast<const delivered_note*>(from->note.get()) : nullptr;
    if (note != nullptr) note->add_in(*connection_);
}

void history_state::report(const event_ptr& e, error_code ec) noexcept {
    const std::lock_guard telling(telling_);
    if (listener_ == nullptr) return;
    if (ec)
        listener_->on_append_failed(e, ec);
    else
        listener_->on_committed(e);
}

// The topics that were forgotten are those of the groups before: what this one loses is known in
// memory behind the commit.
void history_state::before_commit() {
    evicted_.clear();
    has_room_ = file_->evict(now(), limit_of_group(), evicted_);
    std::vector<std::uint64_t> forgotten;
    {
        const std::lock_guard lock(mutex_);
        for (const auto& l : lost_) forgotten.push_back(l.forgotten());
    }
    file_->note(evicted_, forgotten);
}

void history_state::after_commit() noexcept {
    dropped_events gone;  // released without the mutex
    {
        const std::lock_guard lock(mutex_);
        for (auto* job : group_) take_committed(*job, gone);
        for (const auto& e : evicted_) forget(e, gone);
        for (std::size_t i = 0; i < totals_.size(); ++i) totals_[i] = file_->totals()[i];
    }
    group_.clear();
    if (!has_room_) evict_more();
}

// Twice what is added, so that a history which is over its bounds comes down to them.
eviction_limit history_state::limit_of_group() const noexcept {
    std::size_t bytes = 0;
    for (const auto* job : group_) bytes += job->size();
    return {std::max(least_evicted, 2 * group_.size()),
            std::max(options_.max_wal_bytes / log_part_evicted, 2 * bytes)};
}

// Without a group of its own what is left goes with the next.
void history_state::evict_more() noexcept {
    try {
        writer_->post_always(std::make_unique<empty_job>());
    } catch (const std::bad_alloc&) {
        return;
    }
}

void history_state::take_committed(append_job& job, dropped_events& gone) noexcept {
    epochs_.set_head(job.offset());
    cache_.add(job.commit(epochs_.position_of(job.offset())), job.size(), gone);
    if (!job.key()) return;
    try {
        keys_[*job.key()] = job.offset();
    } catch (const std::bad_alloc&) {
        return;  // a repetition of it is not recognised
    }
}

void history_state::forget(const evicted_event& e, dropped_events& gone) noexcept {
    lost_[e.ring].note(e.topic, e.offset);
    cache_.erase(e.offset, gone);
    if (!e.key) return;
    const auto it = keys_.find(*e.key);
    if (it != keys_.end() && it->second == e.offset) keys_.erase(it);
}

void history_state::on_close() noexcept {
    file_.reset();
    reading_.reset();
}

}  // namespace tidings::sqlite::detail
