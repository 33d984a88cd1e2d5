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
            if (before && before->held() && before->active() && !t->terms().replace) return false;
            replaced = std::exchange(it->second, known{t, std::nullopt}).target;
            if (fresh) change_ids(*t, true);
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
    if (ids_) return ids_;
    store::outbox_endpoints all;
    for (const auto& [id, e] : endpoints_) all.insert(e.target->name());
    ids_ = std::make_shared<const store::outbox_endpoints>(std::move(all));
    return ids_;
}

// What it does not find memory for is made anew by what asks next.
void endpoint_registry::change_ids(const endpoint_target& t, bool added) noexcept try {
    if (!ids_) return;
    auto changed = *ids_;
    if (added)
        changed.insert(t.name());
    else
        changed.erase(t.id());
    ids_ = std::make_shared<const store::outbox_endpoints>(std::move(changed));
} catch (const std::bad_alloc&) {
    ids_.reset();
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
        change_ids(*target, false);
        it = endpoints_.erase(it);
    }
}

void endpoint_registry::forget(const endpoint_target& t) {
    const std::lock_guard lock(mutex_);
    const auto it = endpoints_.find(t.id());
    if (it == endpoints_.end() || it->second.target.get() != &t) return;  // it was replaced
    change_ids(t, false);
    endpoints_.erase(it);
}

void endpoint_registry::end() noexcept {
    std::unordered_map<std::string, known> endpoints;
    {
        const std::lock_guard lock(mutex_);
        ended_ = true;
        endpoints.swap(endpoints_);
        ids_.reset();
    }
    for (const auto& [id, k] : endpoints) k.target->take_on_gone();
}

}  // namespace tidings::webhook::detail
