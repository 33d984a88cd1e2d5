// SPDX-License-Identifier: BSL-1.0
#include "support/resume_bed.hpp"

#include <tidings/store/memory_history.hpp>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/strand.hpp>

#include <memory>

// A bus over a history: positions, commits that come later, and their failure.

namespace tidings::test {

namespace {

struct publish_ends {
    std::vector<std::pair<error_code, receipt>> ends;
    auto note() {
        return [this](error_code ec, receipt r) { ends.emplace_back(ec, std::move(r)); };
    }
};

TEST_CASE("a receipt has a position where the history covers the topic and has it now",
          "[bus][history]") {
    resume_bed f(false);
    const auto beginning = f.hub->head();
    CHECK_FALSE(beginning.empty());
    const auto covered = f.publish("a", "x");
    REQUIRE(covered.position);
    CHECK(*covered.position == f.hub->head());
    CHECK_FALSE(beginning == f.hub->head());
    CHECK_FALSE(f.publish("uncovered.a", "x").position);
    CHECK(f.hub->head() == *covered.position);
    CHECK_FALSE(f.publish("a", "x").position == covered.position);

    resume_bed g(true);
    const auto before = g.hub->head();
    CHECK_FALSE(g.publish("a", "x").position);
    CHECK(g.hub->head() == before);
    g.settle();
    CHECK_FALSE(g.hub->head() == before);

    bus without(f.io(), {.clock = &f.clock()});
    CHECK(without.head().empty());
}

TEST_CASE("every kind of subscriber gets the event with its position", "[bus][history]") {
    const bool later = GENERATE(false, true);
    resume_bed f(later);
    std::vector<event_ptr> got;
    const auto take = [&](const event_ptr& e) { got.push_back(e); };
    const auto s = f.hub->subscribe("a", take);
    const auto t = f.hub->subscribe("a", immediate, take);
    f.publish("a", "x");
    f.settle();
    REQUIRE(got.size() == 2);
    CHECK(got[0] == got[1]);
    CHECK(got[0]->position() == f.hub->head());
}

TEST_CASE("nothing is delivered before it is committed, and then in the order of commits",
          "[bus][history]") {
    resume_bed f(true);
    texts posted, inside;
    const auto s = f.hub->subscribe(">", [&](const event_ptr& e) { posted.push_back(show(e)); });
    const auto t =
        f.hub->subscribe(">", immediate, [&](const event_ptr& e) { inside.push_back(show(e)); });
    f.publish_all("ab");
    f.publish("uncovered.x", "now");
    f.run();
    CHECK(inside == texts{"uncovered.x=now"});
    CHECK(posted == inside);
    f.far->commit_foreign("c", made("foreign"));
    f.settle();
    CHECK(inside == texts{"uncovered.x=now", "c=foreign", "a=1", "b=2"});
    CHECK(posted == inside);
}

TEST_CASE("async_publish waits for the commit and for what is delivered then", "[bus][history]") {
    const bool handlers_first = GENERATE(false, true);
    resume_bed f(true);
    f.far->tell_handlers_first(handlers_first);
    publish_ends p;
    const auto s = f.hub->subscribe("a", immediate, [](const event_ptr&) {});
    const auto t = f.hub->subscribe("a", std::make_shared<recording_subscriber>());
    auto r = f.hub->receive("a", {.limits = {.max_events = 1}, .overflow = overflow::backpressure});
    f.hub->async_publish("a", made("1"), p.note());
    f.hub->async_publish("a", made("2"), p.note());
    f.run();
    CHECK(p.ends.empty());
    f.far->commit_next();
    f.run();
    REQUIRE(p.ends.size() == 1);
    CHECK_FALSE(p.ends[0].first);
    CHECK(p.ends[0].second.position == f.hub->head());
    CHECK(p.ends[0].second.matched == 3);
    CHECK(p.ends[0].second.delivered == 2);
    CHECK(p.ends[0].second.queued == 1);
    f.far->commit_next();
    f.run();
    CHECK(p.ends.size() == 1);
    CHECK(show(r.try_receive().value()) == "a=1");
    f.run();
    CHECK(p.ends.size() == 2);
    CHECK(p.ends[1].second.matched == 3);
}

TEST_CASE("publications of the same content are distinguished", "[bus][history]") {
    resume_bed f(true);
    error_code ec;
    const auto e = publication::make("a", made("x"), {}, ec);
    std::vector<outcome> ends;
    std::size_t calls = 0;
    const auto end = f.hub->as_subscriber();
    const auto s = f.hub->subscribe("a", immediate, [&](const event_ptr&) { ++calls; });
    for (int i = 0; i < 2; ++i) {
        end->async_deliver(e, [&](error_code failed, outcome o) {
            CHECK_FALSE(failed);
            ends.push_back(o);
        });
        end->deliver(e);
    }
    for (std::size_t i = 1; i <= 4; ++i) {
        f.far->commit_next();
        f.run();
        CHECK(calls == i);
        CHECK(ends.size() == (i + 1) / 2);
    }
}

TEST_CASE("an append that fails later is reported, also to the pending async_publish",
          "[bus][history]") {
    const bool handlers_first = GENERATE(false, true);
    context_fixture f;
    const auto metrics = std::make_shared<counting_metrics>();
    const auto far = std::make_shared<ordering_history>(10);
    far->tell_handlers_first(handlers_first);
    texts logged;
    bus hub(f.io(), {.history = {.implementation = far},
                     .log = [&](const log_record& r) { logged.push_back(r.error.message()); },
                     .metrics = metrics,
                     .clock = &f.clock()});
    texts seen;
    const auto s = hub.subscribe(">", [&](const event_ptr& e) { seen.push_back(show(e)); });
    publish_ends p;
    hub.async_publish("a", made("1"), p.note());
    hub.publish("a", made("2"));
    hub.async_publish("a", made("3"), p.note());
    far->fail_next(errc::store_failed);
    far->fail_next(errc::store_failed);
    far->commit_next();
    f.run();
    REQUIRE(p.ends.size() == 2);
    CHECK(p.ends[0].first == errc::store_failed);
    CHECK(p.ends[0].second.matched == 0);
    CHECK_FALSE(p.ends[0].second.position);
    CHECK_FALSE(p.ends[1].first);
    CHECK(seen == texts{"a=3"});
    CHECK(logged == texts(2, make_error_code(errc::store_failed).message()));
    CHECK(metrics->value("events_refused") == 2);
    CHECK(metrics->value("events_published") == 1);
}

TEST_CASE("an append that is refused at once is in the receipt", "[bus][history]") {
    resume_bed f(true);
    publish_ends p;
    texts seen;
    const auto s = f.hub->subscribe(">", [&](const event_ptr& e) { seen.push_back(show(e)); });
    f.far->refuse_appends(errc::history_failed);
    CHECK(f.publish("a", "1").error == errc::history_failed);
    f.hub->async_publish("a", made("2"), p.note());
    f.run();
    REQUIRE(p.ends.size() == 1);
    CHECK(p.ends[0].first == errc::history_failed);
    error_code ec;
    CHECK(f.hub->as_subscriber()->deliver(publication::make("a", made("x"), {}, ec)) ==
          outcome::dropped);
    f.far->refuse_appends({});
    CHECK_FALSE(f.publish("a", "3").error);
    f.settle();
    CHECK(seen == texts{"a=3"});
}

TEST_CASE("a bus that goes does not silence another on the same history", "[bus][history]") {
    context_fixture f;
    const auto shared = make_memory_history({{.pattern = ">", .max_events = 10}}, &f.clock());
    const auto make = [&] {
        return std::make_optional<bus>(
            f.io(), bus_options{.history = {.implementation = shared}, .clock = &f.clock()});
    };
    auto old = make();
    auto state = old->as_subscriber();
    auto hub = make();
    texts seen;
    const auto s = hub->subscribe(">", [&](const event_ptr& e) { seen.push_back(show(e)); });
    old.reset();
    CHECK(hub->publish("a", made("1")).position);
    state.reset();
    CHECK(hub->publish("a", made("2")).position);
    f.run();
    CHECK(seen == texts{"a=1", "a=2"});
}

/// A history in memory whose `append` throws when it is asked to.
class throwing_history final : public history {
 public:
    explicit throwing_history(io::clock& clock)
        : inner_(make_memory_history({{.pattern = ">", .max_events = 10}}, &clock)) {}
    bool covers(std::string_view topic) const noexcept override { return inner_->covers(topic); }
    append_result append(pending_publication e, append_handler handler) override {
        if (std::exchange(throws, false)) throw std::bad_alloc();
        return inner_->append(std::move(e), std::move(handler));
    }
    position head() const override { return inner_->head(); }
    void start_read(position after, std::vector<std::string> patterns, std::size_t max_events,
                    read_handler handler) override {
        inner_->start_read(std::move(after), std::move(patterns), max_events, std::move(handler));
    }
    std::optional<position> find(std::string_view source, std::string_view id) const override {
        return inner_->find(source, id);
    }
    bool throws = false;

 private:
    std::shared_ptr<history> inner_;
};

struct throwing_bed : context_fixture {
    throwing_bed() {
        hub.emplace(io(), bus_options{.history = {.implementation = kept}, .clock = &clock()});
        inside =
            hub->subscribe(">", immediate, [this](const event_ptr& e) { seen.push_back(show(e)); });
    }
    ~throwing_bed() {
        hub.reset();
        kept.reset();
    }
    std::shared_ptr<throwing_history> kept = std::make_shared<throwing_history>(clock());
    std::optional<bus> hub;
    texts seen;
    subscription inside;
};

TEST_CASE("an append that throws refuses the publication and nothing else", "[bus][history]") {
    throwing_bed f;
    publish_ends p;
    f.hub->publish("a", made("1"));
    f.kept->throws = true;
    CHECK(f.hub->publish("a", made("2")).error == errc::out_of_memory);
    f.kept->throws = true;
    f.hub->async_publish("a", made("3"), p.note());
    f.hub->async_publish("a", made("4"), p.note());
    f.run();
    REQUIRE(p.ends.size() == 2);
    CHECK(p.ends[0].first == errc::out_of_memory);
    CHECK_FALSE(p.ends[1].first);
    CHECK(f.seen == texts{"a=1", "a=4"});
}

TEST_CASE("an event with a position is one block", "[bus][history]") {
    throwing_bed f;
    event_ptr seen;
    const auto s = f.hub->subscribe("a", immediate, [&](const event_ptr& e) { seen = e; });
    const auto before = publication::live();
    const auto r = f.hub->publish("a", made("1"));
    CHECK(r.position == f.hub->head());
    CHECK(seen->position() == f.hub->head());
    CHECK(publication::live() == before + 1);
    seen = nullptr;
}

TEST_CASE("what a history evicts may call the bus from its destructor", "[bus][history]") {
    resume_bed f(false, 1);
    auto other = f.hub->receive("uncovered.x");
    subscription ending = f.hub->subscribe("never", [](const event_ptr&) {});
    f.hub->publish("a", event::of("test", "/test", std::shared_ptr<void>(nullptr, [&](void*) {
                                      f.publish("uncovered.x", "from a destructor");
                                      ending.reset();
                                  })));
    f.publish("a", "2");
    CHECK_FALSE(ending.active());
    REQUIRE(other.try_receive());
}

TEST_CASE("closing a bus completes what waits for a commit", "[bus][history]") {
    resume_bed f(true);
    publish_ends p;
    f.hub->async_publish("a", made("1"), p.note());
    f.hub.reset();
    f.run();
    f.far->commit_all();
    f.run();
    REQUIRE(p.ends.size() == 1);
    CHECK(p.ends[0].first == errc::closed);
    CHECK(p.ends[0].second.position);
}

TEST_CASE("a context that goes while a commit is awaited leaves nothing behind", "[bus][history]") {
    resume_bed f(true);
    auto kept = std::make_shared<int>();
    f.hub->async_publish("a", made("1"), [kept](error_code, receipt) { FAIL("called"); });
    f.hub->async_publish("a", made("2"),
                         net::bind_executor(net::make_strand(f.io()),
                                            [kept](error_code, receipt) { FAIL("called"); }));
    if (GENERATE(false, true)) f.hub.reset();
    f.destroy_context();
    CHECK(kept.use_count() == 1);  // though the history has it still
    f.hub.reset();
    f.far.reset();
}

TEST_CASE("an immediate callback of a later commit may publish and may close the bus",
          "[bus][history]") {
    resume_bed f(true);
    texts seen;
    const auto s = f.hub->subscribe(">", immediate, [&](const event_ptr& e) {
        seen.push_back(show(e));
        if (e->text() == "1") f.publish("b", "2");
        if (e->text() == "2") f.hub.reset();
    });
    f.publish("a", "1");
    f.publish("a", "3");
    f.far->commit_all();
    f.run();
    CHECK(seen == texts{"a=1", "a=3", "b=2"});
    CHECK(s.error() == errc::closed);
}

TEST_CASE("what an executor commits reaches subscribers without further ado", "[bus][history]") {
    resume_bed f(true);
    f.far->commit_on(f.io().get_executor());
    texts seen;
    const auto s = f.hub->subscribe(">", [&](const event_ptr& e) { seen.push_back(show(e)); });
    f.publish_all("ab");
    CHECK(seen.empty());
    f.run();
    CHECK(seen == texts{"a=1", "b=2"});
}

}  // namespace

}  // namespace tidings::test
