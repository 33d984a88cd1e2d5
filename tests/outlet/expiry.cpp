// SPDX-License-Identifier: BSL-1.0
// What is open ends when what allows it does.
#include "support/access_bed.hpp"

#include <map>

namespace tidings::test {

namespace {

/// Principals whose credential ends, and permissions that do.
struct expiring_bed : access_bed {
    expiring_bed()
        : access_bed({.authenticator =
                          [this](const credentials& c, error_code& ec) {
                              auto p = named("ann");
                              p.expires = credential;
                              if (c.authorization.empty()) ec = errc::unauthorized;
                              return p;
                          },
                      .authorizer =
                          [this](const principal&, action, std::string_view topic) {
                              const auto at = permissions.find(std::string(topic));
                              return at == permissions.end() ? permission(true)
                                                             : permission(true, at->second);
                          }}) {}
    io::system_time in(std::chrono::milliseconds t) const { return clock.wall_now() + t; }
    std::unique_ptr<http_peer> get(std::string_view target) {
        return send(get_request(target, "Authorization: t\r\n"));
    }
    std::unique_ptr<http_peer> upgrade(std::string_view target) {
        return send(upgrade_request(target, "Authorization: t\r\n"));
    }

    std::optional<io::system_time> credential;
    std::map<std::string, io::system_time> permissions;
};

}  // namespace

TEST_CASE("a stream ends when its credential does", "[access]") {
    expiring_bed bed;
    const bool of_a_pattern = GENERATE(false, true);
    if (of_a_pattern) {
        bed.credential = bed.in(2h);
        bed.permissions = {{"b", bed.in(50s)}, {"c", bed.in(90s)}};
    } else {
        bed.credential = bed.in(50s);
    }
    const auto ws = bed.upgrade("/ws?topic=a&topic=b&topic=c");
    const auto sse = bed.get("/events?topic=a&topic=b&topic=c");
    const auto poll = bed.get("/topics/a?topic=b&wait=60s");
    bed.publish("c", "before");
    bed.advance(49s);
    ws->send(client_frame(websocket_opcode::pong));
    bed.run();
    CHECK(bed.ws.sessions() == 1);
    CHECK(bed.events.sessions() == 1);
    CHECK(poll->received().empty());
    bed.advance(1100ms);
    CHECK(close_code_of(frames(*ws)) == websocket::close_unauthorized);
    CHECK(close_code_of(frames(*ws)) == 3000);
    CHECK(body_of(*sse).ends_with(" end"));
    CHECK(status_of(*poll) == 401);
    bed.publish("a", "after");
    CHECK(ws->received().find("after") == std::string::npos);
    // A client that comes back is asked again.
    CHECK(status_of(*bed.get("/events?topic=c")) == (of_a_pattern ? 200 : 401));
    CHECK(status_of(*bed.upgrade("/ws?topic=c")) == (of_a_pattern ? 101 : 401));
    CHECK(status_of(*bed.get("/topics/c?after=")) == (of_a_pattern ? 200 : 401));
}

TEST_CASE("an expiry follows the wall clock", "[access]") {
    expiring_bed bed;
    bed.credential = bed.in(3h);
    const auto sse = bed.get("/events?topic=a");
    bed.advance(30min);
    bed.clock.set_wall(bed.in(2h + 31min));
    CHECK(bed.events.sessions() == 1);
    bed.advance(30min);  // looked at once an hour
    CHECK(bed.events.sessions() == 1);
    CHECK(body_of(*sse).ends_with(" end"));

    bed.credential = bed.in(10min);
    const auto later = bed.get("/events?topic=a");
    bed.clock.set_wall(bed.in(-20min));
    bed.advance(11min);
    CHECK_FALSE(body_of(*later).ends_with(" end"));
    bed.advance(20min);
    CHECK(body_of(*later).ends_with(" end"));

    bed.credential = io::system_time::max();
    const auto always = bed.get("/events?topic=a");
    bed.advance(5h);
    CHECK_FALSE(body_of(*always).ends_with(" end"));
}

TEST_CASE("the hooks learn that a credential has ended", "[access]") {
    http_bed bed;
    std::vector<error_code> why;
    std::vector<std::uint16_t> codes;
    auto web = bed.server();
    const authenticator a = [&](const credentials&, error_code&) {
        auto p = named("ann");
        p.expires = bed.clock.wall_now() + 10s;
        return p;
    };
    web.mount("/events", sse::service({.authenticator = a,
                                       .hooks = {.on_close = [&](const auto&, error_code ec) {
                                           why.push_back(ec);
                                       }}}));
    web.mount("/ws", websocket::service({.authenticator = a,
                                         .hooks = {.on_close = [&](const auto&, const auto& r) {
                                             codes.push_back(r.code);
                                             why.push_back(r.error);
                                         }}}));
    web.start();
    const auto sse = bed.connect();
    sse->send(access_bed::get_request("/events"));
    const auto ws = bed.connect();
    ws->send(upgrade_request("/ws"));
    bed.advance(10100ms);
    ws->send(client_close(3000));
    sse->shutdown();
    bed.advance(10s);
    CHECK(why == std::vector<error_code>{errc::unauthorized, errc::unauthorized});
    CHECK(codes == std::vector<std::uint16_t>{3000});
}

TEST_CASE("a permission that has ended grants nothing", "[access]") {
    expiring_bed bed;
    const bool long_ago = GENERATE(false, true);
    bed.publish("b", "secret");
    bed.permissions = {{"b", long_ago ? io::system_time::min() : bed.in(-1ms)}};
    CHECK(status_of(*bed.get("/topics/b?after=")) == 403);
    CHECK(status_of(*bed.get("/events?topic=b&after=")) == 403);
    CHECK(status_of(*bed.upgrade("/ws?topic=b&after=")) == 403);
    CHECK(status_of(*bed.send(access_bed::post_request("b", "x", "Authorization: t\r\n"))) == 403);
    const auto ws = bed.upgrade("/ws?topic=a");
    ws->send(event_message("b", "1") + event_message("a", "2"));
    bed.run();
    CHECK(bed.published() == strings{"b=secret", "a=2"});
}

TEST_CASE("a body that outlives its caller's credential is not published", "[access]") {
    expiring_bed bed;
    bed.credential = bed.in(5s);
    const auto whole = access_bed::post_request("a", "late", "Authorization: t\r\n");
    const auto peer = bed.send(whole.substr(0, whole.size() - 2));
    bed.advance(6s);
    peer->send(whole.substr(whole.size() - 2));
    bed.run();
    CHECK(status_of(*peer) == 401);
    CHECK(bed.published().empty());
}

}  // namespace tidings::test
