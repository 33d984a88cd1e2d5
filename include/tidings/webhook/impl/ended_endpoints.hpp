// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/outbox_operations.hpp>

#include <cstddef>
#include <map>
#include <string>

namespace tidings::webhook::detail {

/// Endpoints that were closed, or answered 410, while the outbox may hold something for them: that
/// is claimed before it is due, so that it is given up at once. Lane-confined.
class ended_endpoints {
 public:
    /// Of one that is known, more is looked for.
    void add(const std::string& id, error_code why) {
        endpoints_.try_emplace(id, known{why}).first->second.asked = false;
    }
    /// Why what is owed to this one is given up; nothing: it is not.
    error_code why(const std::string& id) const noexcept {
        const auto it = endpoints_.find(id);
        return it == endpoints_.end() ? error_code() : it->second.why;
    }
    bool empty() const noexcept { return endpoints_.empty(); }

    /// Adds them to a claim. @param has_ended of an id: false where it has been added anew
    template <class HasEnded>
    void ask(store::outbox_query& q, HasEnded has_ended) {
        std::erase_if(endpoints_, [&](const auto& item) { return !has_ended(item.first); });
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
        bool asked = false;  // in the claim that is under way
        std::size_t claimed = 0;
    };
    std::map<std::string, known> endpoints_;
};

}  // namespace tidings::webhook::detail
