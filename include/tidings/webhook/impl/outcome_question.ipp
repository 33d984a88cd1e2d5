// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/impl/finds_memory.hpp>
#include <tidings/webhook/impl/outcome_question.hpp>

#include <utility>

namespace tidings::webhook::detail {

void outcome_question::end(std::uint64_t key, delivery_outcome how) {
    if (looks_) since_look_.insert(key);
    auto& last = ended_[how.endpoint];
    if (key >= last.key) last = {key, std::move(how)};
    owed_.erase(key);
    before_.erase(key);
}

std::uint64_t outcome_question::begin_look() {
    before_.merge(owed_);
    owed_.clear();
    since_look_.clear();
    looks_ = true;
    return ++look_;
}

void outcome_question::expect(std::uint64_t key, const std::string& endpoint) {
    before_.erase(key);
    owed_.emplace(key, endpoint);
}

void outcome_question::end_look() {
    looks_ = false;
    for (auto& [key, endpoint] : std::exchange(before_, {}))
        end(key, {.endpoint = std::move(endpoint), .how = delivery_outcome::ending::removed});
}

void outcome_question::see(const store::outbox_listed& l, bool ended) {
    using state = store::outbox_state;
    using ending = delivery_outcome::ending;
    const auto& e = l.entry;
    if (since_look_.contains(e.key)) return;
    const auto last = ended_.find(e.endpoint);
    const bool is_known = last != ended_.end() && last->second.key == e.key;
    const bool owes = l.state == state::pending || l.state == state::claimed;
    before_.erase(e.key);
    if (owes && !ended) {
        if (is_known) ended_.erase(last);  // it was made again
        owed_.emplace(e.key, e.endpoint);
        return;
    }
    // What was seen to end here is known better.
    if (is_known && last->second.how.how != ending::removed) return;
    const auto how = l.state == state::stopped ? ending::stopped : ending::dead;
    const auto why = owes ? make_error_code(errc::closed) : e.last_error;
    end(e.key, {.endpoint = e.endpoint, .how = how, .attempts = e.attempts, .error = why});
}

void outcome_question::see(const store::outbox_attempt& a) {
    if (a.error || !a.message || a.message->source != of_.source || a.message->id != of_.id) return;
    end(a.entry, {.endpoint = a.endpoint, .attempts = a.number, .status = a.status});
}

void outcome_question::complete(error_code ec, store::outbox_time known_since) noexcept {
    const auto done = std::exchange(done_, nullptr);
    if (!done) return;
    event_outcome all{{}, known_since};
    const bool has_room = tidings::detail::finds_memory([&] {
        all.deliveries.reserve(ended_.size());
        for (auto& [id, k] : ended_) all.deliveries.push_back(std::move(k.how));
    });
    done->complete(has_room ? ec : make_error_code(errc::out_of_memory), std::move(all));
}

}  // namespace tidings::webhook::detail
