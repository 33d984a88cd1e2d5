// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/overflow.hpp>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <random>
#include <string>
#include <utility>
#include <vector>

// Random programs for a bus, as data: they are made from a seed, shrunk, and printed.

namespace tidings::test {

enum class verb { subscribe, unsubscribe, publish, run, receive, await, settle, raise };
enum class way { immediate, posted, outlet, receiver };
enum class via { text, handle, prepared, repeat };

/// Where a subscription begins. The numbers between are eighths of the history's length.
inline constexpr int at_present = -1, at_any = -2, at_foreign = -3, at_future = -4;

struct step {
    verb what{};
    int who = 0;          ///< a subscription, by its number
    std::string topic{};  ///< or pattern
    way how{};
    via by{};
    tidings::overflow policy{};
    std::size_t room = 1024;  ///< of a queue; of `await` how many at most
    std::size_t batch = 256;
    int after = at_present;
    after_gap behind = after_gap::present;
    bool grouped = false;        ///< in the queue group of its pattern
    int at_call = 0;             ///< inside a callback: at which call; 0: at each
    std::vector<step> inside{};  ///< what the callback does
};

enum class keeping { nothing, some, all };

struct program {
    keeping kept{};
    bool metrics = false;
    bool drains = false;  ///< at the end, before it is closed
    std::vector<step> steps{};
};

/// Makes programs. One seed makes one program.
class program_maker {
 public:
    explicit program_maker(std::uint64_t seed) : random_(seed) {}

    program make(std::size_t length) {
        program p;
        p.kept = static_cast<keeping>(below(3));
        p.metrics = below(3) == 0;
        p.drains = below(2) == 0;
        kept_ = p.kept;
        // Some programs have callbacks alone, so that publications go past the bus's lock.
        only_immediate_ = below(4) == 0;
        while (p.steps.size() < length) p.steps.push_back(make_step());
        return p;
    }

 private:
    std::size_t below(std::size_t n) { return static_cast<std::size_t>(random_() % n); }
    bool one_in(std::size_t n) { return below(n) == 0; }
    // Rather one of the last, which is likely to be there still.
    int somebody() {
        const auto all = static_cast<std::size_t>(last_) + 2;
        return static_cast<int>(one_in(3) ? below(all) : all - 1 - below(std::min(all, few)));
    }
    static constexpr std::size_t few = 8;

    std::string topic() {
        static const char* const names[] = {"a", "b", "a.a", "a.b", "b.a", "a.b.c", "b.b.c"};
        static const char* const none[] = {"", "a..b", "a.*", ">", "tidings.x", "_x", "a.#"};
        return one_in(50) ? none[below(std::size(none))] : names[below(std::size(names))];
    }
    std::string pattern() {
        static const char* const names[] = {"a",   "b", "a.b", "a.b.c", "a.*",   "*",
                                            "*.b", ">", "a.>", "b.>",   "*.*.c", "a.*.>"};
        static const char* const none[] = {"", "a.", "a.>.b", "a*", "a.+"};
        static const char* const wide[] = {"*", ">", "a"};
        if (only_immediate_ && one_in(2)) return wide[below(std::size(wide))];
        return one_in(60) ? none[below(std::size(none))] : names[below(std::size(names))];
    }

    step make_step() {
        const auto choice = below(100);
        if (choice < 22) return subscribe(2);
        if (choice < 35) return {.what = verb::unsubscribe, .who = somebody()};
        if (choice < 75) return publish();
        if (choice < 85) return {.what = verb::run};
        if (choice < 93) return {.what = verb::receive, .who = somebody(), .room = 1 + below(3)};
        if (choice < 97) return {.what = verb::await, .who = somebody(), .room = 1 + below(3)};
        return {.what = verb::settle};
    }
    step publish() {
        return {.what = verb::publish, .topic = topic(), .by = static_cast<via>(below(4))};
    }
    step subscribe(unsigned depth) {
        step s{.what = verb::subscribe, .who = ++last_, .topic = pattern()};
        s.how = only_immediate_ || one_in(3) ? way::immediate : static_cast<way>(1 + below(3));
        s.policy = static_cast<tidings::overflow>(below(5));
        if (one_in(2)) s.room = 1 + below(3);
        if (one_in(3)) s.batch = 1 + below(2);
        if (s.how != way::immediate && one_in(4)) resume(s);
        // One that ends by itself leaves the group at a time that its executor decides.
        s.grouped = s.how != way::immediate && s.after == at_present &&
                    s.policy != overflow::conflate && s.policy != overflow::disconnect && one_in(3);
        if (s.how == way::receiver) return s;
        for (auto n = below(only_immediate_ ? 5 : 3); n != 0 && depth != 0; --n)
            s.inside.push_back(reaction(s, depth));
        return s;
    }
    void resume(step& s) {
        s.after = one_in(5) ? at_any - static_cast<int>(below(3)) : static_cast<int>(below(9));
        if (one_in(2)) s.behind = after_gap::held;
        // What no history holds would end it, or be replaced, at a time that the lane decides.
        const bool waits_for_lane =
            s.policy == overflow::disconnect || s.policy == overflow::conflate;
        if (kept_ != keeping::all && waits_for_lane) s.policy = overflow::drop_oldest;
    }
    step reaction(const step& to, unsigned depth) {
        const auto choice = below(10);
        step r = choice < 2   ? step{.what = verb::unsubscribe, .who = to.who}
                 : choice < 4 ? step{.what = verb::unsubscribe, .who = somebody()}
                 : choice < 7 ? publish()
                 : choice < 9 ? subscribe(depth - 1)
                              : step{.what = verb::raise};
        if (r.what == verb::raise && to.how == way::outlet) r = publish();
        const bool each = r.what == verb::publish && one_in(3);
        r.at_call = each ? 0 : 1 + static_cast<int>(below(3));
        return r;
    }

    std::mt19937_64 random_;
    keeping kept_{};
    bool only_immediate_ = false;
    int last_ = 0;
};

/// Takes steps away as long as `fails` holds of what is left.
template <class Fails>
program shrink(program p, const Fails& fails) {
    for (auto size = p.steps.size(); size != 0; size /= 2)
        for (std::size_t at = 0; at < p.steps.size();) {
            auto smaller = p;
            const auto first = smaller.steps.begin() + static_cast<std::ptrdiff_t>(at);
            const auto count = std::min(size, p.steps.size() - at);
            smaller.steps.erase(first, first + static_cast<std::ptrdiff_t>(count));
            if (fails(smaller))
                p = std::move(smaller);
            else
                at += size;
        }
    for (std::size_t i = 0; i < p.steps.size(); ++i)
        for (std::size_t k = 0; k < p.steps[i].inside.size();) {
            auto smaller = p;
            auto& inside = smaller.steps[i].inside;
            inside.erase(inside.begin() + static_cast<std::ptrdiff_t>(k));
            if (fails(smaller))
                p = std::move(smaller);
            else
                ++k;
        }
    for (const auto simpler : {&program::metrics, &program::drains}) {
        auto smaller = p;
        smaller.*simpler = false;
        if (fails(smaller)) p = std::move(smaller);
    }
    return p;
}

inline std::string print(const step& s, std::size_t indent = 2) {
    static const char* const ways[] = {"immediate", "posted", "outlet", "receiver"};
    static const char* const vias[] = {"by text", "by handle", "prepared", "the last one again"};
    static const char* const policies[] = {"disconnect", "drop_oldest", "drop_newest", "conflate",
                                           "backpressure"};
    std::string text(indent, ' ');
    if (s.at_call != 0) text += "at call " + std::to_string(s.at_call) + ": ";
    const auto who = ' ' + std::to_string(s.who);
    switch (s.what) {
        case verb::subscribe:
            text += "subscribe" + who + " to \"" + s.topic + "\", " +
                    ways[static_cast<std::size_t>(s.how)];
            if (s.how == way::posted || s.how == way::receiver)
                text += std::string(", ") + policies[static_cast<std::size_t>(s.policy)] + " of " +
                        std::to_string(s.room) + ", batch " + std::to_string(s.batch);
            if (s.after == at_any) text += ", from all that is held";
            if (s.after == at_foreign) text += ", from a foreign position";
            if (s.after == at_future) text += ", from a future position";
            if (s.behind == after_gap::held) text += ", all that is held behind a gap";
            if (s.grouped) text += ", in a group";
            if (s.after >= 0) text += ", from " + std::to_string(s.after) + "/8";
            break;
        case verb::unsubscribe:
            text += "unsubscribe" + who;
            break;
        case verb::publish:
            text += "publish \"" + s.topic + "\" " + vias[static_cast<std::size_t>(s.by)];
            break;
        case verb::run:
            text += "run";
            break;
        case verb::receive:
            text += "receive" + who + ", " + std::to_string(s.room);
            break;
        case verb::await:
            text += "await" + who + ", at most " + std::to_string(s.room);
            break;
        case verb::settle:
            text += "settle";
            break;
        case verb::raise:
            text += "throw";
            break;
    }
    text += '\n';
    for (const auto& i : s.inside) text += print(i, indent + 4);
    return text;
}

inline std::string print(const program& p) {
    static const char* const kinds[] = {"no history", "history of some topics",
                                        "history of all topics"};
    std::string text = kinds[static_cast<std::size_t>(p.kept)];
    text += p.metrics ? ", metrics\n" : ", no metrics\n";
    for (const auto& s : p.steps) text += print(s);
    return text + (p.drains ? "  drain, close\n" : "  close\n");
}

}  // namespace tidings::test
