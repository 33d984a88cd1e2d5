// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/reference_parts.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

namespace tidings::test {

/// A queue group as it must be, whichever member gets an event: none comes twice, each member's
/// come in the order of publication, but for what one that ended may have left, and at rest nothing
/// is missing that was not announced as lost.
class reference_group {
 public:
    bool empty() const { return last_of_.empty(); }
    void join(int who, bool reads) {
        last_of_[who] = 0;
        readers_ += reads ? 1 : 0;
    }
    void leave(int who, bool reads) {
        last_of_.erase(who);
        readers_ -= reads ? 1 : 0;
        left_through_ = published_;
        // What nobody is left for is discarded.
        if (empty()) waiting_.clear();
        if (empty()) announced_ = 0;
    }
    void publish(const shown_event& e) { waiting_.push_back({++published_, e}); }

    /// What is wrong with this event as the next one of a member.
    std::string take(int who, const shown_event& e) {
        if (e.text.starts_with("lagged(")) {
            announced_ += static_cast<std::size_t>(std::stoul(e.text.substr(7)));
            return missing() < 0 ? "more is announced than was lost" : "";
        }
        auto& last = last_of_.at(who);
        const auto next = [&](const waiting& w) {
            return w.event == e && (w.number > last || w.number <= left_through_);
        };
        const auto at = std::find_if(waiting_.begin(), waiting_.end(), next);
        if (at == waiting_.end()) return print(e) + " was not published to it, or came already";
        last = std::max(last, at->number);
        waiting_.erase(at);
        return missing() < 0 ? "what was announced as lost has come" : "";
    }
    /// Nothing is under way. `read`: every receiver was read to the end.
    std::string at_rest(bool read) const {
        if (readers_ != 0 && !read) return {};
        return missing() == 0 ? "" : std::to_string(missing()) + " events of a group have not come";
    }
    bool holds() const { return missing() != 0; }

 private:
    struct waiting {
        std::size_t number;
        shown_event event;
    };
    std::ptrdiff_t missing() const {
        return static_cast<std::ptrdiff_t>(waiting_.size()) -
               static_cast<std::ptrdiff_t>(announced_);
    }
    std::map<int, std::size_t> last_of_;  // of each member, what it got last
    std::size_t readers_ = 0;
    std::vector<waiting> waiting_;
    std::size_t published_ = 0;
    std::size_t announced_ = 0;     // as lost
    std::size_t left_through_ = 0;  // up to here a member that ended may have had it
};

}  // namespace tidings::test
