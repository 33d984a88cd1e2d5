// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/impl/outbox_picture.hpp>

namespace tidings::store::detail {

const outbox_listed* outbox_picture::find_entry(std::uint64_t key) const noexcept {
    const auto it = of_.rows_.find(key);
    return it == of_.rows_.end() ? nullptr : &it->second.listed;
}

std::optional<outbox_endpoint> outbox_picture::find_endpoint(const std::string& id) const {
    const auto it = of_.endpoints_.find(id);
    return it == of_.endpoints_.end() ? std::nullopt : std::optional(it->second.listed(id));
}

const outbox_attempt_counts* outbox_picture::find_counts(const std::string& endpoint,
                                                         outbox_minute minute) const noexcept {
    const auto* const of = of_.find_held(endpoint);
    if (of == nullptr) return nullptr;
    const auto& minutes = of->counts.minutes;
    const auto it = minutes.find(minute);
    return it == minutes.end() ? nullptr : &it->second;
}

void outbox_picture::restore(const std::string& endpoint, const outbox_attempt_counts& counts) {
    const auto of = of_.endpoints_.find(endpoint);
    if (of == of_.endpoints_.end()) return;
    auto& held = of_.open_one(endpoint, of->second.added);
    of_.tally_.open(held.counts, counts.minute) = counts;
}

void outbox_picture::restore(outbox_endpoint e) {
    auto& made = of_.open_row(e.id, e.added);
    of_.set_row(made, std::move(e));
}

void outbox_picture::restore(outbox_listed l) {
    const auto key = l.entry.key;
    const auto why = l.entry.last_error;
    auto& e = of_.open_one(l.entry.endpoint, l.since);
    of_.insert(std::move(l.entry), e, l.since);
    auto& r = of_.rows_.at(key);
    if (l.state == outbox_state::dead) return of_.bury(r, why, l.since);
    r.listed.state = l.state;
    of_.update_line(r);
}

}  // namespace tidings::store::detail
