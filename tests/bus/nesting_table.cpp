// SPDX-License-Identifier: BSL-1.0
// The table of docs/bus.md, "Inside a callback", cell by cell.
#include "support/bus_fixture.hpp"

#include <functional>
#include <memory>
#include <stdexcept>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using reaction = std::function<void(const event_ptr&)>;

/// What calls the user's code with an event of topic `a`.
enum class kind { immediate, posted, reader, subscriber, responder, tap };

/// One of these; `reset` ends it.
class caller {
 public:
    caller(bus& hub, kind k, reaction f) : does_(std::move(f)) {
        const auto call = [this](const event_ptr& e) { this->call(e); };
        switch (k) {
            case kind::immediate:
                held_ = hub.subscribe("a", immediate, call);
                break;
            case kind::posted:
                held_ = hub.subscribe("a", call);
                break;
            case kind::reader:
                reads_ = hub.receive("a");
                read();
                break;
            case kind::subscriber:
                held_ = hub.subscribe("a", std::make_shared<calling_subscriber>(*this));
                break;
            case kind::responder:
                held_ = hub.respond("a", [call](const event_ptr& e, reply to) {
                    call(e);
                    to.send(made("answer"));
                });
                break;
            case kind::tap:
                tap_ = hub.tap([call](const tapped_publication& p) {
                    if (p.topic == "a") call(p.event);
                });
                break;
        }
    }
    caller(const caller&) = delete;
    caller& operator=(const caller&) = delete;

    void reset() {
        held_.reset();
        reads_.reset();
        tap_.reset();
    }
    subscription& handle() { return held_; }
    texts seen;

 private:
    class calling_subscriber final : public subscriber {
     public:
        explicit calling_subscriber(caller& c) : caller_(c) {}
        outcome deliver(const event_ptr& e) noexcept override {
            caller_.call(e);
            return outcome::delivered;
        }

     private:
        caller& caller_;
    };
    void call(const event_ptr& e) {
        seen.push_back(show(e));
        does_(e);
    }
    void read() {
        reads_.async_receive([this](error_code ec, const event_ptr& e) {
            if (ec) return;
            call(e);
            read();
        });
    }

    reaction does_;
    subscription held_;
    receiver reads_;
    tap tap_;
};

struct nesting : bus_fixture {
    std::unique_ptr<caller> make(kind k, reaction f) {
        return std::make_unique<caller>(*hub, k, std::move(f));
    }
    /// Brings an event to a caller of this kind.
    void bring(kind k, std::string_view text) {
        if (k != kind::responder) {
            publish("a", text);
            return;
        }
        hub->async_request("a", made(text), 1s,
                           [this](error_code ec, const event_ptr&) { answers.push_back(ec); });
    }
    std::vector<error_code> answers;
};

kind any_kind() {
    return GENERATE(kind::immediate, kind::posted, kind::reader, kind::subscriber, kind::responder,
                    kind::tap);
}

}  // namespace

TEST_CASE(
    "what is published inside a callback comes behind its event, and inside an immediate one "
    "before the callbacks behind that",
    "[bus][nesting]") {
    const auto k = any_kind();
    nesting f;
    receipt inner;
    const auto publishes = f.make(k, [&](const event_ptr& e) {
        if (e->text() == "outer") inner = f.publish("a", "inner");
    });
    texts order, posted;
    const auto behind = f.hub->subscribe("a", immediate, f.into(order));
    const auto later = f.hub->subscribe("a", f.into(posted));
    f.bring(k, "outer");
    f.run();
    CHECK_FALSE(inner.error);
    CHECK(order ==
          (k == kind::immediate ? texts{"a=inner", "a=outer"} : texts{"a=outer", "a=inner"}));
    // A queue has what was published first in front, whatever ran inside what.
    CHECK(posted == texts{"a=outer", "a=inner"});
    // A request alone calls a responder, and a tap sees nothing that a tap publishes.
    const bool once = k == kind::responder || k == kind::tap;
    CHECK(publishes->seen == (once ? texts{"a=outer"} : texts{"a=outer", "a=inner"}));
}

TEST_CASE("what is subscribed inside a callback gets the next event on", "[bus][nesting]") {
    const auto k = any_kind();
    nesting f;
    texts at_once, posted;
    std::vector<subscription> held;
    const auto subscribes = f.make(k, [&](const event_ptr&) {
        if (!held.empty()) return;
        held.push_back(f.hub->subscribe("a", immediate, f.into(at_once)));
        held.push_back(f.hub->subscribe("a", f.into(posted)));
        CHECK(held.back().active());
    });
    f.bring(k, "1");
    f.run();
    f.bring(k, "2");
    f.run();
    CHECK(at_once == texts{"a=2"});
    CHECK(posted == texts{"a=2"});
}

TEST_CASE("what ends inside its own call is not called again", "[bus][nesting]") {
    const auto k = any_kind();
    nesting f;
    std::unique_ptr<caller> ends;
    ends = f.make(k, [&](const event_ptr&) { ends->reset(); });
    for (const auto* text : {"1", "2", "3"}) f.bring(k, text);
    f.run();
    CHECK(ends->seen == texts{"a=1"});
    CHECK(f.hub->subscriptions() == 0);
    if (k == kind::posted) CHECK(ends->handle().counters().discarded == 2);
}

TEST_CASE("what waits for a responder that ends in its own call goes to another",
          "[bus][nesting]") {
    nesting f;
    std::unique_ptr<caller> ends, other;
    ends = f.make(kind::responder, [&](const event_ptr&) { ends->reset(); });
    for (const auto* text : {"1", "2", "3"}) f.bring(kind::responder, text);
    other = f.make(kind::responder, [](const event_ptr&) {});
    f.run();
    CHECK(ends->seen == texts{"a=1"});
    CHECK(other->seen == texts{"a=2", "a=3"});
    CHECK(f.answers == std::vector<error_code>(3));
}

TEST_CASE(
    "what waits for a responder goes to another also where that is ended by the one before it",
    "[bus][nesting]") {
    nesting f;
    std::unique_ptr<caller> other, third;
    const auto ends = f.make(kind::responder, [&](const event_ptr&) { other->reset(); });
    other = f.make(kind::responder, [](const event_ptr&) {});
    third = f.make(kind::responder, [](const event_ptr&) {});
    for (const auto* text : {"1", "2", "3"}) f.bring(kind::responder, text);
    f.run();
    CHECK(other->seen.empty());
    CHECK(ends->seen.size() + third->seen.size() == 3);
    CHECK(f.answers == std::vector<error_code>(3));
}

TEST_CASE("pending reads complete when their receiver ends in the handler of one before them",
          "[bus][nesting]") {
    nesting f;
    auto reads = f.hub->receive("a");
    std::vector<error_code> ends;
    reads.async_receive([&](error_code, const event_ptr&) { reads.reset(); });
    for (int i = 0; i < 2; ++i)
        reads.async_receive([&](error_code ec, const event_ptr&) { ends.push_back(ec); });
    f.bring(kind::reader, "1");
    f.run();
    CHECK(ends == std::vector<error_code>(2, errc::closed));
}

TEST_CASE("what is ended by the one before it is not called with the event", "[bus][nesting]") {
    const auto k = GENERATE(kind::immediate, kind::posted, kind::subscriber, kind::tap);
    nesting f;
    std::unique_ptr<caller> other;
    const auto ends = f.make(k, [&](const event_ptr&) { other->reset(); });
    other = f.make(k, [](const event_ptr&) {});
    f.bring(k, "1");
    f.run();
    CHECK(ends->seen == texts{"a=1"});
    CHECK(other->seen.empty());
}

TEST_CASE("a read that has its event completes though its receiver has ended", "[bus][nesting]") {
    nesting f;
    std::unique_ptr<caller> other;
    const auto ends = f.make(kind::reader, [&](const event_ptr&) { other->reset(); });
    other = f.make(kind::reader, [](const event_ptr&) {});
    for (const auto* text : {"1", "2"}) f.bring(kind::reader, text);
    f.run();
    CHECK(ends->seen == texts{"a=1", "a=2"});
    CHECK(other->seen == texts{"a=1"});
}

TEST_CASE(
    "what a callback throws reaches nobody but the log, a requester and the context of a read",
    "[bus][nesting]") {
    const auto k =
        GENERATE(kind::immediate, kind::posted, kind::reader, kind::responder, kind::tap);
    nesting f;
    const auto throws = f.make(k, [](const event_ptr& e) {
        if (e->text() == "1") throw std::runtime_error("it fails");
    });
    texts others;
    const auto other = f.hub->subscribe("a", f.into(others));
    f.bring(k, "1");
    if (k == kind::reader)
        CHECK_THROWS_AS(f.run(), std::runtime_error);
    else
        f.run();
    f.bring(k, "2");
    f.run();
    CHECK(others == texts{"a=1", "a=2"});
    CHECK(f.logged.size() == (k == kind::reader ? 0 : 1));
    // The handler of a read did not read on.
    CHECK(throws->seen.size() == (k == kind::reader ? 1 : 2));
    if (k != kind::reader && k != kind::tap) CHECK(throws->handle().counters().failed == 1);
    if (k == kind::responder)
        CHECK(f.answers == std::vector<error_code>{errc::callback_threw, error_code()});
}

TEST_CASE("a callback of any kind may destroy the bus", "[bus][nesting]") {
    const auto k = any_kind();
    nesting f;
    const auto destroys = f.make(k, [&](const event_ptr&) { f.hub.reset(); });
    const auto also = f.make(k, [&](const event_ptr&) { f.hub.reset(); });
    texts posted;
    const auto other = f.hub->subscribe("a", f.into(posted));
    f.bring(k, "1");
    if (f.hub) f.bring(k, "2");
    f.run();
    CHECK_FALSE(f.hub);
    CHECK(other.error() == errc::closed);
    // A read that has its event completes with it, and the event goes round the taps that there
    // are.
    const bool all = k == kind::reader || k == kind::tap;
    CHECK(destroys->seen.size() + also->seen.size() == (all ? 2 : 1));
}

TEST_CASE("a request inside a callback is answered after it", "[bus][nesting]") {
    const auto k = any_kind();
    nesting f;
    const auto answers =
        f.hub->respond("question", [](const event_ptr&) { return made("answer"); });
    bool inside = false;
    texts got;
    const auto asks = f.make(k, [&](const event_ptr&) {
        inside = true;
        f.hub->async_request("question", made(""), 1s, [&](error_code ec, const event_ptr& e) {
            CHECK_FALSE(inside);
            got.push_back(ec ? ec.message() : std::string(e->text()));
        });
        inside = false;
    });
    f.bring(k, "1");
    f.run();
    CHECK(got == texts{"answer"});
}

TEST_CASE("async_reset inside its own call completes after that has returned", "[bus][nesting]") {
    const auto k = GENERATE(kind::immediate, kind::posted, kind::subscriber, kind::responder);
    nesting f;
    bool inside = false;
    std::size_t completed = 0;
    std::unique_ptr<caller> ends;
    ends = f.make(k, [&](const event_ptr&) {
        inside = true;
        ends->handle().async_reset([&](error_code ec) {
            CHECK_FALSE(ec);
            CHECK_FALSE(inside);
            ++completed;
        });
        inside = false;
    });
    f.bring(k, "1");
    f.run();
    CHECK(completed == 1);
    f.bring(k, "2");
    f.run();
    CHECK(ends->seen == texts{"a=1"});
}

}  // namespace tidings::test
