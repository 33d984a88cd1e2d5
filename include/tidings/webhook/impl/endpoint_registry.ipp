// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/webhook/impl/endpoint_registry.hpp>

#include <algorithm>
#include <iterator>

namespace tidings::webhook::detail {

using namespace tidings::detail;

// Endpoints own their sender, and the hooks they release may own anything: both end outside the
// mutex.

void endpoint_registry::add(const std::shared_ptr<endpoint_state>& e) {
    std::vector<std::shared_ptr<endpoint_state>> replaced;
    bool late = false;
    {
        const std::lock_guard lock(mutex_);
        late = ended_;
        if (!late) {
            auto [it, fresh] = endpoints_.try_emplace(e->id());
            if (auto old = it->second.state.lock()) replaced.push_back(std::move(old));
            it->second = {e, std::nullopt};
            if (fresh) ids_.reset();
            const auto same = std::partition(lingering_.begin(), lingering_.end(),
                                             [&](const auto& l) { return l->id() != e->id(); });
            replaced.insert(replaced.end(), std::make_move_iterator(same),
                            std::make_move_iterator(lingering_.end()));
            lingering_.erase(same, lingering_.end());
        }
    }
    if (late) e->close();
    for (const auto& old : replaced) old->take_on_gone();
}

void endpoint_registry::linger(std::shared_ptr<endpoint_state> e) {
    const std::lock_guard lock(mutex_);
    if (!ended_) lingering_.push_back(std::move(e));
}

std::shared_ptr<endpoint_state> endpoint_registry::find(const std::string& id) const {
    const std::lock_guard lock(mutex_);
    const auto it = endpoints_.find(id);
    return it == endpoints_.end() ? nullptr : it->second.state.lock();
}

bool endpoint_registry::is_known(const std::string& id) const {
    const std::lock_guard lock(mutex_);
    return endpoints_.contains(id);
}

std::shared_ptr<const store::outbox_endpoints> endpoint_registry::ids() {
    const std::lock_guard lock(mutex_);
    if (!ids_) {
        store::outbox_endpoints ids;
        for (const auto& [id, e] : endpoints_) ids.insert(id);
        ids_ = std::make_shared<const store::outbox_endpoints>(std::move(ids));
    }
    return ids_;
}

void endpoint_registry::forget_missed(io::system_time now, std::chrono::milliseconds keep) {
    const std::lock_guard lock(mutex_);
    for (auto it = endpoints_.begin(); it != endpoints_.end();) {
        auto& [state, missed] = it->second;
        const bool held = !state.expired();
        if (!held && !missed) missed = now;
        if (held || *missed + keep > now) {
            ++it;
            continue;
        }
        it = endpoints_.erase(it);
        ids_.reset();
    }
}

void endpoint_registry::end() noexcept {
    std::unordered_map<std::string, known> endpoints;
    std::vector<std::shared_ptr<endpoint_state>> lingering;
    {
        const std::lock_guard lock(mutex_);
        ended_ = true;
        endpoints.swap(endpoints_);
        lingering.swap(lingering_);
    }
    for (const auto& [id, k] : endpoints)
        if (const auto e = k.state.lock()) e->take_on_gone();
}

}  // namespace tidings::webhook::detail
