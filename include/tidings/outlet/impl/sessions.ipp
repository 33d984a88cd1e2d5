// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/outlet/sessions.hpp>

namespace tidings {

void session_registration::release() noexcept {
    if (const auto at = std::exchange(at_, nullptr)) at->remove(key_);
}

namespace detail {

session_registry::session_registry(std::shared_ptr<metrics_sink> metrics, std::string transport)
    : metrics_(std::move(metrics)),
      transport_(std::move(transport)) {
    if (!metrics_) return;
    const auto place = [this](std::string_view name) {
        return metrics_->counter(name, {{"transport", transport_}});
    };
    counters_ = {place("events_sent"), place("events_unsent"), place("events_dropped")};
}

session_registration session_registry::add(const std::shared_ptr<void>& session) {
    {
        const std::lock_guard lock(mutex_);
        if (!draining_) open_[session.get()] = session;
    }
    count(1);
    session_registration place;
    place.at_ = shared_from_this();
    place.key_ = session.get();
    return place;
}

void session_registry::remove(const void* session) noexcept {
    {
        const std::lock_guard lock(mutex_);
        open_.erase(session);
    }
    count(-1);
}

std::vector<std::shared_ptr<void>> session_registry::take_no_more() {
    {
        const std::lock_guard lock(mutex_);
        draining_ = true;
    }
    return open();
}

std::vector<std::shared_ptr<void>> session_registry::open() const {
    std::vector<std::shared_ptr<void>> list;
    const std::lock_guard lock(mutex_);
    list.reserve(open_.size());
    for (const auto& [key, weak] : open_)
        if (auto s = weak.lock()) list.push_back(std::move(s));
    return list;
}

bool session_registry::draining() const noexcept {
    const std::lock_guard lock(mutex_);
    return draining_;
}

std::size_t session_registry::size() const noexcept {
    const std::lock_guard lock(mutex_);
    return open_.size();
}

void session_registry::count(std::int64_t add) const noexcept {
    if (metrics_) metrics_->gauge("clients", {{"transport", transport_}}, add);
}

}  // namespace detail
}  // namespace tidings
