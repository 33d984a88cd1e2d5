// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/request/request_desk.hpp>
#include <tidings/topic.hpp>

#include <algorithm>
#include <new>
#include <utility>

namespace tidings::detail {

error_code request_desk::add(const std::shared_ptr<responder_subscription>& r) {
    const std::lock_guard lock(mutex_);
    if (closed_) return errc::closed;
    const auto& pattern = r->pattern();
    auto& to = is_literal_pattern(pattern) ? literal_[pattern] : wild_;
    to.push_back({r, ++turn_});
    return {};
}

void request_desk::remove(const responder_subscription& r) noexcept {
    std::shared_ptr<responder_subscription> last;  // goes after the lock
    const std::lock_guard lock(mutex_);
    const auto literal = literal_.find(r.pattern());
    auto& from = literal != literal_.end() ? literal->second : wild_;
    const auto at = std::find_if(from.begin(), from.end(),
                                 [&](const member& m) { return m.responder.get() == &r; });
    if (at == from.end()) return;
    last = std::move(at->responder);
    from.erase(at);
    if (literal != literal_.end() && from.empty()) literal_.erase(literal);
}

// With the mutex held.
template <class F>
void request_desk::for_each(std::string_view topic, F f) {
    if (const auto literal = literal_.find(topic); literal != literal_.end())
        for (auto& m : literal->second) f(m);
    for (auto& m : wild_)
        if (topic_matches(m.responder->pattern(), topic)) f(m);
}

bool request_desk::has_responder(std::string_view topic) noexcept {
    const std::lock_guard lock(mutex_);
    bool found = false;
    for_each(topic, [&](const member&) { found = true; });
    return found;
}

request_desk::choice request_desk::next_for(std::string_view topic) noexcept {
    const std::lock_guard lock(mutex_);
    member* next = nullptr;
    std::size_t count = 0;
    for_each(topic, [&](member& m) {
        ++count;
        if (next == nullptr || m.turn < next->turn) next = &m;
    });
    if (next == nullptr) return {};
    next->turn = ++turn_;
    return {next->responder, count};
}

std::shared_ptr<pending_request> request_desk::open(request_handler handler, error_code ec) {
    const auto r = std::make_shared<pending_request>(lane_, weak_from_this(), std::move(handler));
    pending_list one{r};
    if (!ec) {
        const std::lock_guard lock(mutex_);
        if (closed_)
            ec = errc::closed;
        else if (pending_.size() >= max_requests_)
            ec = errc::too_many;
        else {
            r->listed_ = true;
            r->place_ = one.begin();
            pending_.splice(pending_.end(), one);
        }
    }
    if (!ec) return r;
    r->complete(ec);
    return {};
}

void request_desk::close(pending_request& r) noexcept {
    pending_list gone;  // goes after the lock
    const std::lock_guard lock(mutex_);
    if (std::exchange(r.listed_, false)) gone.splice(gone.end(), pending_, r.place_);
}

void request_desk::hand(const event_ptr& e, const std::shared_ptr<pending_request>& r) noexcept {
    error_code why = errc::no_responders;
    std::size_t tried = 0;
    while (r->waits()) {
        const auto next = next_for(e->topic());
        if (!next.responder || tried++ >= next.of) {
            r->complete(why);
            return;
        }
        const auto ec = next.responder->push(e, r);
        if (!ec) return;
        if (ec != errc::closed) why = ec;
    }
}

// Everything that waits is in the list that is returned, and in no other any more.
request_desk::pending_list request_desk::end() noexcept {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    for (const auto& r : pending_) r->listed_ = false;
    return std::exchange(pending_, {});
}

void request_desk::close() noexcept {
    for (const auto& r : end()) r->complete(errc::closed);
}

void request_desk::abandon() noexcept {
    for (const auto& r : end()) r->abandon();
}

}  // namespace tidings::detail
