// SPDX-License-Identifier: BSL-1.0
// What every streaming transport shares, by a transport that says only what its lines look like.
#include "support/access_bed.hpp"

#include <tidings/outlet/live_session.hpp>

#include <thread>

namespace tidings::test {

namespace {

constexpr char line_tag = 0;

/// What the sessions of a bed were asked, in order.
struct protocol {
    strings said;
    int encoded = 0;
    bool throws = false;  // in `opened`
    bool aborts = false;  // there, too
};

class line_session final : public live_session {
 public:
    line_session(http::live_stream stream, std::shared_ptr<const live_session_options> o,
                 std::shared_ptr<protocol> p)
        : live_session(std::move(stream), std::move(o)),
          protocol_(std::move(p)) {}

    using live_session::append;
    using live_session::finish;
    using live_session::send;

 private:
    error_code frame_of(const event_ptr& e, std::string& out) override {
        ++protocol_->encoded;
        if (e->text() == "unknown") return errc::event_no_wire_form;
        if (e->text() == "throw") throw std::runtime_error("frame_of");
        if (e->text() == "finish") finish({});
        if (e->text() != "nothing")
            out = std::string(e->topic()) + '=' + std::string(e->text()) + '\n';
        return {};
    }
    std::string beat(const position& here) override {
        return here.empty() ? "beat\n" : "beat " + here.text() + '\n';
    }
    std::string say_goodbye(error_code why) override {
        return why ? "bye: " + why.message() + '\n' : "bye\n";
    }
    void opened() override {
        protocol_->said.push_back("opened");
        if (protocol_->throws) throw std::runtime_error("opened");
        if (protocol_->aborts) abort();
    }
    void ended(error_code why) override { protocol_->said.push_back("ended: " + why.message()); }
    void release() noexcept override { protocol_->said.push_back("released"); }
    void on_room() override { protocol_->said.push_back("room"); }

    const std::shared_ptr<protocol> protocol_;
};

/// Notes that it goes.
class noted_stream final : public io::stream {
 public:
    noted_stream(io::stream_ptr inner, bool& gone) : inner_(std::move(inner)), gone_(gone) {}
    ~noted_stream() override { gone_ = true; }
    net::any_io_executor executor() const noexcept override { return inner_->executor(); }
    void start_handshake(io::ready_callback f) override { inner_->start_handshake(std::move(f)); }
    void start_read(std::span<std::byte> into, io::read_callback f) override {
        inner_->start_read(into, std::move(f));
    }
    void start_write(std::span<const std::byte> from, io::read_callback f) override {
        inner_->start_write(from, std::move(f));
    }
    void start_wait(io::wait_for what, io::ready_callback f) override {
        inner_->start_wait(what, std::move(f));
    }
    bool can_poll() const noexcept override { return inner_->can_poll(); }
    std::size_t try_read(std::span<std::byte> into, error_code& ec) noexcept override {
        return inner_->try_read(into, ec);
    }
    std::size_t try_write(std::span<const std::byte> from, error_code& ec) noexcept override {
        return inner_->try_write(from, ec);
    }
    void start_shutdown(io::ready_callback f) override { inner_->start_shutdown(std::move(f)); }
    void close() noexcept override { inner_->close(); }
    std::string remote_address() const override { return inner_->remote_address(); }
    bool remote_is_loopback() const noexcept override { return inner_->remote_is_loopback(); }

 private:
    const io::stream_ptr inner_;
    bool& gone_;
};

/// A bus whose events go to `/lines`, on a simulated network.
struct line_bed : http_bed {
    explicit line_bed(live_session_options o = {}, bus_options b = {.history = {.max_events = 100}})
        : hub(std::in_place, io(), with_clock(std::move(b))),
          web(std::in_place, server()),
          list(std::in_place, metrics, "lines") {
        o.counters = list->counters();
        o.log = options().log;
        shared = std::make_shared<const live_session_options>(std::move(o));
        web->mount("/lines", [this](http::exchange& x) { answer(x); });
        web->start();
    }
    ~line_bed() {
        list.reset();
        web.reset();
    }

    void answer(http::exchange& x) {
        access->open(x, "GET, POST", [this](http::exchange& here, http::stream_request wanted) {
            open(here, std::move(wanted));
        });
    }
    void open(http::exchange& x, http::stream_request wanted) {
        asked.push_back(wanted.patterns);
        auto stream = x.stream({200, {{"Content-Type", "text/plain"}}, {}});
        if (!stream) return;
        stream.connection.stream =
            std::make_unique<noted_stream>(std::move(stream.connection.stream), stream_gone);
        sessions.push_back(std::make_shared<line_session>(std::move(stream), shared, seen));
        list->open(sessions.back(), live_start{"first\n", hub->state(), std::move(wanted)});
    }
    std::unique_ptr<http_peer> get(std::string_view query = "topic=%3E", int version = 1) {
        auto peer = connect();
        REQUIRE(peer);
        peer->send("GET /lines?" + std::string(query) + " HTTP/1." + std::to_string(version) +
                   "\r\nHost: 127.0.0.1\r\n\r\n");
        run();
        return peer;
    }
    void publish(std::string_view text) {
        hub->publish("a", event("test", "/test", text));
        run();
    }
    std::string here() const { return hub->head().text(); }

    const std::shared_ptr<protocol> seen = std::make_shared<protocol>();
    bool stream_gone = false;
    std::optional<bus> hub;
    std::optional<http::server> web;
    std::optional<tidings::sessions<line_session>> list;
    std::shared_ptr<const live_session_options> shared;
    std::vector<std::shared_ptr<line_session>> sessions;
    std::vector<strings> asked;  // the patterns of each
    std::optional<http::access> access{http::access({.authenticator = allow_anonymous()})};

 private:
    bus_options with_clock(bus_options b) {
        b.clock = &clock;
        return b;
    }
};

}  // namespace

TEST_CASE("a transport says what its events look like, once for all sessions of a kind",
          "[live_session]") {
    line_bed bed({.frames = {&line_tag}});
    const auto one = bed.get();
    const auto two = bed.get();
    const auto old = bed.get("topic=%3E", 0);
    bed.publish("x");
    CHECK(body_of(*one).ends_with("a=x\n"));
    CHECK(body_of(*one).starts_with("first\nbeat "));
    CHECK(body_of(*two) == body_of(*one));
    CHECK(after_header(old->received()).ends_with("a=x\n"));
    CHECK(old->received().find("chunked") == std::string::npos);
    CHECK(bed.seen->encoded == 2);  // in a chunk and without
    CHECK(bed.metrics->value("events_sent transport=lines") == 3);
    CHECK(bed.list->size() == 3);
    CHECK(bed.metrics->value("clients transport=lines") == 3);
}

TEST_CASE("a pattern that a request names twice counts once", "[live_session]") {
    line_bed bed({}, {});
    const auto peer = bed.get("topic=a&topic=b&topic=a");
    REQUIRE(bed.asked.size() == 1);
    CHECK(bed.asked[0] == strings{"a", "b"});
    for (const auto* text : {"1", "2", "3"}) bed.hub->publish("a", event("test", "/test", text));
    bed.run();
    CHECK(body_of(*peer).ends_with("a=1\na=2\na=3\n"));
}

TEST_CASE("nothing follows the goodbye, whatever a transport does", "[live_session]") {
    line_bed bed;
    const auto peer = bed.get();
    bed.publish("finish");
    CHECK(body_of(*peer).ends_with("bye\n end"));
    CHECK(peer->received().find("a=finish") == std::string::npos);
}

TEST_CASE("frames without a kind are each session's own", "[live_session]") {
    line_bed bed;
    const auto one = bed.get();
    const auto two = bed.get();
    bed.publish("x");
    CHECK(bed.seen->encoded == 2);
    CHECK(body_of(*two).ends_with("a=x\n"));
}

TEST_CASE(
    "an event without a form is counted, one that is passed over is not, a throw ends nothing",
    "[live_session]") {
    line_bed bed;
    const auto peer = bed.get();
    for (const auto* text : {"unknown", "nothing", "throw", "last"}) bed.publish(text);
    CHECK(body_of(*peer).ends_with("a=last\n"));
    CHECK(bed.metrics->value("events_unsent transport=lines") == 1);
    CHECK(bed.metrics->value("events_sent transport=lines") == 1);
    CHECK(std::count(bed.logged.begin(), bed.logged.end(), "frame_of") == 1);
}

TEST_CASE("a stream that is silent says where it is, and one that resumes begins without",
          "[live_session]") {
    line_bed bed({.heartbeat = 8s});
    const auto start = bed.here();
    const auto live = bed.get();
    const auto resumed = bed.get("topic=%3E&after=");
    CHECK(body_of(*live) == "first\nbeat " + start + '\n');
    CHECK(body_of(*resumed) == "first\n");
    bed.publish("x");
    bed.advance(1s);
    for (int i = 0; i < 8; ++i) bed.advance(1s);
    CHECK(body_of(*live) == "first\nbeat " + start + "\na=x\nbeat " + bed.here() + '\n');
}

TEST_CASE("what waits leaves, then the goodbye, and the session ends with the peer",
          "[live_session]") {
    const std::string how = GENERATE("close", "finish", "service", "bus");
    const bool peer_closes = GENERATE(true, false);
    CAPTURE(how, peer_closes);
    line_bed bed({.close_timeout = 2s});
    const auto peer = bed.get();
    const auto s = bed.sessions.front();
    REQUIRE(s->is_open());
    s->send("raw\n");
    bed.run();
    error_code why;
    if (how == "close") s->close();
    if (how == "finish") s->finish(why = errc::lagging);
    if (how == "service") bed.list->drain();
    if (how == "bus") {
        bed.hub.reset();
        why = errc::closed;
    }
    const auto goodbye = why ? "bye: " + why.message() + '\n' : std::string("bye\n");
    bed.run();
    CHECK_FALSE(s->is_open());
    CHECK(s->send("late") == errc::closed);
    CHECK(s->deliver(make_lagged_event(1)) == outcome::closed);
    CHECK(body_of(*peer).ends_with("raw\n" + goodbye + " end"));
    CHECK(peer->ended() == net::error::eof);
    CHECK(bed.seen->said == strings{"opened"});
    const error_code end =
        peer_closes ? error_code(net::error::eof) : make_error_code(errc::timed_out);
    if (peer_closes) peer->close();
    bed.advance(peer_closes ? 0ms : 2100ms);
    CHECK(bed.seen->said == strings{"opened", "ended: " + end.message(), "released"});
    CHECK(bed.list->size() == 0);
    CHECK(bed.metrics->value("clients transport=lines") == 0);
}

TEST_CASE("a session lives 80 to 100 % of its lifetime", "[live_session]") {
    line_bed bed({.max_lifetime = 10s});
    const auto peer = bed.get();
    bed.advance(7900ms);
    CHECK(bed.sessions.front()->is_open());
    bed.advance(2200ms);
    CHECK(body_of(*peer).ends_with("bye\n end"));
}

TEST_CASE("a session that drops what is delivered to it announces it", "[live_session]") {
    line_bed bed({.limits = {.max_bytes = 100'000}});
    const auto peer = bed.get();
    peer->stop_reading();
    const auto s = bed.sessions.front();
    error_code ec;
    const auto big = publication::make("big", event("t", "/s", std::string(90'000, '.')), {}, ec);
    int taken = 0;
    while (s->deliver(big) == outcome::queued) {
        ++taken;
        bed.run();
    }
    CHECK(s->deliver(big) == outcome::dropped);
    CHECK(s->send("x") == errc::overflow);
    CHECK(s->pending_bytes() > 100'000);
    peer->resume_reading();
    bed.run();
    CHECK(s->deliver(publication::make("small", event("t", "/s", "x"), {}, ec)) == outcome::queued);
    bed.run();
    CHECK(body_of(*peer).ends_with("tidings.lagged={\"count\":2}\nsmall=x\n"));
    CHECK(bed.metrics->value("events_sent transport=lines") == taken + 2);
    CHECK(std::count(bed.seen->said.begin(), bed.seen->said.end(), "room") >= 1);
}

TEST_CASE("a session whose beginning throws ends in an orderly way", "[live_session]") {
    line_bed bed;
    bed.seen->throws = true;
    const auto peer = bed.get();
    CHECK(body_of(*peer) ==
          "first\nbye: " + make_error_code(errc::callback_threw).message() + "\n end");
    CHECK(bed.hub->subscriptions() == 0);
}

TEST_CASE("the last copy of a list of sessions cuts those that are open", "[live_session]") {
    line_bed bed;
    const auto peer = bed.get();
    std::optional copy(*bed.list);
    bed.list.emplace(bed.metrics, "others");
    bed.run();
    CHECK(copy->size() == 1);
    CHECK(peer->open());
    copy.reset();
    bed.run();
    CHECK_FALSE(peer->open());
    CHECK_FALSE(body_of(*peer).ends_with(" end"));
    CHECK(bed.seen->said == strings{"opened", "ended: " + error_code().message(), "released"});
}

TEST_CASE("a session is counted no more once its context is gone, and has released its captures",
          "[live_session]") {
    SECTION("of a user's transport") {
        line_bed bed;
        auto peer = bed.get();
        peer.reset();  // it belongs to the context
        auto again = bed.get();
        const auto list = *bed.list;
        REQUIRE(list.size() == 1);
        again.reset();
        bed.web.reset();
        bed.hub.reset();
        bed.destroy_context();
        CHECK(list.size() == 0);
        CHECK(bed.metrics->value("clients transport=lines") == 0);
        CHECK(bed.seen->said.back() == "released");
        CHECK_FALSE(bed.sessions.back()->is_open());
    }
    SECTION("of an event stream") {
        sse::session_ptr kept;
        sse_bed bed;
        sse::service events(*bed.hub, {.hooks = {.on_open = [&](const auto& s) { kept = s; }},
                                       .metrics = bed.metrics});
        bed.web->mount("/kept", events);
        auto peer = bed.get("/kept?topic=a");
        REQUIRE(events.sessions() == 1);
        peer.reset();
        bed.destroy_context();
        CHECK(events.sessions() == 0);
        CHECK(bed.clients() == 0);
        REQUIRE(kept);
        CHECK_FALSE(kept->is_open());
    }
    SECTION("of a WebSocket") {
        websocket::session_ptr kept;
        websocket_bed bed;
        websocket::service sockets(
            *bed.hub,
            {.hooks = {.on_open = [&](const auto& s) { kept = s; }}, .metrics = bed.metrics});
        bed.web->mount("/kept", sockets);
        auto peer = bed.open("/kept?topic=a");
        REQUIRE(sockets.sessions() == 1);
        peer.reset();
        bed.destroy_context();
        CHECK(sockets.sessions() == 0);
        CHECK(bed.metrics->value("clients transport=websocket") == 0);
        REQUIRE(kept);
        CHECK_FALSE(kept->is_open());
    }
}

// Callbacks of the stream may be queued in the lane, which another thread knows nothing of.
TEST_CASE("the stream of a session ends in its lane, whoever owns the session",
          "[live_session][threads]") {
    line_bed bed;
    auto peer = bed.get();
    auto last = std::exchange(bed.sessions, {}).front();
    CHECK_FALSE(bed.stream_gone);
    SECTION("where the peer has ended it") {
        peer.reset();
        bed.run();
    }
    SECTION("where another thread has") {
        std::thread([&] { last->abort(); }).join();
        CHECK_FALSE(bed.stream_gone);
        bed.run();
    }
    CHECK(bed.stream_gone);
    std::thread([s = std::move(last)]() mutable { s.reset(); }).join();
}

TEST_CASE("a session that is aborted as it opens has ended, and keeps nothing", "[live_session]") {
    const bool drains = GENERATE(false, true);
    line_bed bed;
    const auto token = std::make_shared<int>();
    bed.access.emplace(http::stream_policy{
        .authenticator = [token](const credentials&, error_code&) { return named("ann"); }});
    bed.seen->aborts = true;
    if (drains) bed.list->drain();
    const auto peer = bed.get();
    CHECK(bed.seen->said == strings{"opened", "ended: Success", "released"});
    CHECK_FALSE(peer->open());
    CHECK(bed.list->size() == 0);
    CHECK(bed.hub->subscriptions() == 0);
    bed.publish("x");
    CHECK(bed.seen->encoded == 0);
    REQUIRE(bed.sessions.size() == 1);
    CHECK(bed.sessions[0]->deliver(event_ptr()) == outcome::closed);
    bed.access.reset();
    CHECK(token.use_count() == 1);
}

TEST_CASE("a stream that is asked for by POST waits for its authorizer", "[live_session]") {
    const bool granted = GENERATE(true, false);
    const bool authenticating = GENERATE(false, true);
    CAPTURE(granted, authenticating);
    line_bed bed;
    const auto who = std::make_shared<identities>();
    const auto may = std::make_shared<permissions>();
    http::stream_policy policy{.authorizer = asking(may)};
    policy.authenticator = authenticating ? asking(who) : by_name();
    bed.access.emplace(std::move(policy));
    const auto peer = bed.connect();
    const std::string request =
        "POST /lines?topic=a HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: ann\r\n"
        "Content-Length: 5\r\n\r\nquery";
    peer->send(request.substr(0, request.size() - 2));
    bed.run();
    peer->send(request.substr(request.size() - 2) + "behind it");
    bed.run();
    if (authenticating) {
        REQUIRE(who->asked.size() == 1);
        who->asked[0].give(named("ann"));
        bed.run();
    }
    REQUIRE(may->list() == strings{"ann subscribe a"});
    CHECK(peer->received().empty());
    bed.publish("before");
    may->asked[0].give(granted);
    bed.run();
    if (granted) {
        CHECK(status_of(*peer) == 200);
        bed.publish("after");
        const auto body = body_of(*peer);
        CHECK(body.starts_with("first\n"));
        CHECK(body.ends_with("a=after\n"));
        CHECK(body.find("before") == std::string::npos);
    } else {
        CHECK(status_of(*peer) == 403);
        CHECK(bed.sessions.empty());
    }
    who->asked.clear();
    may->asked.clear();
}

}  // namespace tidings::test
