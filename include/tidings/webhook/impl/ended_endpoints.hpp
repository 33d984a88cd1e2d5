// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/outbox_operations.hpp>

#include <cstddef>
#include <map>
#include <memory>
#include <new>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace tidings::webhook::detail {

/// How an endpoint is left.
enum class leaving {
    withdrawn,  ///< it is to be added again
    closed,     ///< nothing of it is to stay
    absent,     ///< the same: there is no endpoint of this id
};

/// Endpoints that were closed, or answered 410, while the outbox may hold something for them, and
/// ids of which there is none, and will be none: that is claimed before it is due, so that it is
/// given up at once. Lane-confined.
class ended_endpoints {
 public:
    /// What the sender has of an id now: where it is added anew nothing is given up.
    enum class presence { active, ended, none };

    /// The row of one is to go, once nothing of it is here.
    void note_over(const std::string& id) { over_.insert(id); }
    /// The same of several. Where there is no memory for it, the rows go by
    /// `outbox_options::keep_unknown`.
    void note_over(const std::vector<std::string>& ids) noexcept try {
        over_.insert(ids.begin(), ids.end());
    } catch (const std::bad_alloc&) {
        return;
    }
    /// It is added anew.
    void drop_over(const std::string& id) noexcept { over_.erase(id); }
    bool any_over() const noexcept { return !over_.empty(); }
    /// Those whose rows may go. @param is_over whether nothing is left of an id
    template <class IsOver>
    std::vector<std::string> take_over(IsOver is_over) {
        std::vector<std::string> taken;
        for (const auto& id : over_)
            if (is_over(id)) taken.push_back(id);
        for (const auto& id : taken) over_.erase(id);
        return taken;
    }

    /// Of one that is known, more is looked for. @param absent there is no endpoint of this id
    void add(const std::string& id, error_code why, bool absent) {
        auto& e = endpoints_.try_emplace(id, known{why}).first->second;
        e.asked = false;
        e.absent = e.absent || absent;
    }
    /// Why what is owed to this one is given up; nothing: it is not.
    error_code why(const std::string& id) const noexcept {
        const auto it = endpoints_.find(id);
        return it == endpoints_.end() ? error_code() : it->second.why;
    }
    /// Whether that is so of one that is there, or not, in this way.
    bool ends(const std::string& id, presence p) const noexcept {
        const auto it = endpoints_.find(id);
        return it != endpoints_.end() &&
               (p == presence::ended || (p == presence::none && it->second.absent));
    }
    /// Those of which there was no endpoint, beside those that the sender has.
    void add_absent(std::shared_ptr<const store::outbox_endpoints>& ids) const {
        std::shared_ptr<store::outbox_endpoints> all;
        for (const auto& [id, e] : endpoints_) {
            if (!e.absent || ids->contains(id)) continue;
            if (!all) all = std::make_shared<store::outbox_endpoints>(*ids);
            all->insert(std::make_shared<const std::string>(id));
        }
        if (all) ids = std::move(all);
    }
    bool empty() const noexcept { return endpoints_.empty(); }

    /// Adds them to a claim. @param presence_of an id
    template <class PresenceOf>
    void ask(store::outbox_query& q, PresenceOf presence_of) {
        std::erase_if(endpoints_,
                      [&](const auto& item) { return !ends(item.first, presence_of(item.first)); });
        for (auto& [id, e] : endpoints_) {
            q.shares.push_back({id, most, {}, true});
            e.asked = true;
            e.claimed = 0;
        }
    }
    void note_claimed(const std::string& id) noexcept {
        if (const auto it = endpoints_.find(id); it != endpoints_.end()) ++it->second.claimed;
    }
    /// Forgets those of which all there was came with this claim.
    void end_claim() noexcept {
        std::erase_if(endpoints_,
                      [](const auto& i) { return i.second.asked && i.second.claimed < most; });
    }

 private:
    static constexpr std::size_t most = 128;  // entries in one claim
    struct known {
        error_code why;
        bool asked = false;   // in the claim that is under way
        bool absent = false;  // also where there is no endpoint of this id
        std::size_t claimed = 0;
    };
    std::map<std::string, known> endpoints_;
    std::set<std::string> over_;
};

}  // namespace tidings::webhook::detail
