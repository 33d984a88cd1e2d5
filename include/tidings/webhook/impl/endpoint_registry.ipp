// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/webhook/impl/endpoint_registry.hpp>

#include <utility>

namespace tidings::webhook::detail {

using namespace tidings::detail;

// The hooks that targets release may own anything: they end outside the mutex.

bool endpoint_registry::add(std::shared_ptr<endpoint_target> t) {
    std::shared_ptr<endpoint_target> replaced;
    bool late = false;
    {
        const std::lock_guard lock(mutex_);
        late = ended_;
        if (!late) {
            auto [it, fresh] = endpoints_.try_emplace(t->id());
            const auto& before = it->second.target;
            if (before && before->held() && before->active() && !t->options().replace) return false;
            replaced = std::exchange(it->second, known{t, std::nullopt}).target;
            if (fresh) ids_.reset();
        }
    }
    if (late) t->close();
    if (replaced) replaced->take_on_gone();
    return true;
}

std::shared_ptr<endpoint_target> endpoint_registry::find(const std::string& id) {
    const std::lock_guard lock(mutex_);
    const auto it = endpoints_.find(id);
    if (it == endpoints_.end()) return nullptr;
    it->second.missed.reset();
    return it->second.target;
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
        auto& [target, missed] = it->second;
        const bool held = target->held();
        if (!held && !missed) missed = now;
        if (held || *missed + keep > now) {
            ++it;
            continue;
        }
        it = endpoints_.erase(it);
        ids_.reset();
    }
}

void endpoint_registry::forget(const endpoint_target& t) {
    const std::lock_guard lock(mutex_);
    const auto it = endpoints_.find(t.id());
    if (it == endpoints_.end() || it->second.target.get() != &t) return;  // it was replaced
    endpoints_.erase(it);
    ids_.reset();
}

void endpoint_registry::end() noexcept {
    std::unordered_map<std::string, known> endpoints;
    {
        const std::lock_guard lock(mutex_);
        ended_ = true;
        endpoints.swap(endpoints_);
    }
    for (const auto& [id, k] : endpoints) k.target->take_on_gone();
}

}  // namespace tidings::webhook::detail
