// SPDX-License-Identifier: BSL-1.0
// The SSE client against a server that a test speaks for: WHATWG HTML 9.2, and what goes wrong.
#include "support/sse_client_bed.hpp"

namespace tidings::test {

using ready = connection_state;
using state = sse_client_bed::state;

TEST_CASE("A client asks as WHATWG HTML 9.2.3 says", "[sse]") {
    sse_client_bed bed;
    auto o = bed.client_options("http://127.0.0.1/events?x=1");
    o.topics = {"a.*", "b"};
    o.token = "secret";
    bed.start(std::move(o));
    const auto& request = bed.peer().received();
    CHECK(request.starts_with("GET /events?x=1&topic=a.%2A&topic=b HTTP/1.1\r\n"));
    CHECK(field_of(request, "Accept") == "text/event-stream");
    CHECK(field_of(request, "Cache-Control") == "no-cache");
    CHECK(field_of(request, "Authorization") == "Bearer secret");
    CHECK(request.find("Last-Event-ID") == std::string::npos);
    CHECK(bed.client->state() == ready::connecting);
}

TEST_CASE("A client may post a body and begin at an id", "[sse]") {
    sse_client_bed bed;
    auto o = bed.client_options();
    o.method = "POST";
    o.body = "query";
    o.last_event_id = "caf\xc3\xa9 7";
    bed.start(std::move(o));
    CHECK(bed.peer().received().starts_with("POST /events HTTP/1.1\r\n"));
    CHECK(after_header(bed.peer().received()) == "query");
    CHECK(bed.asked_id() == "caf\xc3\xa9 7");
}

TEST_CASE("Any framing of the body is read, cut anywhere", "[sse]") {
    const std::string stream =
        "\xef\xbb\xbf"
        "data: a\r\rid: 1\ndata: b\r\ndata: c\n\n:x\n\n";
    std::string chunked(chunked_header);
    for (std::size_t i = 0; i < stream.size(); i += 7) {
        const auto part = stream.substr(i, 7);
        chunked += std::to_string(part.size()) + ";ext=1\r\n" + part + "\r\n";
    }
    const std::string head = "HTTP/1.1 200 OK\r\nContent-Type: TEXT/event-stream;charset=utf-8\r\n";
    const auto [bytes, closes] = GENERATE_COPY(
        std::pair(chunked + "0\r\nTrailer: x\r\n\r\n", false),
        std::pair(head + "Content-Length: " + std::to_string(stream.size()) + "\r\n\r\n" + stream,
                  false),
        std::pair(head + "\r\n" + stream, true));
    for (std::size_t cut = 1; cut <= bytes.size(); ++cut) {
        sse_client_bed bed;
        bed.start();
        bed.answer(bytes.substr(0, cut));
        bed.answer(bytes.substr(cut));
        if (closes) bed.cut();
        CAPTURE(cut);
        REQUIRE(bed.messages == strings{"message:a#", "message:b\nc#1"});
        REQUIRE(bed.states == std::vector<state>{{ready::connecting, {}},
                                                 {ready::open, {}},
                                                 {ready::waiting, net::error::eof}});
        bed.seen->clear();
    }
}

TEST_CASE("Ids persist over events and connections, and only whole events bring them", "[sse]") {
    sse_client_bed bed;
    bed.start();
    bed.open("id: 1\ndata: a\n\ndata: b\n\nid: 2\n\nid: 3\ndata: not whole");
    CHECK(bed.messages == strings{"message:a#1", "message:b#1"});
    CHECK(bed.client->last_event_id() == "2");
    bed.cut();
    bed.until_next_connection();
    CHECK(bed.asked_id() == "2");
    bed.open("data: c\n\nid: x" + std::string(1, '\0') + "y\ndata: d\n\n");
    CHECK(bed.messages.at(2) == "message:c#2");
    CHECK(bed.messages.at(3) == "message:d#2");
    bed.answer("id\ndata: e\n\n");
    CHECK(bed.messages.at(4) == "message:e#");
    bed.cut();
    bed.until_next_connection();
    CHECK(bed.peer().received().find("Last-Event-ID") == std::string::npos);
    bed.seen->clear();
}

TEST_CASE("An id that cannot be asked for is no position", "[sse]") {
    const auto id = GENERATE(as<std::string>(), "a\1b", std::string(4097, 'x'));
    const bool has_data = GENERATE(true, false);
    sse_client_bed bed;
    bed.start();
    bed.open("id: 7\ndata: a\n\nid: " + id + (has_data ? "\ndata: b\n\n" : "\n\n") + "data: c\n\n");
    CHECK(bed.messages.back() == "message:c#" + id);
    CHECK(bed.client->last_event_id() == "7");
    bed.cut();
    bed.until_next_connection();
    CHECK(bed.asked_id() == "7");
    bed.seen->clear();
}

TEST_CASE("An id as long as may be asked for is one", "[sse]") {
    const std::string id(4096, 'x');
    sse_client_bed bed;
    bed.start();
    bed.open("id: " + id + "\ndata: a\n\n");
    CHECK(bed.client->last_event_id() == id);
    bed.cut();
    bed.until_next_connection();
    CHECK(bed.asked_id() == id);
    bed.seen->clear();
}

TEST_CASE("A client begins at no id that cannot be asked for", "[sse]") {
    sse_client_bed bed;
    auto o = bed.client_options();
    o.last_event_id = GENERATE(as<std::string>(), "a\1b", "a\nb", std::string(4097, 'x'));
    bed.start(std::move(o));
    CHECK(bed.asked_id().empty());
    CHECK(bed.client->last_event_id().empty());
}

TEST_CASE("Messages become events", "[sse]") {
    sse_client_bed bed;
    bed.start(bed.client_options("http://127.0.0.1/events?secret=1"));
    bed.open(
        R"(data: {"specversion":"1.0","id":"7","source":"/s","type":"t","topic":"a.b","data":1})"
        "\n\nid: 1\nevent: tick\ndata: tock\n\ndata: again\n\nevent: a\7b\ndata: x\n\n"
        R"(data: {"specversion":"1.0","id":"8","source":"/s","type":"t","topic":"a..b"})"
        "\n\n");
    const auto events = bed.seen->events();
    REQUIRE(events.size() == 3);
    CHECK(events[0]->topic() == "a.b");
    CHECK(events[0]->id() == "7");
    CHECK(events[0]->info().hops == 1);
    CHECK(events[1]->topic() == "sse.tick");
    CHECK(events[1]->type() == "sse.tick");
    CHECK(events[1]->text() == "tock");
    CHECK(events[1]->id() == "1");
    CHECK(events[1]->source() == "http://127.0.0.1/events");
    CHECK(events[2]->topic() == "sse.message");
    CHECK(events[2]->id() != "1");
    CHECK(std::count(bed.logged.begin(), bed.logged.end(), "event refused") == 2);
    bed.seen->clear();
}

TEST_CASE("What the callbacks take is no event", "[sse]") {
    sse_client_bed bed;
    auto o = bed.client_options();
    strings told;
    o.on_message = [&](const sse_message& m) { return m.data == "mine"; };
    o.on_comment = [&](const std::string& text) { told.push_back(text); };
    o.on_retry = [&](std::chrono::milliseconds t) { told.push_back(std::to_string(t.count())); };
    bed.start(std::move(o));
    bed.open("id: 1\ndata: mine\n\ndata: other\n\n: note\nretry: 5000\nretry: -1\nretry: x\n");
    CHECK(bed.seen->count() == 1);
    CHECK(told == strings{"note", "5000"});
    CHECK(bed.client->last_event_id() == "1");
    bed.seen->clear();
}

TEST_CASE("A server's retry is obeyed", "[sse]") {
    const auto [retry, least, most] =
        GENERATE(std::tuple("5000", 5000ms, 5040ms), std::tuple("0", 500ms, 540ms),
                 std::tuple("90000", 90'000ms, 90'040ms));
    sse_client_bed bed;
    bed.start();
    bed.open("retry: " + std::string(retry) + "\n\n");
    bed.cut();
    const auto waited = bed.until_next_connection();
    CHECK(waited >= least);
    CHECK(waited <= most);
}

TEST_CASE("A retry of 0 does not make a client storm a server that is gone", "[sse]") {
    sse_client_bed bed;
    bed.start();
    bed.open("retry: 0\n\n");
    bed.sim().set_link({.connect = sim_link::on_connect::refuse});
    bed.cut();
    for (int i = 0; i < 3000; ++i) bed.advance(20ms);
    CHECK(bed.states.size() < 40);
}

TEST_CASE("Some answers are final", "[sse]") {
    const auto [answer, why] = GENERATE(
        std::pair("204 No Content\r\n", errc::sse_stopped),
        std::pair("200 OK\r\nContent-Type: text/html\r\n", errc::sse_bad_content_type),
        std::pair("200 OK\r\nContent-Type: text/event-streams\r\n", errc::sse_bad_content_type),
        std::pair("200 OK\r\n", errc::sse_bad_content_type),
        std::pair("201 Created\r\nContent-Type: text/event-stream\r\n", errc::http_status),
        std::pair("401 No\r\n", errc::http_status), std::pair("404 No\r\n", errc::http_status),
        std::pair("302 Found\r\n", errc::too_many_redirects),
        std::pair("307 There\r\nLocation: \r\n", errc::too_many_redirects),
        std::pair("301 There\r\nLocation: ftp://127.0.0.1/\r\n", errc::bad_url),
        std::pair("301 There\r\nLocation: http://\r\n", errc::bad_url));
    sse_client_bed bed;
    bed.start();
    bed.answer("HTTP/1.1 " + std::string(answer) + "Content-Length: 0\r\n\r\n");
    CHECK(bed.last_state() == state{ready::stopped, why});
    CHECK(bed.client->state() == ready::stopped);
    bed.advance(1h);
    CHECK(bed.server.peers.size() == 1);
}

TEST_CASE("Some answers are not, and may say when", "[sse]") {
    const auto status = GENERATE("408", "429", "500", "503");
    sse_client_bed bed;
    bed.start();
    bed.answer("HTTP/1.1 " + std::string(status) +
               " X\r\nRetry-After: 42\r\nContent-Length: 0\r\n\r\n");
    CHECK(bed.last_state() == state{ready::waiting, errc::http_status});
    const auto waited = bed.until_next_connection();
    CHECK(waited >= 42s);
    CHECK(waited <= 42'040ms);
}

TEST_CASE("A server's wish to wait is heeded up to a limit", "[sse]") {
    const auto [asked, limit] =
        GENERATE(std::pair("2147483648", 5min), std::pair("Fri, 01 Jan 2100 00:00:00 GMT", 5min),
                 std::pair("7200", 10min));
    sse_client_bed bed;
    auto o = bed.client_options();
    if (limit != 5min) o.reconnect.max_retry_after = limit;
    bed.start(std::move(o));
    SECTION("of one answer") {
        bed.answer("HTTP/1.1 503 Busy\r\nRetry-After: " + std::string(asked) +
                   "\r\nContent-Length: 0\r\n\r\n");
    }
    SECTION("of a stream") {
        bed.open("retry: 99999999999\n\n");
        bed.cut();
    }
    const auto waited = bed.until_next_connection(15min);
    CHECK(waited >= limit);
    CHECK(waited <= limit + 100ms);
}

TEST_CASE("Who is asked decides whether to try again", "[sse]") {
    const auto [answer, why, again] = GENERATE(
        std::tuple("204 No Content\r\n", errc::sse_stopped, false),
        std::tuple("200 OK\r\nContent-Type: text/html\r\n", errc::sse_bad_content_type, false),
        std::tuple("401 No\r\nWWW-Authenticate: Bearer\r\n", errc::http_status, false),
        std::tuple("503 Busy\r\n", errc::http_status, true));
    const bool decision = GENERATE(true, false);
    sse_client_bed bed;
    auto o = bed.client_options();
    strings asked;
    o.on_refused = [&](const http::response& r, bool would) {
        CHECK(would == again);
        asked.push_back(std::to_string(r.status) + std::string(r.fields.get("www-authenticate")));
        return decision;
    };
    bed.start(std::move(o));
    bed.answer("HTTP/1.1 " + std::string(answer) + "Content-Length: 0\r\n\r\n");
    REQUIRE(asked.size() == 1);
    CHECK(asked[0] == (std::string(answer).starts_with("401") ? "401Bearer"
                                                              : std::string(answer).substr(0, 3)));
    CHECK(bed.last_state() == state{decision ? ready::waiting : ready::stopped, why});
    if (decision) CHECK(bed.until_next_connection() <= 2040ms);
}

TEST_CASE("Every connection may bring a token that is fresh", "[sse]") {
    sse_client_bed bed;
    auto o = bed.client_options();
    int made = 0;
    o.token = "first";
    o.on_request = [&](http::fields& f) {
        CHECK(f.get("authorization") == "Bearer first");
        f.set("Authorization", "Bearer " + std::to_string(++made)).set("Accept", "*/*");
        if (made == 3) throw std::runtime_error("no token");
    };
    bed.start(std::move(o));
    for (const auto* token : {"Bearer 1", "Bearer 2", "Bearer 3"}) {
        CHECK(field_of(bed.peer().received(), "Authorization") == token);
        CHECK(field_of(bed.peer().received(), "Accept") == "text/event-stream");
        bed.cut();
        bed.until_next_connection();
    }
    CHECK(std::count(bed.logged.begin(), bed.logged.end(), "no token") == 1);
}

TEST_CASE("A server that does not answer in time is tried again", "[sse]") {
    const std::string answer = std::string(chunked_header);
    for (std::size_t cut = 0; cut <= answer.size(); ++cut) {
        sse_client_bed bed;
        const bool unconnected = cut == answer.size();
        if (unconnected) bed.sim().set_link({.connect = sim_link::on_connect::hang});
        bed.start();
        if (!unconnected) bed.answer(answer.substr(0, cut));
        CAPTURE(cut);
        bed.advance(9900ms);
        REQUIRE(bed.last_state().to == ready::connecting);
        bed.advance(200ms);
        REQUIRE(bed.last_state() == state{ready::waiting, errc::timed_out});
    }
}

TEST_CASE("Redirects are followed, each time anew", "[sse]") {
    const auto [location, target] = GENERATE(
        std::pair("http://127.0.0.1/other?a=b", "/other?a=b"), std::pair("/root", "/root"),
        std::pair("sibling?x=http://y", "/in/sibling?x=http://y"), std::pair("?q", "/in/events?q"),
        std::pair("../up/./x/../y", "/up/y"), std::pair("//127.0.0.1/z", "/z"));
    const auto status = GENERATE("301", "302", "303", "307", "308");
    sse_client_bed bed;
    bed.start(bed.client_options("http://127.0.0.1/in/events?p"));
    bed.answer("HTTP/1.1 " + std::string(status) + " There\r\nLocation: " + location +
               "\r\nContent-Length: 0\r\n\r\n");
    REQUIRE(bed.server.peers.size() == 2);
    CHECK(bed.peer().received().starts_with("GET " + std::string(target) + " HTTP"));
    bed.open("id: 1\ndata: x\n\n");
    CHECK(bed.messages == strings{"message:x#1"});
    CHECK(bed.states.size() == 2);
    bed.cut();
    bed.until_next_connection();
    CHECK(bed.peer().received().starts_with("GET /in/events?p HTTP"));
    CHECK(bed.asked_id() == "1");
    bed.seen->clear();
}

TEST_CASE("A redirect to itself comes to an end", "[sse]") {
    sse_client_bed bed;
    auto o = bed.client_options();
    o.max_redirects = 3;
    bed.start(std::move(o));
    for (int i = 0; i < 4; ++i)
        bed.answer("HTTP/1.1 307 Again\r\nLocation: /events\r\nContent-Length: 0\r\n\r\n");
    CHECK(bed.server.peers.size() == 4);
    CHECK(bed.last_state() == state{ready::stopped, errc::too_many_redirects});
}

TEST_CASE("Credentials stay with the host they were given for", "[sse]") {
    sse_client_bed bed;
    const raw_listener other_port(bed, 8080);
    bed.sim().add_name("other.example", {"127.0.0.1"});
    auto o = bed.client_options();
    o.token = "secret";
    o.fields.set("Cookie", "c=1").set("X-Mine", "yes");
    o.on_request = [](http::fields& f) { f.set("X-Fresh", "1"); };
    o.method = "POST";
    o.body = "the secret too";
    o.last_event_id = "7";
    bed.start(std::move(o));
    const auto redirect = [&](http_peer& p, const std::string& to) {
        p.send("HTTP/1.1 307 There\r\nLocation: " + to + "\r\nContent-Length: 0\r\n\r\n");
        bed.run();
    };
    redirect(bed.peer(), "/here");
    CHECK(field_of(bed.peer().received(), "Authorization") == "Bearer secret");
    CHECK(field_of(bed.peer().received(), "X-Fresh") == "1");
    CHECK(after_header(bed.peer().received()) == "the secret too");
    const auto elsewhere = GENERATE("http://other.example/", "http://127.0.0.1:8080/");
    redirect(bed.peer(), elsewhere);
    const auto& there = other_port.peers.empty() ? bed.peer() : *other_port.peers.back();
    CHECK(there.received().find("secret") == std::string::npos);
    CHECK(there.received().find("Cookie") == std::string::npos);
    CHECK(field_of(there.received(), "X-Mine").empty());
    CHECK(field_of(there.received(), "X-Fresh").empty());
    CHECK(there.received().starts_with("GET / HTTP"));
    CHECK(after_header(there.received()).empty());
    CHECK(field_of(there.received(), "Last-Event-ID") == "7");
    if (other_port.peers.empty()) redirect(bed.peer(), "http://127.0.0.1/back");
    CHECK(bed.peer().received().find(other_port.peers.empty() ? "secret" : "nothing") ==
          std::string::npos);
    bed.sim().reset_all();
    bed.run();
    bed.until_next_connection();
    CHECK(field_of(bed.peer().received(), "Authorization") == "Bearer secret");
}

TEST_CASE("A redirect turns a POST into a GET where Fetch has it so", "[sse]") {
    const auto [status, method] =
        GENERATE(std::pair("301", "GET"), std::pair("302", "GET"), std::pair("303", "GET"),
                 std::pair("307", "POST"), std::pair("308", "POST"));
    sse_client_bed bed;
    auto o = bed.client_options();
    o.method = "POST";
    o.body = "query";
    bed.start(std::move(o));
    bed.answer("HTTP/1.1 " + std::string(status) +
               " There\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n");
    const auto& request = bed.peer().received();
    CHECK(request.starts_with(std::string(method) + " /there HTTP"));
    CHECK(after_header(request) == (method == std::string("GET") ? "" : "query"));
}

TEST_CASE("A connection on which nothing comes is made anew", "[sse]") {
    sse_client_bed bed;
    auto o = bed.client_options();
    o.idle_timeout = 30s;
    bed.start(std::move(o));
    bed.open();
    bed.advance(29s);
    bed.answer(":\n");
    bed.advance(29s);
    CHECK(bed.last_state().to == ready::open);
    bed.advance(2s);
    CHECK(bed.last_state() == state{ready::waiting, errc::timed_out});
    CHECK_FALSE(bed.server.peers.front()->open());
    bed.until_next_connection();
}

TEST_CASE("an event over its limit is skipped and announced, and the stream goes on",
          "[sse][fault-1]") {
    sse_client_bed bed;
    auto o = bed.client_options();
    o.limits = {.max_line_bytes = 100, .max_event_bytes = 150};
    bed.start(std::move(o));
    bed.open("id: 1\ndata: before\n\n");
    std::size_t size = 0;
    SECTION("a line, in pieces") {
        bed.answer("id: 2\ndata: " + std::string(100, 'x'));
        bed.answer(std::string(1'000'000, 'x'));
        bed.answer("x\n\n");
        size = 1'000'102;  // with the space before it, and the id
    }
    SECTION("an event") {
        const std::string line = "data: " + std::string(90, 'x') + '\n';
        bed.answer("id: 2\n" + line + line + line + '\n');
        size = 273;
    }
    REQUIRE(bed.seen->count() == 2);
    CHECK(skipped_bytes(bed.seen->events()[1]) == size + (size == 273 ? 0 : 1));
    CHECK(bed.client->last_event_id() == "2");
    bed.answer("data: after\n\n");
    CHECK(bed.messages == strings{"message:before#1", "message:after#2"});
    CHECK(bed.last_state().to == ready::open);
    bed.cut();
    bed.until_next_connection();
    CHECK(bed.asked_id() == "2");
    bed.seen->clear();
}

TEST_CASE("an event beyond what is read away ends the client, which would meet it again",
          "[sse][fault-1]") {
    sse_client_bed bed;
    auto o = bed.client_options();
    o.limits = {.max_line_bytes = 100, .max_event_bytes = 150, .max_skipped_bytes = 1000};
    bed.start(std::move(o));
    bed.open("data: " + std::string(1001, 'x'));
    CHECK(bed.last_state() == state{ready::stopped, errc::sse_line_too_long});
}

TEST_CASE("an id that a message brings is kept, also when it is the last one again",
          "[sse][fault-25]") {
    sse_client_bed bed;
    bed.start();
    bed.open("id: 7\ndata: x\n\nid: 7\ndata: x\n\ndata: y\n\n");
    const auto events = bed.seen->events();
    REQUIRE(events.size() == 3);
    CHECK(events[0]->id() == "7");
    CHECK(events[1]->id() == "7");
    CHECK(events[2]->id() != "7");
    bed.seen->clear();
}

TEST_CASE("a compressed stream is refused with a clear error", "[sse][fault-26]") {
    const auto [coding, refused] =
        GENERATE(std::pair("gzip", true), std::pair("br", true), std::pair("identity", false));
    sse_client_bed bed;
    std::string told;
    auto o = bed.client_options();
    o.on_state = [&, report = o.on_state](ready to, error_code why, const diagnostics& text) {
        told = text.message();
        report(to, why, text);
    };
    bed.start(std::move(o));
    bed.answer("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: " +
               std::string(coding) + "\r\n\r\n");
    if (!refused) {
        CHECK(bed.last_state().to == ready::open);
        return;
    }
    CHECK(bed.last_state() == state{ready::stopped, errc::unsupported_encoding});
    CHECK(told == "http://127.0.0.1/events: the stream is compressed: Content-Encoding is " +
                      std::string(coding));
}

TEST_CASE("a state is reported with the object and the cause", "[sse][fault-19]") {
    sse_client_bed bed;
    strings told;
    auto o = bed.client_options("http://user:secret@127.0.0.1/events?key=secret");
    o.on_state = [&](ready, error_code, const diagnostics& text) {
        told.push_back(text.message());
    };
    bed.start(std::move(o));
    const std::string url = "http://127.0.0.1/events: ";
    std::string expected;
    SECTION("an answer") {
        bed.answer("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n");
        expected = url + "the server answered 404";
    }
    SECTION("another type") {
        bed.answer("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 0\r\n\r\n");
        expected = url + "the answer is no event stream: Content-Type is \"text/html\"";
    }
    SECTION("silence") {
        bed.advance(11s);
        expected = url + error_code(errc::timed_out).message();
    }
    CHECK(told.at(0).empty());
    CHECK(told.back() == expected);
}

TEST_CASE("A server that drops each stream at once is not stormed", "[sse]") {
    sse_client_bed bed;
    bed.start();
    auto waited = 0ms;
    for (int i = 0; i < 8; ++i) {
        bed.open(": hello\n\n");
        bed.cut();
        waited = bed.until_next_connection();
    }
    CHECK(waited >= 15s);
    bed.open("data: x\n\n");
    bed.cut();
    CHECK(bed.until_next_connection() >= 15s);
    bed.open();
    bed.advance(10s);
    bed.cut();
    CHECK(bed.until_next_connection() <= 2040ms);
    bed.seen->clear();
}

TEST_CASE("Broken framing is a lost connection", "[sse]") {
    sse_client_bed bed;
    bed.start();
    bed.answer(std::string(chunked_header) + "5\r\ndata:\r\nnot a chunk\r\n");
    CHECK(bed.last_state().to == ready::waiting);
    CHECK(bed.last_state().why == errc::bad_request);
}

}  // namespace tidings::test
