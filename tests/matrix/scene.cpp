// SPDX-License-Identifier: BSL-1.0
#include "matrix/scene.hpp"

#include <boost/asio/bind_executor.hpp>

#include <algorithm>

namespace tidings::matrix {

namespace {

constexpr std::size_t max_events = 10'000;

std::shared_ptr<test::ordering_history> far_history(const world& w, const row& r) {
    if (!r.commits_later) return nullptr;
    auto made = std::make_shared<test::ordering_history>(max_events);
    made->commit_on(w.executor());
    return made;
}

bus_options options_for(const world& w, const std::shared_ptr<test::ordering_history>& far) {
    return {.history = {.max_events = max_events, .implementation = far},
            .clock = w.environment().clock};
}

}  // namespace

scene::scene(const row& r, const std::optional<plan>& p)
    : world_(r.network),
      plan_(p),
      far_from_here_(far_history(world_, r)),
      far_from_there_(far_history(world_, r)),
      here_(std::in_place, world_.executor(), options_for(world_, far_from_here_)),
      there_(std::in_place, world_.executor(), options_for(world_, far_from_there_)),
      transport_(r.make(world_)) {
    if (!plan_ || plan_->where != place::inside) return;
    cable_.emplace(plan_->planted);
    world_.tap([c = *cable_] { return c.tap(); });
}

scene::~scene() {
    transport_.reset();
    here_.reset();
    there_.reset();
    world_.settle();
}

std::shared_ptr<subscriber> scene::wrap(place where, std::shared_ptr<subscriber> s) {
    if (!plan_ || plan_->where != where) return s;
    return with_fault(plan_->planted, std::move(s), world_);
}

scene::watcher scene::watch() {
    watcher w;
    w.seen = std::make_shared<test::recorder>();
    w.through = transport_->connect(*here_, wrap(place::after, w.seen));
    await(*w.through);
    return w;
}

void scene::cut() {
    if (!plan_ || plan_->planted != fault::skip_cuts) transport_->cut();
}

void scene::close(link& l) {
    if (!plan_ || plan_->planted != fault::skip_close) l.close();
}

void scene::await(const link& l) {
    if (!world_.run_until([&] { return l.ready(); })) refused_.push_back("never connected");
    world_.settle();
}

void scene::deliver(entry way, const std::shared_ptr<subscriber>& to, const samples& events) {
    if (behind_way_in_ != to) {
        behind_way_in_ = to;
        way_in_ = wrap(place::before, to);
    }
    for (const auto& e : events) {
        if (way == entry::deliver) {
            const auto o = way_in_->deliver(e);
            if (o != outcome::delivered && o != outcome::queued)
                refused_.push_back("refused: event " + std::string(e->id()));
            continue;
        }
        const auto before = ++under_way_;
        way_in_->async_deliver(
            e, net::bind_executor(world_.executor(), [this, e](error_code ec, outcome o) {
                --under_way_;
                if (ec || (o != outcome::delivered && o != outcome::queued))
                    refused_.push_back("refused: event " + std::string(e->id()) + ": " +
                                       ec.message());
            }));
        if (under_way_ != before)
            refused_.push_back("completed inside: event " + std::string(e->id()));
    }
}

event_ptr scene::publish_end(bus& at) {
    event e("matrix.end", "/matrix");
    e.id("end " + std::to_string(++ends_));
    auto p = publication_of(end_topic, std::move(e));
    at.as_subscriber()->deliver(p);
    return p;
}

findings scene::collect(watcher& w, const samples& expected, const outlet_guarantee& g) {
    const auto last = publish_end(*here_);
    std::size_t looked_at = 0;
    bool seen = false;
    const bool ended = world_.run_until([&] {
        if (const auto count = w.seen->count(); count != looked_at) {
            looked_at = count;
            const auto events = w.seen->events();
            seen = std::any_of(events.begin(), events.end(),
                               [&](const auto& e) { return e->id() == last->id(); });
        }
        // Behind the end nothing comes any more, where events keep their order.
        return seen && under_way_ == 0 && (g.ordered || looked_at > expected.size());
    });
    world_.settle();
    auto came = w.seen->events();
    w.seen->clear();
    std::erase_if(came, [](const auto& e) { return e->topic() == end_topic; });
    auto found = compare_stream(expected, came, g);
    if (g.one_request_each) add(found, posted_again(expected));
    add(found, std::exchange(refused_, {}));
    if (std::exchange(under_way_, 0) != 0) found.push_back("never completed: async_deliver");
    if (!ended && found.empty()) found.push_back("lost: the end");
    return found;
}

findings scene::posted_again(const samples& events) const {
    findings found;
    for (const auto& e : events)
        for (const auto n : transport_->requests(e->id()))
            if (n > 1)
                found.push_back("doubled: event " + std::string(e->id()) + " was posted " +
                                std::to_string(n) + " times");
    return found;
}

findings scene::end() {
    findings found = std::exchange(refused_, {});
    if (cable_ && plan_->planted != fault::none && !cable_->has_struck())
        found.push_back("the planted fault never came about");
    way_in_.reset();
    behind_way_in_.reset();
    if (!world_.run_until([&] { return transport_->connections() == 0; }))
        found.push_back("left behind: " + std::to_string(transport_->connections()) +
                        " connections of a server");
    transport_.reset();
    here_.reset();
    there_.reset();
    add(found, world_.end());
    return found;
}

}  // namespace tidings::matrix
