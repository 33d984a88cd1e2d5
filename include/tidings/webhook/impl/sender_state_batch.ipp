// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/webhook/impl/batch_plan.hpp>
#include <tidings/webhook/impl/sender_state.hpp>

#include <algorithm>
#include <iterator>
#include <limits>

namespace tidings::webhook::detail {

using namespace tidings::detail;

namespace {

using settled = store::outbox_result::state;

store::outbox_result with_batch(settled outcome, const store::outbox_entry& e,
                                store::outbox_batch batch) {
    return {e.key, outcome, e.attempts, e.due, e.last_error, std::move(batch)};
}

}  // namespace

// How what waits for an endpoint is claimed; none: one by one.
std::optional<store::outbox_gathering> sender_state::gathering_of(const line& l) const {
    if (!l.batches) return std::nullopt;
    const auto& o = l.batches->terms();
    auto at_once = o.order == delivery_order::partition ? 0 : l.batches->waiting.full(o.batch);
    if (!drained_.empty()) at_once = std::numeric_limits<std::size_t>::max();
    return store::outbox_gathering{.max_entries = o.batch.max_events,
                                   .max_bytes = o.batch.max_bytes,
                                   .ahead = o.batch.max_delay,
                                   .at_once = at_once};
}

// Entries of a batch that the endpoint does not take any more go one by one from now on.
void sender_state::unbatch(line& l) {
    std::vector<store::outbox_result> results;
    for (const auto& e : l.loose) results.push_back(with_batch(settled::retry, e, {}));
    add_results(std::move(results));
    l.back_with = settlements_ + 1;
    l.loose.clear();
}

// What was claimed goes into requests. What batches there are is stored before they are sent.
void sender_state::form_requests(const std::string& id, line& l) {
    if (l.loose.empty()) return;
    if (!l.batches) return unbatch(l);
    const auto& limits = l.batches->terms().batch;
    auto plan = plan_batches(l.loose, limits);
    batch_room fresh;
    for (const auto& e : l.loose)
        if (e.batch.id.empty()) fresh.add(e.message->body ? e.message->body->size() : 0);
    std::vector<store::outbox_result> results;
    for (const auto i : plan.rest)
        results.push_back(with_batch(settled::retry, l.loose[i], store::outbox_batch()));
    for (const auto& r : plan.requests)
        if (!r.stored && !r.batch.empty())
            for (std::uint32_t i = 0; i < r.members.size(); ++i)
                results.push_back(with_batch(settled::keep, l.loose[r.members[i]], {r.batch, i}));
    results_.reserve(results_.size() + results.size());
    const auto had = l.queue.size();
    l.queue.resize(had + plan.requests.size());
    const bool has_room = finds_memory([&] {
        for (std::size_t i = 0; i < plan.requests.size(); ++i) {
            if (plan.requests[i].batch.empty()) continue;
            auto& of = l.queue[had + i].of = std::make_unique<parcel::batch>();
            of->others.reserve(plan.requests[i].members.size() - 1);
        }
    });
    if (!has_room) {
        l.queue.resize(had);
        throw std::bad_alloc();
    }
    // Nothing throws from here on.
    l.batches->waiting.remove(fresh);
    // What came did not fill a batch: nothing more was there.
    if (fresh.events != 0 && fresh.full(limits) == 0) l.batches->waiting = {};
    for (std::size_t i = 0; i < plan.requests.size(); ++i) {
        auto& r = plan.requests[i];
        auto& p = l.queue[had + i];
        p.first = std::move(l.loose[r.members.front()]);
        if (!p.of) continue;
        for (std::size_t m = 1; m < r.members.size(); ++m)
            p.of->others.push_back(std::move(l.loose[r.members[m]]));
        if (!r.stored) p.of->stored_with = settlements_ + 1;
        p.of->id = std::move(r.batch);
    }
    std::move(results.begin(), results.end(), std::back_inserter(results_));
    if (!plan.rest.empty()) l.back_with = settlements_ + 1;
    l.loose.clear();
    l.more = l.more || l.queue.size() >= line::max_claim;
    wait_turn(id);
}

// Batches that could not be stored: what they hold stays in the outbox, claimed.
void sender_state::drop_unstored() noexcept {
    for (auto& [id, l] : lines_)
        std::erase_if(l.queue, [this](const parcel& p) {
            const bool drops = p.stored_with() > settled_;
            if (drops) p.for_each([this](const auto& e) { let_go(e.key); });
            return drops;
        });
}

// Whether the answer says that something in the batch is bad, and not what.
bool sender_state::splits(const parcel& p, const attempt& a) noexcept {
    const bool refused = a.status == 400 || a.status == 413 || a.status == 422;
    return refused && p.size() > 1 &&
           (a.result == verdict::retry || a.result == verdict::permanent);
}

// In halves, which have not been attempted more often than the whole.
void sender_state::split(endpoint_target& t, const parcel& p, const ended_attempt& a) {
    const auto half = (p.size() + 1) / 2;
    const std::string ids[]{batch_id(p, 0, half), batch_id(p, half, p.size() - half)};
    std::vector<store::outbox_result> results;
    for (std::size_t i = 0; i < p.size(); ++i) {
        const bool second = i >= half;
        const auto index = static_cast<std::uint32_t>(second ? i - half : i);
        auto r = with_batch(settled::retry, p.at(i), {ids[second ? 1 : 0], index});
        r.last_error = a.error;
        r.attempt = a.end;
        results.push_back(std::move(r));
    }
    add_results(std::move(results));
    next_of_order_ = next_of_order_ || t.is_ordered();
}

// All or none.
void sender_state::add_results(std::vector<store::outbox_result> results) {
    results_.insert(results_.end(), std::make_move_iterator(results.begin()),
                    std::make_move_iterator(results.end()));
}

}  // namespace tidings::webhook::detail
