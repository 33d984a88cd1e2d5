// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/outbox_operations.hpp>

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <utility>

namespace tidings::webhook::detail {

/// Endpoints that were closed, or answered 410, while the outbox may hold something for them, and
/// ids of which there is none, and will be none: that is claimed before it is due, so that it is
/// given up at once. Lane-confined.
class ended_endpoints {
 public:
    /// What the sender has of an id now: where it is added anew nothing is given up.
    enum class presence { active, ended, none };

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
};

}  // namespace tidings::webhook::detail
