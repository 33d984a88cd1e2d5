// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/bus_program.hpp"
#include "support/naive_topics.hpp"

#include <tidings/errc.hpp>
#include <tidings/receipt.hpp>

#include <deque>
#include <optional>
#include <set>
#include <string>
#include <vector>

// What a bus must do, said as plainly as possible: no index, no lane, no lock. The order in which
// an executor runs things is not modelled. The library's calls are reported here as they happen,
// and each must be one that may come now; at rest none may be missing.

namespace tidings::test {

/// An event as `show` of bus_fixture.hpp has it, and the number of its position.
struct shown_event {
    std::string text;
    std::uint64_t number = 0;
    friend bool operator==(const shown_event&, const shown_event&) = default;
};

inline std::string print(const shown_event& e) {
    return e.text + (e.number != 0 ? " at " + std::to_string(e.number) : std::string());
}

/// A bounded queue: events, and places where one was lost.
class reference_queue {
 public:
    reference_queue(std::size_t room, overflow policy) : room_(room), policy_(policy) {}

    struct pushed {
        bool taken = true;
        std::size_t dropped = 0;
        bool ends = false;
    };
    pushed push(const std::string& topic, const shown_event& e) {
        pushed result;
        if (policy_ == overflow::conflate) {
            result.dropped = std::erase_if(slots_, [&](const slot& s) { return s.topic == topic; });
            slots_.insert(slots_.begin(), result.dropped, slot{});  // announced before all others
        }
        if (events() != 0 && events() >= room_) {
            if (policy_ != overflow::drop_oldest && policy_ != overflow::conflate) {
                slots_.push_back({});
                return {false, 1, policy_ == overflow::disconnect};
            }
            const auto oldest = std::find_if(slots_.begin(), slots_.end(),
                                             [](const slot& s) { return !s.topic.empty(); });
            *oldest = {};
            ++result.dropped;
        }
        slots_.push_back({topic, e});
        return result;
    }
    /// What comes next: places of lost events at the front are one announcement.
    std::optional<shown_event> pop() {
        std::size_t lost = 0;
        for (; !slots_.empty() && slots_.front().topic.empty(); ++lost) slots_.pop_front();
        if (lost != 0) return shown_event{"lagged(" + std::to_string(lost) + ')'};
        if (slots_.empty()) return std::nullopt;
        auto e = std::move(slots_.front().event);
        slots_.pop_front();
        return e;
    }
    bool empty() const { return slots_.empty(); }
    std::size_t events() const {
        return static_cast<std::size_t>(std::count_if(
            slots_.begin(), slots_.end(), [](const slot& s) { return !s.topic.empty(); }));
    }
    /// How many events that discarded.
    std::size_t clear() {
        const auto count = events();
        slots_.clear();
        return count;
    }

 private:
    struct slot {
        std::string topic{};  // none where an event was lost
        shown_event event{};
    };
    std::size_t room_;
    overflow policy_;
    std::deque<slot> slots_;
};

/// What was published, and what of it the history holds.
class reference_history {
 public:
    struct entry {
        std::string topic;
        tokens of_topic;
        shown_event event;
        bool evicted = false;
    };

    explicit reference_history(keeping kept) {
        if (kept == keeping::some) rules_ = {{"a.>", 5, {}}, {"b.a", 2, {}}, {"b.>", 0, {}}};
        if (kept == keeping::all) rules_ = {{"*", 4, {}}, {">", 12, {}}};
    }
    struct rule {
        std::string pattern;
        std::size_t most;
        std::vector<std::size_t> held;  // of the log
    };
    const std::vector<rule>& rules() const { return rules_; }
    const std::vector<entry>& log() const { return log_; }
    std::uint64_t head() const { return head_; }

    const entry& add(const std::string& topic, const std::string& text) {
        log_.push_back({topic, split(topic), {topic + '=' + text}});
        for (auto& r : rules_) {
            if (!naive_matches(split(r.pattern), log_.back().of_topic)) continue;
            if (r.most == 0) break;
            log_.back().event.number = ++head_;
            r.held.push_back(log_.size() - 1);
            if (r.held.size() > r.most) {
                log_[r.held.front()].evicted = true;
                r.held.erase(r.held.begin());
            }
            break;
        }
        return log_.back();
    }

 private:
    std::vector<rule> rules_;
    std::vector<entry> log_;
    std::uint64_t head_ = 0;
};

/// A subscription that began in the past: it reads the log. What is kept must come complete and in
/// order, or after a gap that is no lie; what is not kept comes in order, or is announced as lost.
/// One that conflates may miss what a newer event of the same topic superseded, if it is announced.
class reference_cursor {
 public:
    reference_cursor(const reference_history& h, tokens pattern, int after, std::uint64_t number,
                     after_gap behind, bool conflates, bool outlet)
        : history_(h),
          pattern_(std::move(pattern)),
          cursor_(number),
          behind_(behind),
          conflates_(conflates),
          outlet_(outlet),
          from_any_(after == at_any),
          gap_first_(after == at_foreign || after == at_future || h.rules().empty()),
          first_(h.log().size()),
          next_(h.log().size()) {
        if (from_any_) forgive();
    }

    /// What is wrong with this event as the next one.
    std::string take(const shown_event& e) {
        if (e.text == "gap") return take_gap(e.number);
        if (gap_first_) return "no gap before " + print(e);
        if (e.text.starts_with("lagged(")) {
            announced_ += static_cast<std::size_t>(std::stoul(e.text.substr(7)));
            return {};
        }
        return e.number != 0 ? take_kept(e) : take_other(e);
    }
    /// What is missing when all has come.
    std::string missing() const {
        if (gap_first_) return "the gap has not come";
        for (const auto& i : history_.log())
            if (wants(i) && i.event.number > cursor_ && !is_forgiven(i))
                return print(i.event) + " has not come";
        std::size_t published = 0;
        for (auto i = first_; i < history_.log().size(); ++i) {
            const auto& l = history_.log()[i];
            if (wants(l) && l.event.number == 0) ++published;
        }
        const auto lost = published + superseded_;
        // What was superseded may be evicted by now, and is forgiven then.
        if (conflates_ ? others_ + announced_ < lost : others_ + announced_ != lost)
            return "of " + std::to_string(published) + " that are not kept " +
                   std::to_string(others_) + " came and " + std::to_string(announced_) +
                   " were announced as lost";
        return {};
    }

 private:
    bool wants(const reference_history::entry& e) const {
        return naive_matches(pattern_, e.of_topic);
    }
    // Of one that asks for all that is held: what is gone when it begins, and what may have gone
    // before its first event came.
    void forgive() {
        for (const auto& i : history_.log())
            if (i.evicted) forgiven_.insert(i.event.number);
    }
    bool is_forgiven(const reference_history::entry& e) const {
        return from_any_ ? e.evicted : forgiven_.contains(e.event.number);
    }
    bool is_superseded(const reference_history::entry& e) const {
        const auto& log = history_.log();
        return conflates_ && std::any_of(log.begin(), log.end(), [&](const auto& i) {
                   return i.topic == e.topic && i.event.number > e.event.number;
               });
    }
    std::string take_gap(std::uint64_t number) {
        bool lost = std::exchange(gap_first_, false);
        for (const auto& i : history_.log())
            if (wants(i) && i.evicted && i.event.number > cursor_ &&
                !(from_any_ && forgiven_.contains(i.event.number)))
                lost = true;
        if (!lost) return "a gap although nothing is lost";
        if (number > history_.head()) return "a gap that ends in the future";
        if (behind_ == after_gap::held) {
            for (const auto& i : history_.log())
                if (wants(i) && !i.evicted && i.event.number > cursor_ && i.event.number <= number)
                    return "a gap behind " + print(i.event) + ", which is held";
        }
        // Behind these what is left comes, though some of it is gone.
        if (outlet_ || behind_ == after_gap::held) forgive();
        cursor_ = number;
        from_any_ = false;
        return {};
    }
    std::string take_kept(const shown_event& e) {
        if (e.number <= cursor_) return print(e) + " is old";
        const reference_history::entry* found = nullptr;
        for (const auto& i : history_.log()) {
            if (i.event.number == e.number) found = &i;
            if (i.event.number <= cursor_ || i.event.number >= e.number || !wants(i) ||
                is_forgiven(i))
                continue;
            if (!is_superseded(i)) return print(e) + " without " + print(i.event);
            ++superseded_;
        }
        if (announced_ < superseded_) return print(e) + " before what it superseded was announced";
        if (found == nullptr || found->event != e || !wants(*found))
            return print(e) + " was not published to it";
        cursor_ = e.number;
        if (std::exchange(from_any_, false)) forgive();
        return {};
    }
    std::string take_other(const shown_event& e) {
        for (; next_ < history_.log().size(); ++next_) {
            const auto& i = history_.log()[next_];
            if (i.event != e || !wants(i)) continue;
            ++next_;
            ++others_;
            return {};
        }
        return print(e) + " was not published to it, or came already";
    }

    const reference_history& history_;
    tokens pattern_;
    std::uint64_t cursor_;
    after_gap behind_;
    bool conflates_, outlet_;
    bool from_any_;
    std::set<std::uint64_t> forgiven_;
    bool gap_first_;
    std::size_t first_, next_;  // of the log: what is not kept
    std::size_t others_ = 0, announced_ = 0, superseded_ = 0;
};

}  // namespace tidings::test
