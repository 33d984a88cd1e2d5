// SPDX-License-Identifier: BSL-1.0
// Messages that are too large for a client, too slow or too many for a service.
#include "support/websocket_client_bed.hpp"

namespace tidings::test {

namespace {

std::string published_event(std::string_view id, std::string_view topic = "open.x") {
    return R"({"specversion":"1.0","source":"/peer","type":"t","id":")" + std::string(id) +
           R"(","topic":")" + std::string(topic) + R"("})";
}

std::string many(int count) {
    std::string bytes;
    for (int i = 0; i < count; ++i) bytes += client_text(published_event(std::to_string(i)));
    return bytes;
}

}  // namespace

TEST_CASE("a message over a client's limit is skipped, announced, and the stream goes on",
          "[websocket][fault-1]") {
    websocket_client_bed bed;
    auto o = bed.client_options();
    o.max_message_bytes = 1000;
    bed.start(std::move(o));
    const auto next = server_text(cloud_event("2", "a.x", "e:2"));
    const bool fragmented = GENERATE(false, true);
    std::string large = server_text(cloud_event("1", "a.x", "e:1") + std::string(99'000, ' '));
    if (fragmented) {
        large = {};
        append_websocket_frame(large, websocket_opcode::text, std::string(400, 'x'), false);
        append_websocket_frame(large, websocket_opcode::ping, "p");
        append_websocket_frame(large, websocket_opcode::continuation, std::string(601, 'x'), false);
        append_websocket_frame(large, websocket_opcode::continuation, "", true);
    }
    bed.accept(server_text(cloud_event("0", "a.x", "e:0")) + large);
    CHECK(bed.client->last_position().text() == "e:0");
    bed.peer().send(next);
    bed.run();
    const auto events = bed.seen->events();
    REQUIRE(topics_of(events) == strings{"a.x", "tidings.skipped", "a.x"});
    const std::uint64_t size = cloud_event("1", "a.x", "e:1").size() + 99'000;
    CHECK(skipped_bytes(events[1]) == (fragmented ? 1001 : size));
    CHECK(bed.client->last_position().text() == "e:2");
    CHECK(bed.last_state().to == websocket_client_bed::kind::open);
    CHECK(bed.sent().size() == (fragmented ? 1U : 0U));  // the pong
    bed.seen->clear();
    bed.client->stop();
    bed.run();
}

TEST_CASE("a client takes messages of up to 16 MiB unless told otherwise", "[websocket][fault-1]") {
    CHECK(websocket::client_options().max_message_bytes == 16U * 1024 * 1024);
    websocket_client_bed bed;
    bed.start();
    // 1 MiB of quotes doubles when it is escaped.
    bed.accept(server_text(R"({"specversion":"1.0","source":"/p","type":"t","id":"1",)"
                           R"("topic":"a.x","data":")" +
                           std::string(std::size_t{3} * 1024 * 1024, 'q') + "\"}"));
    CHECK(topics_of(bed.seen->events()) == strings{"a.x"});
    bed.seen->clear();
}

TEST_CASE("a service never skips: a message over its limit closes with 1009",
          "[websocket][fault-1]") {
    websocket_bed bed({.max_message_bytes = 1000});
    const auto peer = bed.open();
    peer->send(client_text(std::string(1001, 'x')));
    bed.run();
    CHECK(close_code_of(frames(*peer)) == 1009);
}

TEST_CASE("beyond its rate a publisher is not read, and nothing is refused",
          "[websocket][fault-16]") {
    websocket_bed bed({.authorizer = allow_all()});
    int published = 0;
    const auto watch = bed.hub->subscribe("open.>", [&](const event_ptr&) { ++published; });
    const auto peer = bed.open("/ws?topic=nothing");
    const auto quiet = bed.open("/ws?topic=nothing");
    peer->send(many(1000));
    bed.run();
    CHECK(published == 200);  // the burst
    // Another is served meanwhile.
    quiet->send(many(1) + client_frame(websocket_opcode::ping, "p"));
    bed.run();
    CHECK(published == 201);
    CHECK(payloads_of(frames(*quiet), websocket_opcode::pong).size() == 1);
    for (int i = 0; i < 50; ++i) bed.advance(20ms);
    CHECK(published >= 295);
    CHECK(published <= 305);
    for (int i = 0; i < 500; ++i) bed.advance(20ms);
    CHECK(published == 1001);
    CHECK(payloads_of(frames(*peer)).empty());
    CHECK(close_code_of(frames(*peer)) == 0);
    peer->send(client_frame(websocket_opcode::ping, "still there"));
    bed.run();
    CHECK(payloads_of(frames(*peer), websocket_opcode::pong) == strings{"still there"});
}

TEST_CASE("a publisher that is not read for a while can be closed meanwhile",
          "[websocket][fault-16]") {
    const std::string how = GENERATE("close", "stop", "context", "leave");
    CAPTURE(how);
    websocket::session_ptr session;
    websocket_bed bed({.authorizer = allow_all(),
                       .max_publishes_per_second = 1,
                       .publish_burst = 1,
                       .hooks = {.on_open = [&](const auto& s) { session = s; }}});
    const auto peer = bed.open("/ws?topic=nothing");
    peer->send(many(10) + client_close(4001));
    bed.run();
    if (how == "close") session->close(4000, "enough");
    if (how == "stop") bed.web.reset();
    if (how == "leave") peer->close();
    if (how == "context") {
        peer->close();
        bed.web.reset();
        bed.hub.reset();
        bed.destroy_context();
    } else {
        bed.run();
        bed.advance(1100ms);
        if (how == "close") CHECK(close_code_of(frames(*peer)) == 4000);
        peer->close();
        for (int i = 0; i < 12; ++i) bed.advance(1100ms);
    }
    CHECK_FALSE(session->is_open());
    session.reset();
}

TEST_CASE("messages that hooks deal with have no rate", "[websocket][fault-16]") {
    int messages = 0;
    websocket_bed bed({.hooks = {.on_message = [&](const auto&, const auto&) {
                           ++messages;
                           return true;
                       }}});
    const auto peer = bed.open("/ws?topic=nothing");
    peer->send(many(1000));
    bed.run();
    CHECK(messages == 1000);
}

TEST_CASE("a flood of one connection leaves every turn to the others", "[websocket][fault-16]") {
    strings order;
    websocket_bed bed({.hooks = {.on_message = [&](const auto&, const auto& m) {
                           order.emplace_back(m.payload);
                           return true;
                       }}});
    const auto flood = bed.open("/ws?topic=nothing");
    const auto other = bed.open("/ws?topic=nothing");
    std::string bytes;
    for (int i = 0; i < 2000; ++i) bytes += client_text("flood");
    flood->send(bytes);
    other->send(client_text("other"));
    bed.run();
    REQUIRE(order.size() == 2001);
    CHECK(std::find(order.begin(), order.end(), "other") - order.begin() < 300);
}

TEST_CASE("a frame that comes too slowly is closed with 4009, a slow but steady one is taken",
          "[websocket][fault-30]") {
    websocket::close_reason reason;
    int messages = 0;
    websocket_bed bed({.frame_timeout = 10s,
                       .message_timeout = 0ms,
                       .hooks = {.on_message =
                                     [&](const auto&, const auto&) {
                                         ++messages;
                                         return true;
                                     },
                                 .on_close = [&](const auto&, const auto& w) { reason = w; }}});
    const auto peer = bed.open("/ws?topic=nothing");
    const auto bytes = client_text(std::string(60'000, 'x'));
    SECTION("a byte every 5 s") {
        for (std::size_t i = 0; i < 20 && close_code_of(frames(*peer)) == 0; ++i) {
            peer->send(bytes.substr(i, 1));
            bed.advance(5s);
        }
        CHECK(close_code_of(frames(*peer)) == websocket::close_too_slow);
        CHECK(messages == 0);
        peer->close();
        bed.run();
        CHECK(reason.error == errc::timed_out);
    }
    SECTION("a fast beginning does not pay for a slow end") {
        peer->send(bytes.substr(0, 50'000));
        bed.advance(10'100ms);
        CHECK(close_code_of(frames(*peer)) == 0);
        bed.advance(10'100ms);
        CHECK(close_code_of(frames(*peer)) == websocket::close_too_slow);
    }
    SECTION("2 KB every 1 s") {
        for (std::size_t i = 0; i < bytes.size(); i += 2000) {
            peer->send(bytes.substr(i, 2000));
            bed.advance(1s);
        }
        CHECK(messages == 1);
        bed.advance(20s);
        CHECK(close_code_of(frames(*peer)) == 0);
    }
}

TEST_CASE("a message in parts has a deadline from its first byte to its last",
          "[websocket][fault-30]") {
    int messages = 0;
    websocket_bed bed(
        {.message_timeout = 60s, .hooks = {.on_message = [&](const auto&, const auto&) {
                                     ++messages;
                                     return true;
                                 }}});
    const auto peer = bed.open("/ws?topic=nothing");
    SECTION("that parts do not move") {
        peer->send(client_frame(websocket_opcode::text, "x", false));
        for (int i = 0; i < 59; ++i) {
            bed.advance(1s);
            peer->send(client_frame(websocket_opcode::continuation, "x", false));
        }
        CHECK(close_code_of(frames(*peer)) == 0);
        bed.advance(1100ms);
        CHECK(close_code_of(frames(*peer)) == websocket::close_too_slow);
        CHECK(messages == 0);
    }
    SECTION("that begins anew with the next message") {
        std::string end;
        for (int i = 0; i < 4; ++i) {
            peer->send(end + client_frame(websocket_opcode::text, "x", false));
            bed.advance(40s);
            peer->send(client_frame(websocket_opcode::ping));
            end = client_frame(websocket_opcode::continuation, "x", true);
        }
        peer->send(end);
        bed.run();
        CHECK(messages == 4);
        CHECK(close_code_of(frames(*peer)) == 0);
    }
}

TEST_CASE("messages under way count together, and what is over their bound is closed with 1013",
          "[websocket][fault-30]") {
    websocket_bed bed({.max_buffered_bytes = 100'000,
                       .hooks = {.on_message = [](const auto&, const auto&) { return true; }}});
    const std::string how = GENERATE("end", "leave", "break");
    const auto half = client_frame(websocket_opcode::binary, std::string(30'000, 'x'), false);
    std::vector<std::unique_ptr<http_peer>> peers;
    const auto closed = [&] { return close_code_of(frames(*peers.back())); };
    for (int i = 0; i < 3; ++i) {
        peers.push_back(bed.open("/ws?topic=nothing"));
        peers.back()->send(half);
        bed.run();
        CHECK(closed() == 0);
    }
    peers.push_back(bed.open("/ws?topic=nothing"));
    peers.back()->send(half);
    bed.run();
    CHECK(closed() == 1013);
    if (how == "end") peers[0]->send(client_frame(websocket_opcode::continuation, "", true));
    if (how == "leave") peers[0]->close();
    if (how == "break") peers[0]->send("no frame");
    bed.run();
    peers.push_back(bed.open("/ws?topic=nothing"));
    peers.back()->send(half);
    bed.run();
    CHECK(closed() == 0);
    peers.push_back(bed.open("/ws?topic=nothing"));
    peers.back()->send(half);
    bed.run();
    CHECK(closed() == 1013);
}

TEST_CASE("WebSocket messages under way and bodies share the server's max_buffered_bytes",
          "[websocket][fault-12]") {
    http_bed bed;
    auto options = bed.options();
    options.max_buffered_bytes = 400'000;  // a quarter is for strangers
    http::server server(bed.io(), options);
    websocket::service_options raw;
    raw.authenticator = allow_anonymous();
    raw.max_message_bytes = 60'000;
    server.mount("/ws", websocket::service(std::move(raw)));
    server.mount("/", [](http::exchange& x) { x.respond({.body = "taken"}); });
    server.start();
    const auto half = client_frame(websocket_opcode::binary, std::string(30'000, 'x'), false);
    std::vector<std::unique_ptr<http_peer>> peers;
    const auto begin_message = [&] {
        peers.push_back(bed.connect());
        peers.back()->send(
            "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
        bed.run();
        REQUIRE(peers.back()->take().starts_with("HTTP/1.1 101 "));
        peers.back()->send(half);
        bed.run();
        return close_code_of(frames_of(peers.back()->received()));
    };
    const auto post = [&](std::size_t size) {
        const auto peer = bed.connect();
        peer->send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(size) +
                   "\r\n\r\n" + std::string(size, 'x'));
        bed.run();
        return peer->received().substr(9, 3);
    };
    CHECK(begin_message() == 0);
    CHECK(begin_message() == 0);
    CHECK(post(60'000) == "503");
    CHECK(post(20'000) == "200");
    CHECK(begin_message() == 0);
    CHECK(begin_message() == 1013);
    CHECK(post(20'000) == "503");
    peers.front()->send(client_frame(websocket_opcode::continuation, "", true));
    bed.run();
    CHECK(post(20'000) == "200");
    CHECK(begin_message() == 0);
}

}  // namespace tidings::test
