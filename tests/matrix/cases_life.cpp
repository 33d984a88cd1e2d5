// SPDX-License-Identifier: BSL-1.0
#include "matrix/cases.hpp"
#include "matrix/scene.hpp"

#include <boost/asio/bind_executor.hpp>

#include <algorithm>

namespace tidings::matrix::cases {

namespace {

constexpr std::size_t cuts = 40;
constexpr std::size_t least_reconnects = cuts / 2;  // some are cut before they were made
constexpr std::size_t events_per_cut = 12;
constexpr int max_knocks = 1000;

/// Hands on to an outlet and notes what it is told.
class told final : public subscriber {
 public:
    explicit told(std::shared_ptr<subscriber> inner) : inner_(std::move(inner)) {}
    outcome deliver(const event_ptr& e) noexcept override { return inner_->deliver(e); }
    void on_unsubscribed(error_code why) noexcept override { reason = why; }

    std::optional<error_code> reason;

 private:
    std::shared_ptr<subscriber> inner_;
};

event_ptr knock(const std::string& id = {}) {
    return publication_of("matrix.knock", event("com.example.knock", "/matrix").id(id));
}

/// What both entries of an outlet say that is closed.
findings deliver_too_late(scene& s, const std::shared_ptr<subscriber>& outlet) {
    findings found;
    const auto entry_point = s.wrap(place::before, outlet);
    if (entry_point->deliver(knock()) != outcome::closed)
        found.push_back("not closed: by what deliver says");
    std::optional<std::pair<error_code, outcome>> result;
    entry_point->async_deliver(
        knock(), net::bind_executor(s.in().executor(),
                                    [&](error_code ec, outcome o) { result.emplace(ec, o); }));
    if (!s.in().run_until([&] { return result.has_value(); }))
        found.push_back("never completed: async_deliver of a closed outlet");
    else if (result->first != errc::closed || result->second != outcome::closed)
        found.push_back("not closed: by what async_deliver says");
    return found;
}

}  // namespace

findings cut(scene& s) {
    auto g = s.guarantee();
    if (!g.resumable && !g.at_least_once) return {};
    // Behind the first event a stream knows its place.
    auto w = s.watch();
    samples sent = numbered_samples("first-", 1);
    s.publish(entry::deliver, sent);
    findings found;
    if (!s.in().run_until([&] { return w.seen->count() != 0; })) return {"lost: the first event"};

    const auto connected = s.way().connections_made();
    s.in().trickle();
    for (std::size_t i = 0; i < cuts; ++i) {
        const auto more = numbered_samples("cut " + std::to_string(i) + ": ", events_per_cut);
        s.publish(i % 3 == 0 ? entry::async_deliver : entry::deliver, more);
        sent.insert(sent.end(), more.begin(), more.end());
        s.in().run_a_while(i * 7);
        s.cut();
        // Every other time it is cut again before it has come back.
        if (i % 2 == 0) s.in().run_until([&] { return w.seen->count() >= sent.size(); });
    }
    if (!g.resumable) g.ordered = g.exactly_once = false;
    g.one_request_each = false;
    add(found, s.collect(w, sent, g));
    const auto again = s.way().connections_made() - connected;
    if (again < least_reconnects)
        found.push_back("not cut: only " + std::to_string(again) + " connections were made anew");
    return found;
}

findings closed(scene& s) {
    findings found;
    auto w = s.watch();
    const auto outlet = w.through->outlet();
    std::shared_ptr<told> teller;
    subscription on_outlet;
    if (outlet) {
        teller = std::make_shared<told>(s.wrap(place::before, outlet));
        on_outlet = s.here().subscribe(">", s.wrap(place::after, teller));
    }
    const auto plain = std::make_shared<test::recorder>();
    auto on_plain = s.here().subscribe(">", s.wrap(place::after, plain));

    s.close(*w.through);
    on_plain.reset();
    // It takes neither an event nor time.
    const auto& clock = *s.in().environment().clock;
    const auto closed_at = clock.now();
    const bool gone = s.in().run_until([&] { return w.through->gone(); });
    if (!gone || (s.in().simulated() != nullptr && clock.now() != closed_at))
        found.push_back("not closed: over the wire");
    // On the simulated network nothing takes long: a side that never notices is not knocked at for
    // ever.
    bool noticed = false;
    int knocks = 0;
    s.in().run_until([&] {
        noticed = s.here().publish("matrix.knock", knock()).matched == 0;
        return noticed || (s.in().simulated() != nullptr && ++knocks == max_knocks);
    });
    s.in().settle();
    if (!noticed) found.push_back("not closed: the bus still delivers");
    if (plain->unsubscribed() != make_error_code(errc::closed))
        found.push_back("not told: that its subscription was ended");
    s.here().publish("matrix.knock", knock("too late"));
    s.in().settle();
    const auto came = w.seen->events();
    if (!s.way().requests("too late").empty() ||
        std::any_of(came.begin(), came.end(), [](const auto& e) { return e->id() == "too late"; }))
        found.push_back("not closed: an event comes after the end");
    if (!outlet) return found;
    if (on_outlet.active()) found.push_back("not closed: a subscription of the outlet");
    if (teller->reason != make_error_code(errc::closed)) found.push_back("not told: the outlet");

    add(found, deliver_too_late(s, outlet));
    return found;
}

}  // namespace tidings::matrix::cases
