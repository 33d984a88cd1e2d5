// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/reference_group.hpp"
#include "support/reference_parts.hpp"

#include <tidings/subscription.hpp>
#include <tidings/topic.hpp>

#include <map>

namespace tidings::test {

/// A bus as it must be; see reference_parts.hpp. What a function returns as text is what is wrong;
/// nothing is as it should be.
class reference_bus {
 public:
    explicit reference_bus(keeping kept) : history_(kept) {}

    /// The number after which a subscription begins.
    std::uint64_t beginning(int after) const {
        if (after == at_future) return history_.head() + 1000;
        return after > 0 ? history_.head() * static_cast<std::uint64_t>(after) / 8 : 0;
    }
    error_code subscribe(const step& s) {
        auto& made = subscriptions_.emplace(s.who, subscription(s)).first->second;
        made.order = subscriptions_.size();
        if (const auto ec = check_pattern(s.topic)) {
            made.active = false;
            return ec;
        }
        if (s.grouped) {
            made.group = &groups_[s.topic];
            made.group->join(s.who, s.how == way::receiver);
        }
        if (s.after != at_present)
            made.cursor.emplace(history_, made.pattern, s.after, beginning(s.after), s.behind,
                                s.policy == overflow::conflate && s.how != way::outlet,
                                s.how == way::outlet);
        return {};
    }
    void unsubscribe(int who) {
        auto& s = subscriptions_.at(who);
        if (!std::exchange(s.active, false)) return;
        const auto left = s.queue.clear();
        if (s.how != way::outlet) s.counted.discarded += left;
        if (s.group != nullptr) s.group->leave(who, s.how == way::receiver);
        s.failing_readers += s.readers.size();
        s.readers.clear();
    }

    /// A publication begins. What it must answer is known at its end.
    void begin(const std::string& topic, const std::string& text, bool prepared) {
        frame f;
        // What was prepared has passed the check.
        if (!prepared) f.answer.error = check_topic(topic);
        if (!f.answer.error && frames_.size() >= max_hops) f.answer.error = errc::hop_limit;
        if (!f.answer.error) f.answer.error = refusal_;
        if (!f.answer.error) dispatch(f, topic, text);
        frames_.push_back(std::move(f));
    }
    std::string end(const receipt& r) {
        const auto f = std::move(frames_.back());
        frames_.pop_back();
        for (const auto who : f.waiting)
            if (subscriptions_.at(who).active)
                return "callback " + std::to_string(who) + " was not called with " + print(f.event);
        const auto number = r.position ? r.position->number() : 0;
        const bool same = r.error == f.answer.error && number == f.event.number &&
                          r.matched == f.answer.matched && r.delivered == f.answer.delivered &&
                          r.queued == f.answer.queued && r.dropped == f.answer.dropped;
        return same ? std::string() : "receipt " + print(r) + " instead of " + print(f.answer);
    }

    /// The library calls a callback, or a subscriber.
    std::string call(int who, const shown_event& e) {
        auto& s = subscriptions_.at(who);
        const auto name = std::to_string(who) + " got " + print(e);
        if (!s.active) return name + " after its end";
        if (s.how == way::immediate) return call_immediate(s, e, name);
        return take(s, e, name);
    }
    void returned(int who, const shown_event& e, bool threw) {
        auto& s = subscriptions_.at(who);
        if (threw)
            ++s.counted.failed;
        else if (!is_announcement(e))
            ++s.counted.delivered;
        s.threw_at_announcement |= threw && is_announcement(e);
        if (s.how == way::outlet && !s.cursor && !is_announcement(e)) ++s.counted.matched;
    }

    /// What a receiver gave when it was asked.
    std::string receive(int who, const std::optional<shown_event>& e) {
        auto& s = subscriptions_.at(who);
        const auto name = std::to_string(who) + " gave " + (e ? print(*e) : "nothing");
        if (!e && s.group != nullptr) return {};
        if (!e) {
            const auto next = s.queue.pop();
            return next ? name + " instead of " + print(*next) : std::string();
        }
        const auto wrong = take(s, *e, name);
        if (!is_announcement(*e)) ++s.counted.delivered;
        return wrong;
    }
    /// A receiver is asked for up to `most`, when it has some.
    void await(int who, std::size_t most) {
        auto& s = subscriptions_.at(who);
        if (!s.active) {
            ++s.failing_readers;
            return;
        }
        s.reader_works = false;
        s.readers.push_back(most);
        serve_readers(s);
    }
    std::string read(int who, const std::vector<shown_event>& events) {
        auto& s = subscriptions_.at(who);
        if (events.empty()) {
            // The end of a drain, and of a queue that was full, is known after those of its reads.
            const bool may_end = draining_ || s.ending;
            if (s.failing_readers == 0 && (!may_end || s.readers.empty()))
                return std::to_string(who) + " gave nothing";
            if (s.failing_readers != 0) {
                --s.failing_readers;
            } else {
                s.readers.pop_front();
                s.reader_works = false;  // it waited: the drain did not wait for it
            }
            return {};
        }
        if (s.batches.empty() || s.batches.front() != events)
            return std::to_string(who) + " gave another batch";
        s.batches.pop_front();
        return {};
    }

    /// All that was ready has run.
    std::string at_rest() {
        for (const auto& [pattern, g] : groups_)
            if (const auto wrong = g.at_rest(false); !wrong.empty()) return pattern + ": " + wrong;
        for (auto& [who, s] : subscriptions_) {
            const auto name = std::to_string(who) + ": ";
            if (!s.batches.empty() || s.failing_readers != 0) return name + "a read is pending";
            if (s.active && std::exchange(s.ending, false)) unsubscribe(who);
            if (!s.active || s.how == way::immediate || s.how == way::receiver) continue;
            if (const auto next = s.queue.pop()) return name + print(*next) + " has not come";
            if (!s.cursor) continue;
            if (const auto wrong = s.cursor->missing(); !wrong.empty()) return name + wrong;
        }
        return {};
    }
    /// And every receiver that the lane fills was read to the end.
    std::string settled() const {
        for (const auto& [pattern, g] : groups_)
            if (const auto wrong = g.at_rest(true); !wrong.empty()) return pattern + ": " + wrong;
        for (const auto& [who, s] : subscriptions_) {
            if (!s.active || !s.cursor) continue;
            if (const auto wrong = s.cursor->missing(); !wrong.empty())
                return std::to_string(who) + ": " + wrong;
        }
        return {};
    }
    /// Whether a receiver would keep a drain waiting.
    bool busy() const {
        for (const auto& [pattern, g] : groups_)
            if (g.holds()) return true;
        return std::any_of(subscriptions_.begin(), subscriptions_.end(), [](const auto& i) {
            const auto& s = i.second;
            return s.active && s.how == way::receiver &&
                   (!s.queue.empty() || (s.reader_works && s.readers.empty()));
        });
    }
    void drain() { draining_ = true; }
    /// It has drained, or is closed: everything has ended.
    void refuse(error_code ec) {
        refusal_ = ec;
        for (const auto& [who, s] : subscriptions_) unsubscribe(who);
    }

    std::size_t active() const {
        return static_cast<std::size_t>(
            std::count_if(subscriptions_.begin(), subscriptions_.end(),
                          [](const auto& i) { return i.second.active; }));
    }
    std::string check_counters(int who, const subscription_counters& c) const {
        const auto& s = subscriptions_.at(who);
        const auto& w = s.counted;
        const bool same = s.cursor || s.group != nullptr
                              ? s.threw_at_announcement ||
                                    c.matched == c.delivered + c.dropped + c.discarded + c.failed
                              : c.matched == w.matched && c.delivered == w.delivered &&
                                    c.dropped == w.dropped && c.discarded == w.discarded &&
                                    c.failed == w.failed;
        return same ? std::string()
                    : "counters of " + std::to_string(who) + ": " + print(c) +
                          (s.cursor || s.group != nullptr ? " do not add up"
                                                          : " instead of " + print(w));
    }

 private:
    static constexpr std::size_t no_bound = 1'000'000;

    struct subscription {
        explicit subscription(const step& s)
            : who(s.who),
              how(s.how),
              text(s.topic),
              pattern(split(s.topic)),
              queue(s.how == way::outlet ? reference_queue(no_bound, overflow::drop_oldest)
                                         : reference_queue(s.room, s.policy)) {}
        int who;
        std::size_t order = 0;  // of its subscribing
        way how;
        std::string text;
        tokens pattern;
        bool active = true;
        bool ending = false;  // its queue was full under overflow::disconnect
        reference_queue queue;
        std::optional<reference_cursor> cursor{};
        reference_group* group = nullptr;
        subscription_counters counted{};
        bool threw_at_announcement = false;
        // Of a receiver: pending reads, what they have got, those that will get nothing.
        std::deque<std::size_t> readers{};
        std::deque<std::vector<shown_event>> batches{};
        std::size_t failing_readers = 0;
        bool reader_works = false;
    };
    /// A publication under way.
    struct frame {
        shown_event event{};
        std::vector<int> waiting{};  // immediate callbacks that are to be called
        receipt answer{};
    };

    static bool is_announcement(const shown_event& e) {
        return e.text == "gap" || e.text.starts_with("lagged(");
    }
    static std::string print(const receipt& r) {
        return "{" + r.error.message() + ", matched " + std::to_string(r.matched) + ", delivered " +
               std::to_string(r.delivered) + ", queued " + std::to_string(r.queued) + ", dropped " +
               std::to_string(r.dropped) + "}";
    }
    static std::string print(const subscription_counters& c) {
        std::string text;
        for (const auto n : {c.matched, c.delivered, c.dropped, c.discarded, c.failed})
            text += (text.empty() ? "" : " ") + std::to_string(n);
        return text;
    }
    static std::string print(const shown_event& e) { return test::print(e); }

    void dispatch(frame& f, const std::string& topic, const std::string& text) {
        const auto& published = history_.add(topic, text);
        f.event = published.event;
        for (auto& [pattern, g] : groups_) {
            if (g.empty() || !naive_matches(split(pattern), published.of_topic)) continue;
            g.publish(f.event);
            f.answer.count(outcome::queued);
        }
        for (auto& [who, s] : subscriptions_) {
            if (s.group != nullptr || !s.active || s.ending ||
                !naive_matches(s.pattern, published.of_topic))
                continue;
            if (s.how == way::immediate)
                f.waiting.push_back(who);
            else
                f.answer.count(push(s, topic, f.event));
        }
    }
    outcome push(subscription& s, const std::string& topic, const shown_event& e) {
        if (s.cursor) return outcome::queued;
        const auto pushed = s.queue.push(topic, e);
        s.ending = pushed.ends;
        if (s.how == way::outlet) return outcome::queued;
        ++s.counted.matched;
        s.counted.dropped += pushed.dropped;
        serve_readers(s);
        return pushed.taken ? outcome::queued : outcome::dropped;
    }
    static void serve_readers(subscription& s) {
        while (!s.readers.empty() && !s.queue.empty()) {
            std::vector<shown_event> batch;
            while (batch.size() < s.readers.front() && !s.queue.empty())
                batch.push_back(*s.queue.pop());
            for (const auto& e : batch)
                if (!is_announcement(e)) ++s.counted.delivered;
            s.batches.push_back(std::move(batch));
            s.readers.pop_front();
            s.reader_works = true;
        }
    }
    std::string call_immediate(subscription& s, const shown_event& e, const std::string& name) {
        if (frames_.empty()) return name + " outside of any publication";
        auto& f = frames_.back();
        const auto at = std::find(f.waiting.begin(), f.waiting.end(), s.who);
        if (at == f.waiting.end() || e != f.event) return name + " in vain, or again";
        f.waiting.erase(at);
        for (const auto other : f.waiting) {
            const auto& o = subscriptions_.at(other);
            if (o.active && o.text == s.text && o.order < s.order)
                return name + " before " + std::to_string(other);
        }
        f.answer.count(outcome::delivered);
        ++s.counted.matched;
        return {};
    }
    std::string take(subscription& s, const shown_event& e, const std::string& name) {
        if (s.group != nullptr) {
            const auto wrong = s.group->take(s.who, e);
            return wrong.empty() ? wrong : name + ": " + wrong;
        }
        if (s.cursor) {
            const auto wrong = s.cursor->take(e);
            return wrong.empty() ? wrong : name + ": " + wrong;
        }
        const auto next = s.queue.pop();
        if (next == e) return {};
        return name + " instead of " + (next ? print(*next) : "nothing");
    }

    reference_history history_;
    std::map<std::string, reference_group> groups_;  // by pattern
    std::map<int, subscription> subscriptions_;
    std::vector<frame> frames_;
    error_code refusal_;
    bool draining_ = false;
};

}  // namespace tidings::test
