// SPDX-License-Identifier: BSL-1.0
// Random programs, played to the library and to a bus that is obviously right.
#include "support/bus_fixture.hpp"
#include "support/reference_bus.hpp"

#include <cstdlib>
#include <functional>
#include <memory>
#include <stdexcept>

namespace tidings::test {

namespace {

shown_event shown(const event_ptr& e) {
    return {show(e), e->sequence()};
}

/// Plays one program. Ends at the first thing that is wrong.
class player {
 public:
    explicit player(const program& p) : program_(p), expected_(p.kept) {
        bus_options o;
        if (p.kept == keeping::some)
            o.history.rules = {{.pattern = "a.>", .max_events = 5},
                               {.pattern = "b.a", .max_events = 2},
                               {.pattern = "b.>", .max_events = 0}};
        if (p.kept == keeping::all)
            o.history.rules = {{.pattern = "*", .max_events = 4},
                               {.pattern = ">", .max_events = 12}};
        if (p.metrics) o.metrics = std::make_shared<counting_metrics>();
        o.clock = &clock_;
        hub_.emplace(io_, std::move(o));
    }
    ~player() {
        hub_.reset();
        run();
    }

    /// What was wrong, if anything.
    std::string play() {
        for (const auto& s : program_.steps) {
            nested_ = 0;
            execute(s);
            if (!wrong_.empty()) return wrong_;
        }
        settle();
        if (program_.drains) drain();
        close();
        return wrong_;
    }
    std::size_t executed() const { return executed_; }

 private:
    /// A subscription of the program.
    struct member {
        const step* made_by = nullptr;
        tidings::subscription handle{};
        tidings::receiver receiver{};
        int calls = 0;

        void reset() {
            handle.reset();
            receiver.reset();
        }
        error_code error() const {
            return made_by->how == way::receiver ? receiver.error() : handle.error();
        }
        subscription_counters counters() const {
            return made_by->how == way::receiver ? receiver.counters() : handle.counters();
        }
    };
    class outlet final : public subscriber {
     public:
        outlet(player& p, int who) : player_(p), who_(who) {}
        outcome deliver(const event_ptr& e) noexcept override {
            player_.called(who_, e);
            return outcome::delivered;
        }

     private:
        player& player_;
        int who_;
    };

    void note(const std::string& wrong) {
        if (wrong_.empty()) wrong_ = wrong;
    }

    void execute(const step& s) {
        ++executed_;
        const auto known = members_.find(s.who);
        const bool there = known != members_.end();
        switch (s.what) {
            case verb::subscribe:
                if (!there) subscribe(s);
                break;
            case verb::unsubscribe:
                if (!there) break;
                expected_.unsubscribe(s.who);
                known->second.reset();
                break;
            case verb::publish:
                publish(s);
                break;
            case verb::run:
                rest();
                break;
            case verb::receive:
                if (there) receive(s.who, known->second, s.room);
                break;
            case verb::await:
                if (there) await(s.who, known->second, s.room);
                break;
            case verb::settle:
                settle();
                break;
            case verb::raise:
                break;
        }
    }

    void subscribe(const step& s) {
        subscribe_options o{
            .limits = {.max_events = s.room}, .overflow = s.policy, .max_batch = s.batch};
        if (s.after != at_present) o.after = beginning(s.after);
        o.after_gap = s.behind;
        if (s.grouped) o.group = "of " + s.topic;
        const auto ec = expected_.subscribe(s);
        auto& m = members_[s.who];
        m.made_by = &s;
        const auto f = [this, who = s.who](const event_ptr& e) { called(who, e); };
        switch (s.how) {
            case way::immediate:
                m.handle = hub_->subscribe(s.topic, immediate, f);
                break;
            case way::posted:
                m.handle = hub_->subscribe(s.topic, f, std::move(o));
                break;
            case way::outlet:
                m.handle =
                    hub_->subscribe(s.topic, std::make_shared<outlet>(*this, s.who), std::move(o));
                break;
            case way::receiver:
                m.receiver = hub_->receive(s.topic, std::move(o));
                break;
        }
        if (m.error() != ec) note("subscribing ended with " + m.error().message());
    }
    position beginning(int after) const {
        error_code ec;
        if (after == at_any) return {};
        if (after == at_foreign || hub_->head().empty()) return position::parse("other:1", ec);
        const std::string epoch(hub_->head().epoch());
        return position::parse(epoch + ':' + std::to_string(expected_.beginning(after)), ec);
    }

    void publish(const step& s) {
        if (!hub_ || ++nested_ > 40) return;
        auto text = std::to_string(executed_);
        if (s.by == via::text || (s.by == via::repeat && !last_)) {
            expected_.begin(s.topic, text, false);
            return finish(hub_->publish(s.topic, made(text)));
        }
        if (s.by == via::repeat) {
            const auto again = last_;
            expected_.begin(s.topic, std::string(again->text()), false);
            return finish(hub_->publish(s.topic, again));
        }
        error_code ec;
        auto& handle = handles_[s.topic];
        if (!handle) handle = hub_->topic(s.topic, ec);
        if (ec) {
            if (ec != check_topic(s.topic)) note("a handle ended with " + ec.message());
            return;
        }
        const auto to = handle;
        if (s.by == via::handle) {
            expected_.begin(s.topic, text, true);
            return finish(to.publish(made(text)));
        }
        auto& kept = prepared_[s.topic];
        if (!kept) kept = to.prepare(made("prepared"));
        const auto e = kept;
        last_ = e;
        expected_.begin(s.topic, "prepared", true);
        finish(to.publish(e));
    }
    void finish(const receipt& r) { note(expected_.end(r)); }

    /// A callback, or a subscriber, is called.
    void called(int who, const event_ptr& e) {
        if (!wrong_.empty()) return;
        const auto as = shown(e);
        note(expected_.call(who, as));
        last_ = is_control(e) ? last_ : e;
        auto& m = members_.at(who);
        const auto call = ++m.calls;
        bool raises = false;
        for (const auto& s : m.made_by->inside) {
            if (s.at_call != 0 && s.at_call != call) continue;
            raises |= s.what == verb::raise;
            execute(s);
        }
        expected_.returned(who, as, raises);
        if (raises) throw std::runtime_error("as the program wants");
    }

    void receive(int who, member& m, std::size_t count) {
        if (m.made_by->how != way::receiver) return;
        for (; count != 0 && wrong_.empty(); --count) {
            const auto e = m.receiver.try_receive();
            note(expected_.receive(who, e ? std::optional(shown(*e)) : std::nullopt));
            if (!e) return;
        }
    }
    // What the bus's lane fills gets events at a time that the lane decides: it is only asked.
    static bool is_filled_in_lane(const member& m) {
        return m.made_by->after != at_present || m.made_by->grouped;
    }
    void await(int who, member& m, std::size_t most) {
        if (m.made_by->how != way::receiver || is_filled_in_lane(m)) return;
        expected_.await(who, most);
        m.receiver.async_receive_batch(
            most, [this, who](error_code ec, const std::vector<event_ptr>& events) {
                std::vector<shown_event> got;
                for (const auto& e : events) got.push_back(shown(e));
                note(expected_.read(who, got));
                if (events.empty() != static_cast<bool>(ec)) note("a read without a reason");
            });
    }

    void run() {
        io_.restart();
        io_.poll();
    }
    void rest() {
        run();
        if (!wrong_.empty()) return;
        note(expected_.at_rest());
        if (hub_ && hub_->subscriptions() != expected_.active())
            note(std::to_string(hub_->subscriptions()) + " subscriptions");
    }
    /// Reads every receiver that the lane fills until nothing comes any more.
    void settle() {
        for (bool more = true; more && wrong_.empty();) {
            rest();
            more = false;
            for (auto& [who, m] : members_) {
                if (m.made_by->how != way::receiver || !is_filled_in_lane(m)) continue;
                while (wrong_.empty()) {
                    const auto e = m.receiver.try_receive();
                    if (!e) break;
                    note(expected_.receive(who, shown(*e)));
                    more = true;
                }
            }
        }
        if (wrong_.empty()) note(expected_.settled());
    }

    void drain() {
        std::optional<error_code> done;
        expected_.drain();
        hub_->async_drain([&](error_code ec) {
            if (ec != (expected_.busy() ? errc::timed_out : error_code()))
                note("the drain ended with " + ec.message());
            done = ec;
        });
        do run();
        while (!done && wrong_.empty() && clock_.advance_to_next());
        if (wrong_.empty() && !done) note("the drain has not ended");
        expected_.refuse(errc::shutting_down);
        nested_ = 0;
        execute({.what = verb::publish, .topic = "a", .by = via::text});
        rest();
    }
    void close() {
        if (wrong_.empty()) expected_.refuse(errc::closed);
        hub_.reset();
        for (const auto& [topic, handle] : handles_)
            if (handle && handle.publish(made("late")).error != errc::closed)
                note("a handle publishes to a closed bus");
        rest();
        for (const auto& [who, m] : members_) {
            if (!m.error()) note(std::to_string(who) + " has not ended");
            if (wrong_.empty()) note(expected_.check_counters(who, m.counters()));
        }
    }

    const program& program_;
    reference_bus expected_;
    net::io_context io_;
    manual_clock clock_;
    std::optional<bus> hub_;
    std::map<std::string, topic_handle> handles_;
    std::map<std::string, event_ptr> prepared_;
    event_ptr last_;
    std::map<int, member> members_;
    std::string wrong_;
    std::size_t nested_ = 0;  // publications within one step
    std::size_t executed_ = 0;
};

std::string play(const program& p) {
    return player(p).play();
}

std::size_t steps_wanted() {
    const auto* text = std::getenv("TIDINGS_MODEL_STEPS");
    return text != nullptr ? std::strtoul(text, nullptr, 10) : 100'000;
}

TEST_CASE("random programs do on a bus what a bus that is obviously right does", "[bus][model]") {
    const auto wanted = steps_wanted();
    const auto live = publication::live();
    std::size_t executed = 0;
    for (std::uint64_t seed = 1; executed < wanted; ++seed) {
        const auto p = program_maker(seed).make(20 + seed % 100);
        std::string wrong;
        {
            player plays(p);
            wrong = plays.play();
            executed += plays.executed();
        }
        if (!wrong.empty()) {
            const auto small = shrink(p, [](const auto& s) { return !play(s).empty(); });
            FAIL("seed " << seed << ": " << wrong << "\nshrunk: " << play(small) << '\n'
                         << print(small));
        }
        if (publication::live() != live) FAIL("seed " << seed << ": a publication is left");
    }
    CHECK(executed >= wanted);
}

}  // namespace

}  // namespace tidings::test
