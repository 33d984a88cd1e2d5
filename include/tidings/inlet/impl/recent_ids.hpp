// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <list>
#include <mutex>
#include <string>
#include <unordered_map>

namespace tidings::detail {

/// The ids seen last, so that a repetition is recognised. Safe from any thread.
class recent_ids {
 public:
    enum class standing {
        fresh,    ///< new, and pending from now on
        pending,  ///< neither accepted nor forgotten yet
        known,    ///< accepted
    };

    /// `max`: how many accepted ones are remembered.
    explicit recent_ids(std::size_t max) : max_(max) {}

    standing begin(const std::string& id) {
        const std::lock_guard lock(mutex_);
        const auto [it, fresh] = ids_.try_emplace(id, accepted_.end());
        if (fresh) return standing::fresh;
        return it->second == accepted_.end() ? standing::pending : standing::known;
    }
    /// What `begin` called fresh is known from now on, until newer ones push it out.
    void accept(const std::string& id) {
        const std::lock_guard lock(mutex_);
        const auto it = ids_.find(id);
        if (it == ids_.end() || it->second != accepted_.end()) return;
        it->second = accepted_.insert(accepted_.end(), &it->first);
        if (accepted_.size() > max_) erase(ids_.find(*accepted_.front()));
    }
    /// Whether it was there.
    bool forget(const std::string& id) {
        const std::lock_guard lock(mutex_);
        const auto it = ids_.find(id);
        if (it == ids_.end()) return false;
        erase(it);
        return true;
    }

 private:
    using id_list = std::list<const std::string*>;  // the oldest first; the map holds the text
    using id_map = std::unordered_map<std::string, id_list::iterator>;

    void erase(id_map::iterator it) {
        if (it->second != accepted_.end()) accepted_.erase(it->second);
        ids_.erase(it);
    }

    std::mutex mutex_;
    const std::size_t max_;
    id_list accepted_;
    id_map ids_;
};

}  // namespace tidings::detail
