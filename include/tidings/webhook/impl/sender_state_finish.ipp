// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/webhook/impl/sender_state.hpp>

#include <algorithm>

namespace tidings::webhook::detail {

using namespace tidings::detail;

namespace {

using settled = store::outbox_result::state;

constexpr std::size_t endpoints_at_once = 256;

}  // namespace

// One transaction a round: everything that was settled since the last. Whether that is so by now.
bool sender_state::finish() noexcept {
    if (finishing_ || (results_.empty() && changed_.empty() && !gone_.any_over())) return false;
    // Nothing of it is here, or still to be given up.
    const auto is_over = [this](const std::string& id) {
        const auto t = endpoints_.find(id);
        const auto l = lines_.find(id);
        const bool held = l != lines_.end() && (!l->second.empty() || l->second.in_flight != 0);
        return !(t && t->active()) && !held && !gone_.why(id);
    };
    store::outbox_round round{.now = now()};
    finds_memory([&] { round.ended = gone_.take_over(is_over); });  // else the next time
    if (results_.empty() && changed_.empty() && round.ended.empty()) return false;
    finishing_ = true;
    ++settlements_;
    round.results = std::exchange(results_, {});
    bool done = false;
    if (finds_memory([&] { done = start_finish(round); })) return done;
    finishing_ = false;
    --settlements_;
    results_ = std::move(round.results);
    gone_.note_over(round.ended);
    wake_at(now() + after_failed_storage);
    return false;
}

// As `finish`.
bool sender_state::start_finish(store::outbox_round& all) {
    auto& results = all.results;
    const auto& ended = all.ended;
    const bool retries =
        next_of_order_ || std::any_of(results.begin(), results.end(),
                                      [](const auto& r) { return r.outcome == settled::retry; });
    store::outbox_round round{.now = now(), .results = {}, .attempts = attempts_, .health = {}};
    round.health = health_of_changed();
    round.ended = ended;
    if (prompt_ != nullptr) {
        // Nothing throws from here on.
        outcomes_->begin_settling();
        next_of_order_ = false;
        round.results = std::move(results);
        const bool done = ask_store([&] { prompt_->finish(std::move(round)); });
        if (done) {
            changed_.clear();
            attempts_.clear();
        }
        if (!done) gone_.note_over(ended);
        const auto ec = done ? error_code() : make_error_code(errc::store_failed);
        return on_finished(ec, std::move(round.results), retries);
    }
    const auto changed = std::make_shared<std::set<std::string>>(changed_);
    auto on_done = store_handler(
        [this, results, changed, ended, attempts = attempts_, retries](error_code ec) mutable {
            if (ec) changed_.merge(*changed);
            if (ec) gone_.note_over(ended);
            if (ec)
                finds_memory(
                    [&] { attempts_.insert(attempts_.begin(), attempts.begin(), attempts.end()); });
            if (on_finished(ec, std::move(results), retries)) return end_round_and_report();
            check_drained();
        });
    // Nothing throws from here on.
    outcomes_->begin_settling();
    next_of_order_ = false;
    changed_.clear();
    attempts_.clear();
    round.results = std::move(results);
    ask_store([&] { outbox_->start_finish(std::move(round), std::move(on_done)); });
    return false;
}

// Whether it is settled: else it is tried again.
bool sender_state::on_finished(error_code ec, std::vector<store::outbox_result> results,
                               bool retries) {
    finishing_ = false;
    if (!running()) return false;
    if (failed_.settling.note(ec, now()) && options_.log)
        finds_memory([&] { options_.log({log_level::error, "webhook", "settling failed", ec}); });
    if (ec) {
        const bool kept = finds_memory(
            [&] { results_.insert(results_.begin(), results.begin(), results.end()); });
        if (kept) {
            outcomes_->repeat_settling();
            wake_at(now() + after_failed_storage);
            return false;
        }
        outcomes_->end_settling(false, now());
        drop_unstored();
        for (const auto& r : results) let_go(r.key);
        return false;
    }
    settled_ = settlements_;
    outcomes_->end_settling(true, now());
    for (const auto& r : results)
        if (r.outcome != settled::keep) held_.erase(r.key);
    const bool turned = finds_memory([this] {
        for (const auto& id : std::exchange(storing_, {})) wait_turn(id);
    });
    if (!turned) claim_later(errc::out_of_memory);
    if (retries) claim();
    return true;
}

// Where it cannot be done, what waits for it is done the next time.
void sender_state::note_added(const std::string& after) {
    if (!running()) return;
    std::optional<std::string> next;
    const auto known = [this](const std::string& id) { return endpoints_.is_known(id); };
    if (!ask_store([&] { next = prompt_->note_added(now(), after, endpoints_at_once, known); }))
        return;
    if (!next) return retain(true);
    lane_->post([self = shared_from_this(), id = std::move(*next)] { self->note_added(id); });
}

// What its bounds of time end, once an hour, as claims are made. An outbox that fails is asked
// again the next time. At the beginning endpoints are being added that an outbox in a file knows,
// and that were added long ago.
void sender_state::retain(bool goes_on) {
    if (!goes_on && now() < last_retention_ + between_retentions) return;
    last_retention_ = now();
    if (prompt_ != nullptr && !goes_on) return note_added({});
    auto on_done = store_handler<store::outbox_retained>(
        [this](error_code ec, const store::outbox_retained& r) {
            if (ec || !running()) return;
            note_dropped(r.dead);
            finds_memory([this] { report_changes(); });
            if (!r.at_end && running()) retain(true);
        });
    // The endpoints are noted once.
    ask_store([&] {
        outbox_->start_retain({.now = now(), .of = goes_on ? nullptr : endpoints_.ids()},
                              std::move(on_done));
    });
}

}  // namespace tidings::webhook::detail
