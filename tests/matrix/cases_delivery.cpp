// SPDX-License-Identifier: BSL-1.0
#include "matrix/cases.hpp"
#include "matrix/scene.hpp"

namespace tidings::matrix::cases {

findings order(scene& s) {
    findings found;
    auto w = s.watch();
    for (const auto way : both_entries) {
        const auto sent = numbered_samples(prefix_of(way), s.planted() ? 50 : 500);
        s.publish(way, sent);
        add(found, s.collect(w, sent));
    }
    return found;
}

findings outlet(scene& s) {
    findings found;
    auto w = s.watch();
    const auto outlet = w.through->outlet();
    if ((outlet != nullptr) != s.guarantee().direct_outlet) return {"the outlet is not as stated"};
    if (!outlet) return found;
    for (const auto way : both_entries) {
        const auto sent = numbered_samples(prefix_of(way), 50);
        s.deliver(way, outlet, sent);
        add(found, s.collect(w, sent));
    }
    return found;
}

findings two_subscribers(scene& s) {
    findings found;
    auto one = s.watch();
    auto other = s.watch();
    const auto sent = numbered_samples("both-", 100);
    s.publish(entry::deliver, sent);
    add(found, s.collect(one, sent));
    s.in().run_until([&] { return other.seen->count() > sent.size(); });
    add(found, s.collect(other, sent));
    return found;
}

findings no_echo(scene& s) {
    findings found;
    const auto seen = std::make_shared<test::recorder>();
    const auto on_there = s.there().subscribe(">", seen);
    const auto through = s.way().connect(s.here(), s.wrap(place::after, s.there().as_subscriber()));
    s.await(*through);
    s.publish(entry::deliver, numbered_samples("first-", 1));
    if (!s.in().run_until([&] { return seen->count() == 1; })) return {"lost: the first event"};
    const auto info = seen->events().front()->info();
    if (info.origin == 0) found.push_back("no origin");
    if (info.hops == 0) found.push_back("no hop counted");

    // As that inlet's outlet would.
    const auto echo = std::make_shared<test::recorder>(info.origin);
    const auto back = s.there().subscribe(">", echo);
    s.publish(entry::deliver, numbered_samples("second-", 1));
    s.publish(entry::async_deliver, numbered_samples("third-", 1));
    if (!s.in().run_until([&] { return seen->count() == 3; })) found.push_back("lost: the others");
    s.in().settle();
    if (echo->count() != 0) found.push_back("echo: " + std::to_string(echo->count()) + " events");
    return found;
}

findings bridge(scene& s) {
    findings found;
    auto at_here = std::make_shared<test::recorder>();
    auto at_there = std::make_shared<test::recorder>();
    const auto on_here = s.here().subscribe(">", at_here);
    const auto on_there = s.there().subscribe(">", at_there);
    const auto both = s.way().bridge(s.here(), s.there(), [&](std::shared_ptr<subscriber> to) {
        return s.wrap(place::after, std::move(to));
    });
    for (const auto& l : both) s.await(*l);

    samples sent;
    samples all_from_here;
    for (const auto way : both_entries) {
        const auto from_here = numbered_samples("here-" + prefix_of(way), 20);
        const auto from_there = numbered_samples("there-" + prefix_of(way), 20);
        s.deliver(way, s.here().as_subscriber(), from_here);
        s.deliver(way, s.there().as_subscriber(), from_there);
        sent.insert(sent.end(), from_here.begin(), from_here.end());
        all_from_here.insert(all_from_here.end(), from_here.begin(), from_here.end());
        sent.insert(sent.end(), from_there.begin(), from_there.end());
    }
    const auto reached = [&](std::size_t n) {
        return [&, n] { return at_here->count() >= n && at_there->count() >= n; };
    };
    if (!s.in().run_until(reached(sent.size()))) found.push_back("lost: events of the bridge");
    // An echo would be on its way before these.
    sent.push_back(s.publish_end(s.here()));
    sent.push_back(s.publish_end(s.there()));
    if (!s.in().run_until(reached(sent.size()))) found.push_back("lost: the ends");
    s.in().settle();
    auto g = s.guarantee();
    g.ordered = false;  // of two publishers
    add(found, compare_stream(sent, at_here->events(), g));
    add(found, compare_stream(sent, at_there->events(), g));
    add(found, s.posted_again(sent));
    if (!g.bridge_polls) return found;
    for (const auto& e : all_from_here)
        if (!s.way().requests(e->id()).empty())
            found.push_back("echo: event " + std::string(e->id()) +
                            " was posted to where it is from");
    return found;
}

}  // namespace tidings::matrix::cases
