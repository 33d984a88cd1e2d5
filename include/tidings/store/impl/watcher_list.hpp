// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/impl/guarded.hpp>
#include <tidings/store/table.hpp>

#include <functional>
#include <map>
#include <memory>
#include <mutex>

namespace tidings::store::detail {

/// The watchers of a table. Calls are made one at a time, in the order of the changes.
class watcher_list : public std::enable_shared_from_this<watcher_list> {
 public:
    watch_handle add(std::function<void(const row_change&)> f) {
        const std::lock_guard lock(mutex_);
        const auto id = ++last_id_;
        watchers_.emplace(id, std::make_shared<const watcher>(std::move(f)));
        return watch_handle(nullptr, [weak = weak_from_this(), id](void*) {
            if (const auto self = weak.lock()) self->remove(id);
        });
    }
    void tell(const row_change& change) {
        const std::lock_guard lock(mutex_);
        for (auto it = watchers_.begin(); it != watchers_.end();) {
            const auto [id, f] = *it;  // kept: it may end its own watch
            tidings::detail::guarded({}, "table", [&call = *f, &change] { call(change); });
            it = watchers_.upper_bound(id);
        }
    }

 private:
    using watcher = std::function<void(const row_change&)>;

    void remove(std::uint64_t id) {
        const std::lock_guard lock(mutex_);
        watchers_.erase(id);
    }

    std::recursive_mutex mutex_;  // a watcher may end its own watch
    std::map<std::uint64_t, std::shared_ptr<const watcher>> watchers_;
    std::uint64_t last_id_ = 0;
};

}  // namespace tidings::store::detail
