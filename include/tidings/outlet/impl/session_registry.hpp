// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace tidings::detail {

/// The open sessions of a service, so that it can end them. Safe from any thread.
template <class Session>
class session_registry {
 public:
    /// False when the service is draining.
    bool add(const std::shared_ptr<Session>& s) {
        const std::lock_guard lock(mutex_);
        if (!draining_) sessions_[s.get()] = s;
        return !draining_;
    }
    void remove(const Session* s) noexcept {
        const std::lock_guard lock(mutex_);
        sessions_.erase(s);
    }
    /// Takes no more.
    void drain() noexcept {
        const std::lock_guard lock(mutex_);
        draining_ = true;
    }
    bool draining() const noexcept {
        const std::lock_guard lock(mutex_);
        return draining_;
    }
    std::size_t size() const noexcept {
        const std::lock_guard lock(mutex_);
        return sessions_.size();
    }
    std::vector<std::shared_ptr<Session>> all() const {
        std::vector<std::shared_ptr<Session>> list;
        const std::lock_guard lock(mutex_);
        list.reserve(sessions_.size());
        for (const auto& [key, weak] : sessions_)
            if (auto s = weak.lock()) list.push_back(std::move(s));
        return list;
    }

 private:
    mutable std::mutex mutex_;
    std::unordered_map<const Session*, std::weak_ptr<Session>> sessions_;
    bool draining_ = false;
};

}  // namespace tidings::detail
