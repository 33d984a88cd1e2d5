// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/impl/guarded.hpp>
#include <tidings/lane/impl/lane_handler.hpp>
#include <tidings/webhook/impl/batch_plan.hpp>
#include <tidings/webhook/impl/endpoint_check.hpp>
#include <tidings/webhook/impl/signing_desk.hpp>

#include <algorithm>
#include <atomic>

namespace tidings::webhook::detail {

using namespace tidings::detail;

namespace {

constexpr std::chrono::seconds first_signing_wait{1};
constexpr std::uint32_t most_signing_doublings = 5;  // 32 s

/// Passes the first answer on.
class first_answer {
 public:
    explicit first_answer(completion_handler<error_code, http::fields> h)
        : state_(std::make_unique<state>(std::move(h))) {}
    void operator()(error_code ec, http::fields f) {
        if (!state_->given.test_and_set()) std::move(state_->handler)(ec, std::move(f));
    }

 private:
    struct state {
        explicit state(completion_handler<error_code, http::fields> h) : handler(std::move(h)) {}
        completion_handler<error_code, http::fields> handler;
        std::atomic_flag given{};
    };
    std::unique_ptr<state> state_;
};

}  // namespace

signing_desk::signing_desk(std::shared_ptr<lane> l, io::clock& clock, signing_options options,
                           log_sink log, ready_function ready)
    : lane_(std::move(l)),
      clock_(clock),
      options_(options),
      log_(std::move(log)),
      ready_(std::move(ready)),
      timer_([this] { on_timer(); }) {}

bool signing_desk::look(const endpoint_target& t, const entries& line, std::size_t ahead) {
    const auto now = clock_.now();
    auto& w = works_[t.id()];
    // What another signer has made, or is to make, of one that was replaced is not for this one.
    if (w.by != t.terms().async_signer) w = {.by = t.terms().async_signer, .label = t.label()};
    const auto wanted = std::min(ahead, line.size());
    const auto end = line.begin() + static_cast<std::ptrdiff_t>(wanted);
    std::erase_if(w.slots, [&](const slot& s) {
        const bool in_line =
            std::any_of(line.begin(), end, [&](const parcel& p) { return s.is_of(p); });
        return !in_line || (s.done && s.at + max_age <= now);
    });
    const auto slot_of = [&](const parcel& p) {
        return std::find_if(w.slots.begin(), w.slots.end(),
                            [&](const slot& s) { return s.is_of(p); });
    };
    for (auto it = line.begin(); it != end; ++it)
        if (slot_of(*it) == w.slots.end() && !ask(t, w, *it)) break;
    const auto first = line.empty() ? w.slots.end() : slot_of(line.front());
    return first != w.slots.end() && first->done;
}

// False: none can be asked now.
bool signing_desk::ask(const endpoint_target& t, work& w, const parcel& p) {
    const auto now = clock_.now();
    if (w.not_before > now) {
        waiting_.emplace(w.not_before, t.id());
        wait();
        return false;
    }
    const auto& signer = t.terms().async_signer;
    auto& q = queues_[signer.get()];
    if (q.asked >= std::max<std::size_t>(options_.max_concurrent, 1)) {
        if (!w.queued) q.waiting.push_back(t.id());
        w.queued = true;
        return false;
    }
    const auto ticket = ++tickets_;
    made_signature made{.at = clock_.wall_now()};
    signing_request what{.attempt = made.at};
    if (p.is_batch()) {
        what.id = p.of->id;
        what.body = entry_of_batch(p)->message->body;
    } else {
        what.id = id_of(p.first);
        what.body = p.first.message->body;
    }
    if (!what.body) what.body = std::make_shared<const std::string>();
    first_answer answer(lane_handler<http::fields>(
        lane_, errc::webhook_signing_failed,
        [weak = weak_from_this(), ticket](error_code ec, http::fields f) {
            if (const auto self = weak.lock()) self->on_signed(ticket, ec, std::move(f));
        }));
    w.slots.reserve(w.slots.size() + 1);
    slot asked{.key = p.first.key,
               .batch = std::string(p.batch_id()),
               .ticket = ticket,
               .at = now,
               .made = std::move(made)};
    const auto most = std::min<std::chrono::milliseconds>(options_.timeout, max_age);
    asked_.emplace(ticket, question{t.id(), signer.get(), now + most});
    w.slots.push_back(std::move(asked));
    ++q.asked;
    wait();
    guarded(log_, "webhook", [&] { signer->start_sign(std::move(what), std::move(answer)); });
    return true;
}

void signing_desk::on_signed(std::uint64_t ticket, error_code ec, http::fields f) {
    const auto it = asked_.find(ticket);
    if (it == asked_.end()) return;  // past its deadline, or the sender has ended
    const auto answered = asked_.extract(it);
    const auto& q = answered.mapped();
    if (!ec && !may_sign(f)) ec = errc::webhook_signing_failed;
    conclude(ticket, q, ec, std::move(f));
}

// Where memory runs out, the signature is asked for again when the endpoint is looked at next, and
// what was to go on with this answer is not known any more.
void signing_desk::conclude(std::uint64_t ticket, const question& q, error_code ec,
                            http::fields f) {
    std::vector<std::string> ids;
    const bool noted = finds_memory([&] {
        leave(q.of, ids);
        note(ticket, q, ec, std::move(f), ids);
    });
    if (!noted) drop(q.endpoint, ticket);
    wait();
    ready_(ids, noted ? error_code() : make_error_code(errc::out_of_memory));
}

void signing_desk::drop(const std::string& id, std::uint64_t ticket) noexcept {
    if (const auto it = works_.find(id); it != works_.end())
        std::erase_if(it->second.slots, [&](const slot& s) { return s.ticket == ticket; });
}

void signing_desk::note(std::uint64_t ticket, const question& q, error_code ec, http::fields f,
                        std::vector<std::string>& ids) {
    const auto it = works_.find(q.endpoint);
    if (it == works_.end()) return;
    auto& w = it->second;
    const auto s = std::find_if(w.slots.begin(), w.slots.end(),
                                [&](const slot& each) { return each.ticket == ticket; });
    if (ec && w.by.get() == q.of) {
        if (s != w.slots.end()) w.slots.erase(s);
        return fail(q.endpoint, w, ec);
    }
    if (!ec && s != w.slots.end()) {
        w.failures = 0;
        w.last = {};
        w.not_before = {};
        s->made.fields = std::move(f);
        s->done = true;
    }
    ids.push_back(q.endpoint);
}

// What several questions fail with at once is one failure.
void signing_desk::fail(const std::string& id, work& w, error_code ec) {
    const auto now = clock_.now();
    if (w.not_before <= now) {
        const auto doublings = std::min(w.failures++, most_signing_doublings);
        w.not_before = now + first_signing_wait * (1 << doublings);
    }
    waiting_.emplace(w.not_before, id);
    if (std::exchange(w.last, ec) != ec && log_)
        log_({log_level::error, "webhook", "signing failed for " + w.label, ec});
}

// As many endpoints may ask as there is room for. One of them may have nothing to ask any more: the
// next answer makes room again, and where there is none to come, all may.
void signing_desk::leave(const async_signer* s, std::vector<std::string>& open) {
    const auto it = queues_.find(s);
    if (it == queues_.end()) return;
    auto& q = it->second;
    const auto room = std::max<std::size_t>(options_.max_concurrent, 1) -
                      std::min(--q.asked, options_.max_concurrent);
    while (!q.waiting.empty() && (q.asked == 0 || open.size() < room)) {
        open.push_back(std::move(q.waiting.front()));
        q.waiting.pop_front();
        if (const auto w = works_.find(open.back()); w != works_.end()) w->second.queued = false;
    }
    if (q.asked == 0) queues_.erase(it);
}

made_signature signing_desk::take(const std::string& id, const parcel& p) {
    auto& slots = works_[id].slots;
    const auto it =
        std::find_if(slots.begin(), slots.end(), [&](const slot& s) { return s.is_of(p); });
    if (it == slots.end()) return {};
    auto made = std::move(it->made);
    slots.erase(it);
    return made;
}

void signing_desk::dismiss(const std::string& id) {
    const auto it = works_.find(id);
    if (it == works_.end() || waiting_.erase({it->second.not_before, id}) == 0) return;
    wait();
}

void signing_desk::on_timer() {
    const auto now = clock_.now();
    const auto self = shared_from_this();
    while (!asked_.empty() && asked_.begin()->second.deadline <= now) {
        const auto overdue = asked_.extract(asked_.begin());
        conclude(overdue.key(), overdue.mapped(), errc::timed_out, {});
    }
    std::vector<std::string> ids;
    finds_memory([&] {
        while (!waiting_.empty() && waiting_.begin()->first <= now) {
            ids.push_back(waiting_.begin()->second);
            waiting_.erase(waiting_.begin());
        }
    });
    wait();
    if (!ids.empty()) ready_(ids, {});
}

void signing_desk::wait() {
    auto next = io::steady_time::max();
    if (!asked_.empty()) next = asked_.begin()->second.deadline;
    if (!waiting_.empty()) next = std::min(next, waiting_.begin()->first);
    if (next == io::steady_time::max()) return timer_.cancel();
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(next - clock_.now());
    timer_.arm(lane_->timers(), std::max(left, std::chrono::milliseconds(0)));
}

void signing_desk::stop() noexcept {
    timer_.cancel();
    works_.clear();
    asked_.clear();
    queues_.clear();
    waiting_.clear();
}

}  // namespace tidings::webhook::detail
