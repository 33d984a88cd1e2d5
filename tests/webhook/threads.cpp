// SPDX-License-Identifier: BSL-1.0
// From one bus by webhooks and REST hooks to another, over real sockets, while two threads run the
// context, four lanes serve, connections are reset, targets refuse or take their time, further
// threads publish, and endpoints and hooks come and go. Run under TSan by CI.
#include "support/board.hpp"
#include "support/two_threads.hpp"
#include "support/webhook_bed.hpp"

#include <tidings/event_json.hpp>
#include <tidings/lane/impl/lane.hpp>
#include <tidings/rest/service.hpp>
#include <tidings/rest_hook/manager.hpp>
#include <tidings/store/memory_outbox.hpp>
#include <tidings/test/faulty_network.hpp>
#include <tidings/test/recorder.hpp>
#include <tidings/webhook/receiver.hpp>

#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>

#include <array>
#include <atomic>
#include <future>
#include <map>
#include <set>
#include <thread>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;

constexpr int each = 60;            // events of each publisher
constexpr int posted_each = 25;     // events of each client that posts
constexpr int hooks_each = 6;       // REST hooks of each client that makes some
constexpr int last = 10;            // events when nothing comes or goes any more
constexpr std::size_t of_each = 2;  // publishers, and clients of either kind

/// What threads find wrong: they must not use Catch2.
class findings {
 public:
    void expect(bool right, const char* what) {
        if (right) return;
        const std::lock_guard lock(mutex_);
        ++wrong_[what];
    }
    std::map<std::string, int> all() const {
        const std::lock_guard lock(mutex_);
        return wrong_;
    }

 private:
    mutable std::mutex mutex_;
    std::map<std::string, int> wrong_;
};

/// One receiver and what stands before it, which sees every attempt. Named by its number.
class target : public std::enable_shared_from_this<target> {
 public:
    enum class mood { calm, moody, gone };

    target(int number, mood m, bus& to)
        : mood_(m),
          receiver_(to, {.verifier = std::make_shared<webhook::standard_verifier>(
                             std::vector{webhook::secret(webhook_secret)}),
                         .topic = topic_rule::literal("to." + std::to_string(number))}),
          endpoint_(std::to_string(number)) {
        subscription_ = to.subscribe("to." + std::to_string(number), seen);
    }

    void handle(http::exchange& x, const net::any_io_executor& io) {
        const std::string id(x.request().fields.get("webhook-id"));
        const auto attempt = count(id, x.request().fields.get("x-hook-subscription"));
        const auto kind = std::hash<std::string>()(id) % 8;
        if (mood_ == mood::gone && asked_ > 5) return x.respond({.status = 410});
        if (mood_ != mood::moody) return receiver_.handle(x);
        if (kind == 0 && attempt == 1) return x.respond({.status = 500});
        if (kind == 1 && attempt == 1) return x.respond({.status = 503});
        if (kind != 2) return receiver_.handle(x);
        handle_later(std::make_shared<http::exchange>(std::move(x)), io, 30);
    }
    std::size_t asked() const noexcept { return asked_; }
    /// Its endpoint's id.
    std::string endpoint() const {
        const std::lock_guard lock(mutex_);
        return endpoint_;
    }

    const std::shared_ptr<recorder> seen = std::make_shared<recorder>();

 private:
    unsigned count(const std::string& id, std::string_view hook) {
        const std::lock_guard lock(mutex_);
        if (!hook.empty()) endpoint_ = hook;
        ++asked_;
        return ++attempts_[id];
    }
    // After so many turns of the context.
    void handle_later(std::shared_ptr<http::exchange> x, const net::any_io_executor& io,
                      int turns) {
        auto next = [self = shared_from_this(), x, io, turns] {
            turns == 0 ? self->receiver_.handle(*x) : self->handle_later(x, io, turns - 1);
        };
        turns == 0 ? net::post(x->lane()->executor(), next) : net::post(io, next);
    }

    const mood mood_;
    webhook::receiver receiver_;
    subscription subscription_;
    mutable std::mutex mutex_;  // guards what follows
    std::string endpoint_;
    std::map<std::string, unsigned> attempts_;
    std::atomic<std::size_t> asked_{0};
};

/// An endpoint on the bus.
struct delivery {
    webhook::endpoint endpoint{nullptr};
    subscription on_bus;
};

/// The buses, the sender, the server, and their users.
struct place {
    enum number { calm, moody, structured, removed, closed, gone, added, replaced, first_hook };
    static constexpr int targets_count = first_hook + static_cast<int>(of_each) * hooks_each;
    static constexpr int gone_hook = first_hook + 2;

    place() {
        for (int n = 0; n < targets_count; ++n) {
            const auto m = n == gone || n == gone_hook ? target::mood::gone
                           : n == calm                 ? target::mood::calm
                                                       : target::mood::moody;
            targets.push_back(std::make_shared<target>(n, m, second));
        }
        server->mount("/to", [all = targets, io = first.get_executor()](http::exchange& x) {
            all.at(std::stoul(x.suffix().substr(1)))->handle(x, io);
        });
        server->mount("/topics", rest::service{first});
        server->mount("/hooks", rest_hook::manager{first, *sender});
        server->start();
        origin = url_of(*server, "");
        watch = first.subscribe(">", published);
    }

    webhook::sender_options options() {
        webhook::sender_options o{.outbox = outbox,
                                  .retry = {.delays = {0ms}, .jitter = 0, .max_retry_after = 0s},
                                  .guard = {.allow_loopback = true, .schemes = {"http"}}};
        o.retry.delays.resize(200, 1ms);
        o.on_attempt = [this](const webhook::attempt& a) {
            if (a.result != webhook::verdict::success) retried[a.endpoint].insert(a.message_id);
        };
        o.environment.network = &network;
        return o;
    }
    std::string url(int n) const { return origin + "/to/" + std::to_string(n); }

    delivery deliver_to(int n, webhook::endpoint_options o = {}) {
        o.url = url(n);
        o.id = std::to_string(n);
        o.secret = webhook_secret;
        auto e = sender->endpoint(std::move(o));
        auto on_bus = first.subscribe("a.>", e);
        return {std::move(e), std::move(on_bus)};
    }

    /// Publishes and waits until everybody has taken it over.
    void publish_and_wait(event e) {
        auto done = first.async_publish("a.b", std::move(e), net::use_future);
        found.expect(done.wait_for(longest_wait) == std::future_status::ready, "publish hangs");
        const auto r = done.get();
        found.expect(r.matched == r.delivered + r.queued + r.dropped, "a receipt's sum");
        found.expect(r.dropped == 0, "dropped");
    }
    /// Half of a publisher's events come after `step`.
    void publish(const std::string& name) {
        for (int n = 0; n < each; ++n) {
            if (n == each / 2) found.expect(noted.wait([&] { return step > 0; }), "no step");
            auto e = event("t", "/s", "{}").id(name + std::to_string(n));
            if (n % 5 == 0)
                publish_and_wait(std::move(e));
            else
                found.expect(!first.publish("a.b", std::move(e)).error, "publish fails");
            ++count;
            noted.changed();
        }
    }
    http::response ask(http::client& client, std::string method, std::string url,
                       std::string body = {}, std::string type = "application/json") {
        http::request r{.method = std::move(method), .body = std::move(body)};
        if (!r.body.empty()) r.fields.set("Content-Type", type);
        auto answer = client.async_request(std::move(url), std::move(r), net::use_future);
        found.expect(answer.wait_for(longest_wait) == std::future_status::ready, "no answer");
        return answer.get();
    }
    void post(const std::string& name) {
        http::client client(threads.io);
        for (int n = 0; n < posted_each; ++n) {
            const auto r = ask(client, "POST", origin + "/topics/a.c",
                               R"({"specversion":"1.0","type":"t","source":"/s","data":{},"id":")" +
                                   name + std::to_string(n) + "\"}",
                               "application/cloudevents+json");
            found.expect(r.status == 202, "POST is not accepted");
            ++count;
            noted.changed();
        }
    }
    /// Makes hooks, looks at them, and deletes every other one.
    void manage(int from) {
        http::client client(threads.io);
        for (int n = from; n < from + hooks_each; ++n) {
            const auto body = R"({"event":"a.>","target_url":")" + url(n) + R"(","secret":")" +
                              webhook_secret + "\"}";
            const auto made = ask(client, "POST", origin + "/hooks", body);
            found.expect(made.status == 201, "a hook is not made");
            const auto at = origin + std::string(made.fields.get("location"));
            if (n != gone_hook)
                found.expect(ask(client, "POST", origin + "/hooks", body).status == 409, "twice");
            found.expect(ask(client, "GET", origin + "/hooks?limit=3").status == 200, "no list");
            const int before = count;
            const int all = static_cast<int>(of_each) * (each + posted_each);
            noted.wait([&] { return count >= std::min(before + 8, all); });
            if (n % 2 == 0) continue;
            found.expect(ask(client, "GET", at).status == 200, "a hook is not shown");
            auto other = client.async_request(at, {.method = "DELETE"}, net::use_future);
            const auto one = ask(client, "DELETE", at).status;
            const auto two = other.get().status;
            found.expect(one + two == 204 + 404, "deleted twice, or never");
            found.expect(ask(client, "GET", at).status == 404, "a deleted hook is shown");
        }
    }
    /// What the outbox holds, but for what was given up; and that by endpoint.
    std::size_t owed(std::map<std::string, std::uint64_t>& dead) {
        std::size_t left = 0;
        dead.clear();
        for (std::uint64_t after = 0;;) {
            std::promise<std::vector<store::outbox_listed>> listed;
            outbox->start_list({.after_key = after, .max_entries = 1000},
                               {threads.io.get_executor(),
                                [&](error_code, std::vector<store::outbox_listed> page) {
                                    listed.set_value(std::move(page));
                                }});
            const auto page = listed.get_future().get();
            for (const auto& l : page)
                l.state == store::outbox_state::dead ? ++dead[l.entry.endpoint] : ++left;
            if (page.empty()) return left;
            after = page.back().entry.key;
        }
    }

    findings found;
    board noted;
    std::atomic<int> count{0}, step{0};
    std::map<std::string, std::set<std::string>> retried;  // of the sender's lane
    faulty_network network{
        [](std::size_t n) { return stream_faults{.reset_after_read = 2000 + n % 13 * 777}; }};
    two_threads threads;
    bus first{threads.io, {.history = {.max_events = 100}}};
    bus second{threads.io};
    std::shared_ptr<store::outbox> outbox = store::make_memory_outbox();
    std::optional<webhook::sender> sender{std::in_place, threads.io, options()};
    std::optional<http::server> server{std::in_place, threads.io, http::server_options{.lanes = 4}};
    std::vector<std::shared_ptr<target>> targets;
    std::string origin;
    std::shared_ptr<recorder> published = std::make_shared<recorder>();
    subscription watch;
};

/// Where in the first bus's order stand the events that came to a target.
struct arrivals {
    arrivals(const place& p, int number) {
        std::map<std::string_view, std::size_t> places;
        for (const auto& e : p.published->events()) places.emplace(e->id(), places.size());
        total = places.size();
        const auto& t = *p.targets[static_cast<std::size_t>(number)];
        const auto retried = p.retried.find(t.endpoint());
        for (const auto& e : t.seen->events()) {
            const auto at = places.at(e->id());
            if (!all.insert(at).second) ++repeated;
            if (retried != p.retried.end() && retried->second.count(std::string(e->id())) != 0)
                continue;
            if (at < newest) ++out_of_order;
            newest = at;
        }
    }
    bool contiguous() const {
        return all.empty() || *all.rbegin() - *all.begin() + 1 == all.size();
    }
    bool from_first() const { return contiguous() && !all.empty() && *all.begin() == 0; }
    bool to_last() const { return contiguous() && !all.empty() && *all.rbegin() + 1 == total; }

    std::set<std::size_t> all;
    std::size_t total = 0, newest = 0;
    int repeated = 0;
    int out_of_order = 0;  // of those that were never retried
};

void check_sum(const subscription& s) {
    const auto c = s.counters();
    CHECK(c.matched == c.delivered + c.dropped + c.discarded + c.failed);
    CHECK(c.dropped + c.failed == 0);
}

}  // namespace

TEST_CASE("every event owed to a webhook or a REST hook comes behind its receiver once",
          "[webhook][rest_hook][threads]") {
    place here;
    std::atomic<int> told_gone{0};
    std::map<int, delivery> to;
    for (const int n : {place::calm, place::moody, place::removed, place::closed, place::replaced})
        to[n] = here.deliver_to(n);
    to[place::structured] = here.deliver_to(
        place::structured, {.form = webhook::body_form::structured, .max_in_flight = 4});
    to[place::gone] = here.deliver_to(place::gone, {.on_gone = [&] { ++told_gone; }});

    std::vector<std::thread> users;
    for (std::size_t i = 0; i < of_each; ++i) {
        const auto n = std::to_string(i) + '-';
        users.emplace_back([&here, n] { here.publish("p" + n); });
        users.emplace_back([&here, n] { here.post("r" + n); });
        users.emplace_back(
            [&here, i] { here.manage(place::first_hook + static_cast<int>(i) * hooks_each); });
    }
    CHECK(here.noted.wait([&] { return here.count >= 20; }));
    to[place::added] = here.deliver_to(place::added);
    auto before = std::move(to[place::replaced]);
    to[place::replaced] = here.deliver_to(place::replaced);
    // What was published before is with the old one when it goes.
    here.publish_and_wait(event("t", "/s", "{}").id("between"));
    before.on_bus.reset();
    to[place::closed].endpoint.close();
    auto removed = to[place::removed].on_bus.async_reset(net::use_future);
    CHECK(removed.wait_for(longest_wait) == std::future_status::ready);
    here.step = 1;
    here.noted.changed();
    for (auto& t : users) t.join();
    for (int n = 0; n < last; ++n)
        here.publish_and_wait(event("t", "/s", "{}").id("last" + std::to_string(n)));

    // Everything is with the sender: it becomes less until nothing is left.
    std::map<std::string, std::uint64_t> dead;
    const auto until = std::chrono::steady_clock::now() + longest_wait;
    const auto in_time = [until] { return std::chrono::steady_clock::now() < until; };
    while (here.owed(dead) != 0 && in_time()) std::this_thread::yield();
    CHECK(here.owed(dead) == 0);
    // What was not deleted is there, but for what its target did not want.
    std::size_t hooks = 0;
    const auto kept = of_each * hooks_each / 2 - 1;
    do {
        http::client client(here.threads.io);
        const auto list = here.ask(client, "GET", here.origin + "/hooks");
        hooks = nlohmann::json::parse(list.body).size();
    } while (hooks != kept && in_time());
    CHECK(hooks == kept);
    std::promise<void> drained;
    here.sender->drain_state()->start_drain([&](error_code) { drained.set_value(); });
    CHECK(drained.get_future().wait_for(longest_wait) == std::future_status::ready);
    CHECK(here.sender->in_flight() == 0);
    here.server.reset();
    here.sender.reset();
    here.threads.join();

    CHECK(here.found.all() == std::map<std::string, int>());
    CHECK(here.network.connections() > here.targets.size());  // they were cut
    for (int n = 0; n < place::targets_count; ++n) {
        const arrivals came(here, n);
        INFO("target " << n << ": " << came.all.size() << " of " << came.total);
        CHECK(came.total == of_each * (each + posted_each) + last + 1);
        CHECK(came.repeated == 0);
        CHECK(here.targets[static_cast<std::size_t>(n)]->asked() >= came.all.size());
        if (n != place::structured) CHECK(came.out_of_order == 0);
        const bool hook = n >= place::first_hook;
        const bool gone = n == place::gone || n == place::gone_hook;
        const bool ends = gone || n == place::closed || (hook && n % 2 != 0);
        if (!ends && n != place::removed) CHECK(came.to_last());
        if (n == place::removed || (!ends && !hook && n != place::added)) CHECK(came.from_first());
        if (hook) continue;
        const auto& [endpoint, on_bus] = to[n];
        check_sum(on_bus);
        auto c = endpoint.counters();
        if (n == place::replaced) {
            CHECK(before.endpoint.counters().dead == 0);
            c.accepted += before.endpoint.counters().accepted;
            c.delivered += before.endpoint.counters().delivered;
        }
        CHECK(c.accepted == c.delivered + c.dead);
        CHECK(c.dead == dead[std::to_string(n)]);
        CHECK((c.dead == 0 || ends));
        CHECK(endpoint.active() != (gone || n == place::closed));
    }
    CHECK(told_gone == 1);
}

}  // namespace tidings::test
