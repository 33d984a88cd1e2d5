// SPDX-License-Identifier: BSL-1.0
// Topics as HTTP resources: what curl can do with them.
#include "support/ordering_history.hpp"
#include "support/rest_bed.hpp"

#include <tidings/control_event.hpp>
#include <tidings/http/impl/message/percent.hpp>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using texts = std::vector<std::string>;

}  // namespace

TEST_CASE("a body becomes an event of the topic in the path", "[rest]") {
    world w;
    rest_bed bed(w);
    struct row {
        std::string body, sent_as, kept_as;
    };
    const auto r = GENERATE(values<row>({
        {R"({"total":99})", "application/json", "application/json"},
        {R"({"total":99})", "application/x-www-form-urlencoded", "application/json"},  // curl -d
        {"a=b", "application/x-www-form-urlencoded", "application/x-www-form-urlencoded"},
        {"text", "text/plain", "text/plain"},
        {std::string("\0\xff", 2), "", "application/octet-stream"},
        {"", "text/plain", "text/plain"},
    }));
    CAPTURE(r.body, r.sent_as);
    http::fields f;
    if (!r.sent_as.empty()) f.set("Content-Type", r.sent_as);
    const auto answer = bed.post("/orders.42.created", r.body, f);
    CHECK(answer.status == 202);
    REQUIRE(bed.seen->count() == 1);
    const auto e = bed.seen->events()[0];
    CHECK(e->topic() == "orders.42.created");
    CHECK(e->text() == r.body);
    CHECK(e->content_type() == r.kept_as);
    CHECK(e->type() == "message");
    CHECK_FALSE(is_control(e));
    CHECK(e->source() == "/topics");
    CHECK(e->info().hops == 1);
    const auto receipt = json::parse(answer.body);
    CHECK(receipt.at("id") == e->id());
    CHECK(receipt.at("position") == bed.hub.head().text());
    CHECK(receipt.at("matched") == 1);
    CHECK(receipt.at("delivered") == 1);
    CHECK(receipt.at("queued") == 0);
    CHECK(receipt.at("dropped") == 0);
}

TEST_CASE("one slash at the end of a topic's path is ignored", "[rest][fault-29]") {
    world w;
    rest_bed bed(w);
    CHECK(bed.post("/a.b/", "x").status == 202);
    CHECK(bed.post("/a/b.c/", "x").status == 202);
    CHECK(bed.post("/a%2F", "x").status == 202);
    REQUIRE(bed.seen->count() == 3);
    CHECK(bed.seen->events()[0]->topic() == "a.b");
    CHECK(bed.seen->events()[1]->topic() == "a/b.c");
    CHECK(bed.seen->events()[2]->topic() == "a/");
    CHECK(bed.post("/", "x").status == 404);
    CHECK(bed.get("/a.b/?after=" + bed.hub.head().text()).status == 200);
    // What follows is the page of the same question.
    CHECK(bed.get("/a.b/").fields.get("link").find("/topics/a.b/?") != std::string::npos);
}

TEST_CASE("a body that is JSON is published as it stands, whatever its numbers are",
          "[rest][fault-13]") {
    world w;
    rest_bed bed(w);
    const auto body = GENERATE(as<std::string>(), "1e400", R"({"n":-1e-400,"big":1E+9999})");
    CHECK(bed.post("/a", body, {{"Content-Type", "application/json"}}).status == 202);
    CHECK(bed.post("/a",
                   R"({"specversion":"1.0","id":"1","source":"/s","type":"t","data":)" + body + '}',
                   {{"Content-Type", "application/cloudevents+json"}})
              .status == 202);
    REQUIRE(bed.seen->count() == 2);
    for (const auto& e : bed.seen->events()) CHECK(e->text() == body);
}

TEST_CASE("a topic, type or source that cannot be meant is refused with a hint",
          "[rest][fault-20]") {
    world w;
    rest_bed bed(w);
    const auto hint = [](const http::response& r) {
        CHECK(r.status == 400);
        return std::string(json::parse(r.body).at("detail"));
    };
    CHECK(hint(bed.post("/orders.%2B", "x")) == make_error_code(errc::foreign_wildcard).message());
    CHECK(hint(bed.post("/a", "x",
                        {{"ce-specversion", "1.0"},
                         {"ce-id", "1"},
                         {"ce-type", "/shop"},
                         {"ce-source", "com.acme.order"}})) ==
          make_error_code(errc::event_bad_type).message());
    CHECK(bed.seen->count() == 0);
}

TEST_CASE("no POST passes for a control event", "[rest]") {
    world w;
    const bool by_default = GENERATE(false, true);
    rest_bed bed(w, by_default ? rest::service_options{.default_type = "tidings.message"}
                               : rest::service_options());
    const auto refused = [](const http::response& r) {
        CHECK(r.status == 400);
        CHECK(json::parse(r.body).at("detail") ==
              make_error_code(errc::event_reserved_type).message());
    };
    if (by_default) refused(bed.post("/a", "x"));
    refused(bed.post("/a",
                     R"({"specversion":"1.0","id":"1","source":"/tidings","type":"tidings.gap"})",
                     {{"Content-Type", "application/cloudevents+json"}}));
    refused(bed.post("/a", "{}",
                     {{"ce-specversion", "1.0"},
                      {"ce-id", "1"},
                      {"ce-type", "tidings.lagged"},
                      {"ce-source", "/s"}}));
    CHECK(bed.post("/tidings.gap", "x").status == 400);
    CHECK(bed.seen->count() == 0);
}

TEST_CASE("CloudEvents are published as they are, in either mode", "[rest]") {
    world w;
    rest_bed bed(w);
    CHECK(bed.post("/a", cloudevent("1"), {{"Content-Type", "application/cloudevents+json"}})
              .status == 202);
    CHECK(bed.post("/b", "bytes",
                   {{"ce-specversion", "1.0"},
                    {"ce-id", "2"},
                    {"ce-type", "t2"},
                    {"ce-source", "/s2"},
                    {"ce-mine", "x"},
                    {"Content-Type", "text/plain"}})
              .status == 202);
    REQUIRE(bed.seen->count() == 2);
    CHECK(bed.seen->events()[0]->id() == "1");
    CHECK(bed.seen->events()[0]->topic() == "a");
    CHECK(bed.seen->events()[0]->text() == "7");
    CHECK(bed.seen->events()[1]->type() == "t2");
    CHECK(bed.seen->events()[1]->text() == "bytes");
    REQUIRE(bed.seen->events()[1]->extension("mine"));
}

TEST_CASE("what cannot be published is refused with the reason", "[rest]") {
    world w;
    rest_bed bed(w, {.max_body_bytes = 1000});
    struct row {
        std::string path, body, content_type;
        unsigned status;
    };
    const auto r = GENERATE_COPY(values<row>({
        {"/a..b", "x", "text/plain", 400},
        {"/a.*", "x", "text/plain", 400},
        {"/%3E", "x", "text/plain", 400},
        {"/a%20b", "x", "text/plain", 400},
        {"/a%00", "x", "text/plain", 400},
        {"/%zz", "x", "text/plain", 400},
        {"/tidings.gap", "x", "text/plain", 400},
        {"/_inbox", "x", "text/plain", 400},
        {"", "x", "text/plain", 404},
        {"/", "x", "text/plain", 404},
        {"/a", "{", "application/json", 400},
        {"/a", "\"\xff\"", "application/json", 400},
        {"/a", "{}", "application/cloudevents+json", 400},
        {"/a", "x", "application/cloudevents+json", 400},
        {"/a", cloudevent(""), "application/cloudevents+json", 400},
        {"/a", cloudevent("a\nb"), "application/cloudevents+json", 400},
        {"/a", cloudevent("a\rb"), "application/cloudevents+json", 400},
        {"/a", cloudevent({"a\0b", 3}), "application/cloudevents+json", 400},
        {"/a", "[]", "application/cloudevents-batch+json", 415},
        {"/a", "x", "application/cloudevents+avro", 415},
        {"/a", std::string(1001, 'x'), "text/plain", 413},
    }));
    CAPTURE(r.path, r.body, r.content_type);
    const auto answer = bed.post(r.path, r.body, {{"Content-Type", r.content_type}});
    CHECK(answer.status == r.status);
    CHECK(answer.fields.get("content-type") == "application/problem+json");
    CHECK(bed.seen->count() == 0);
}

TEST_CASE("other methods are refused with those that are known", "[rest]") {
    world w;
    rest_bed bed(w);
    const auto r = w.request("DELETE", bed.url("/a"));
    CHECK(r.status == 405);
    CHECK(r.fields.get("allow") == "GET, HEAD, OPTIONS, POST");
    CHECK(w.request("HEAD", bed.url("/a")).status == 200);
}

TEST_CASE("events are read after a position, page by page", "[rest]") {
    world w;
    rest_bed bed(w);
    for (int i = 0; i < 5; ++i) bed.publish(i == 2 ? "other" : "a.b", std::to_string(i));
    const auto first = bed.get("/a.*?after=&max=2");
    CHECK(first.status == 200);
    CHECK(first.fields.get("content-type") == "application/cloudevents-batch+json");
    CHECK(first.fields.get("cache-control") == "no-store");
    CHECK(data_of(first) == texts{"0", "1"});
    CHECK(json::parse(first.body)[0].at("topic") == "a.b");

    std::string link(first.fields.get("link"));
    CHECK(link.ends_with(">; rel=\"next\""));
    link = link.substr(1, link.find('>') - 1);
    CHECK(link.find("/topics/a.*?max=2&after=") == 0);
    const auto second = bed.get(link.substr(std::string_view("/topics").size()));
    CHECK(data_of(second) == texts{"3", "4"});
    CHECK(second.fields.get("tidings-position") == bed.hub.head().text());

    CHECK(data_of(bed.get("/a.b?after=&topic=other")) == texts{"0", "1", "2", "3", "4"});
    CHECK(bed.get("/a.b?max=7" + bed.after()).body == "[]");
    // Without a position: from the present on.
    const auto now = bed.get("/a.b");
    CHECK(now.body == "[]");
    CHECK(now.fields.get("tidings-position") == bed.hub.head().text());
}

TEST_CASE("an answer holds no more events than the service allows", "[rest]") {
    world w;
    rest_bed bed(w, {.max_batch = 3});
    for (int i = 0; i < 5; ++i) bed.publish("a", std::to_string(i));
    CHECK(data_of(bed.get("/a?after=")).size() == 3);
    CHECK(data_of(bed.get("/a?after=&max=100")).size() == 3);
}

TEST_CASE("an answer holds no more bytes than the service allows, but one event", "[rest]") {
    world w;
    rest_bed bed(w, {.max_answer_bytes = 4000});
    texts expected;
    for (const std::size_t size : {10U, 20U, 3000U, 5000U, 3000U, 10U}) {
        expected.emplace_back(size, 'x');
        bed.publish(size == 20 ? "other" : "a", expected.back());
    }
    std::erase(expected, std::string(20, 'x'));
    texts read;
    std::string after;
    std::vector<std::size_t> counts;
    while (after != bed.hub.head().text()) {
        const auto r = bed.get("/a?wait=1s&after=" + after);
        REQUIRE(r.status == 200);
        const auto data = data_of(r);
        counts.push_back(data.size());
        if (data.size() > 1) CHECK(r.body.size() <= 4000);
        read.insert(read.end(), data.begin(), data.end());
        REQUIRE(after != r.fields.get("tidings-position"));
        after = r.fields.get("tidings-position");
    }
    CHECK(read == expected);
    CHECK(counts == std::vector<std::size_t>{2, 1, 2});
}

TEST_CASE("the link to the next page stands whatever the path holds", "[rest]") {
    world w;
    rest_bed bed(w);
    bed.publish("a.b", "0");
    bed.publish("a.b", "1");
    const auto path = GENERATE(as<std::string>(), "/a.>", "/a.%3E", "/>");
    CAPTURE(path);
    const auto r = bed.get(path + "?max=1&after=");
    REQUIRE(r.status == 200);
    const std::string link(r.fields.get("link"));
    const auto end = link.find('>');
    CHECK(link.substr(end) == ">; rel=\"next\"");
    CHECK(link.find_first_of("<>\"", 1) == end);
    REQUIRE(link.starts_with("</topics"));
    CHECK(data_of(bed.get(link.substr(8, end - 8))) == texts{"1"});
}

TEST_CASE("a question that cannot be answered is refused", "[rest]") {
    world w;
    rest_bed bed(w);
    struct row {
        std::string path;
        unsigned status;
    };
    const auto r = GENERATE(values<row>({{"/a?max=0", 400},
                                         {"/a?max=x", 400},
                                         {"/a?max=1x", 400},
                                         {"/a?max=-1", 400},
                                         {"/a?wait=soon", 400},
                                         {"/a?wait=-1s", 400},
                                         {"/a?wait=1h", 400},
                                         {"/a?wait=", 400},
                                         {"/a?after=a%20b", 400},
                                         {"/a?topic=a..b", 400},
                                         {"/a?x=%zz", 400},
                                         {"/a?before=a%20b", 400},
                                         {"/a?before=&after=", 400},
                                         {"/a?before=&wait=1s", 400},
                                         {"/a?Before=", 400},
                                         {"/a?items=json", 400},
                                         {"/a?items=", 400},
                                         {"/a..b", 400},
                                         {"/", 404}}));
    CAPTURE(r.path);
    CHECK(bed.get(r.path).status == r.status);
}

TEST_CASE("a bus without a history has nothing to read", "[rest]") {
    world w;
    rest_bed bed(w, {}, 0);
    CHECK(bed.get("/a?after=").status == 404);
    CHECK(bed.post("/a", "x").status == 202);
    CHECK(json::parse(bed.post("/a", "x").body).at("position").is_null());
}

TEST_CASE("a question that finds nothing may wait for the first event", "[rest]") {
    world w;
    rest_bed bed(w);
    bed.publish("a", "before");
    const bool positioned = GENERATE(true, false);
    pending_get question(w, bed.url("/a?wait=30s" + (positioned ? bed.after() : "")));
    CHECK_FALSE(question.answer);
    bed.publish("other", "x");
    w.advance(10s);
    CHECK_FALSE(question.answer);
    bed.publish("a", "1");
    bed.publish("a", "2");
    w.run_ready();
    REQUIRE(question.answer);
    const auto got = data_of(*question.answer);
    CHECK(!got.empty());
    CHECK(got[0] == "1");
    // What this answer does not hold, the next will.
    const auto next =
        bed.get("/a?after=" + std::string(question.answer->fields.get("tidings-position")));
    CHECK(got.size() + data_of(next).size() == 2);
}

TEST_CASE("questions that wait are all answered by one event", "[rest]") {
    world w;
    rest_bed bed(w);
    bed.publish("a", "before");
    pending_get first(w, bed.url("/a?wait=30s" + bed.after()));
    pending_get second(w, bed.url("/a?wait=30s" + bed.after()));
    pending_get other(w, bed.url("/b?wait=30s" + bed.after()));
    bed.publish("a", "1");
    w.run_ready();
    REQUIRE(first.answer);
    REQUIRE(second.answer);
    CHECK(data_of(*first.answer) == texts{"1"});
    CHECK(data_of(*second.answer) == texts{"1"});
    CHECK_FALSE(other.answer);
}

TEST_CASE("a wait ends with nothing when its time is over", "[rest]") {
    world w;
    rest_bed bed(w, {.max_wait = 20s});
    bed.publish("a", "before");
    struct row {
        std::string wait;
        std::chrono::milliseconds lasts;
    };
    const auto r = GENERATE(values<row>({{"5s", 5s}, {"5", 5s}, {"5000ms", 5s}, {"10m", 20s}}));
    CAPTURE(r.wait);
    pending_get question(w, bed.url("/a?wait=" + r.wait));
    w.advance(r.lasts - 100ms);
    CHECK_FALSE(question.answer);
    w.advance(200ms);
    REQUIRE(question.answer);
    CHECK(question.answer->body == "[]");
    CHECK(question.answer->fields.get("tidings-position") == bed.hub.head().text());
}

TEST_CASE("what the history has lost is announced", "[rest]") {
    world w;
    rest_bed bed(w, {}, 3);
    bed.publish("a", "0");
    const auto early = bed.after();
    for (int i = 1; i < 10; ++i) bed.publish("a", std::to_string(i));
    const auto r = bed.get("/a?max=10" + early);
    CHECK(r.status == 200);
    CHECK(r.fields.get("tidings-gap") == "true");
    CHECK(r.fields.get("tidings-position") == bed.hub.head().text());
    // A position of another life of the bus.
    CHECK(bed.get("/a?after=nonsense:7").fields.get("tidings-gap") == "true");
    CHECK_FALSE(bed.get("/a?after=").fields.find("tidings-gap"));
}

TEST_CASE("no more questions wait than the service allows", "[rest]") {
    world w;
    rest_bed bed(w, {.max_waiting = 1});
    bed.publish("a", "before");
    std::optional<pending_get> first(std::in_place, w, bed.url("/a?wait=30s"));
    const auto refused = bed.get("/a?wait=30s");
    CHECK(refused.status == 429);
    CHECK(refused.fields.get("retry-after") == "1");
    // One that is not waited for any more makes room.
    first.reset();
    w.run_ready();
    pending_get second(w, bed.url("/a?wait=30s"));
    bed.publish("a", "1");
    w.run_ready();
    REQUIRE(second.answer);
    CHECK(data_of(*second.answer) == texts{"1"});
}

TEST_CASE("a caller that may not publish or read is refused", "[rest]") {
    world w;
    rest_bed bed(w, {.authenticator = bearer_token("key"),
                     .authorizer = [](const principal&, action a, std::string_view topic) {
                         return a == action::publish ? topic == "in"
                                                     : topic == "out" || topic == ">";
                     }});
    const http::fields key{{"Authorization", "Bearer key"}};
    CHECK(bed.post("/in", "x").status == 401);
    CHECK(bed.get("/out").status == 401);
    CHECK(bed.post("/in", "x", key).status == 202);
    CHECK(bed.post("/out", "x", key).status == 403);
    CHECK(bed.get("/out", key).status == 200);
    CHECK(bed.get("/in", key).status == 403);
}

TEST_CASE("strangers and pages of other sites are kept out", "[rest]") {
    world w;
    rest_bed bed(w);
    CHECK(bed.post("/a", "x", {{"Origin", "https://evil.example"}}).status == 403);
    CHECK(bed.get("/a", {{"Origin", "https://evil.example"}}).status == 403);
    w.sim().set_link({.client_address = "192.0.2.7"});
    CHECK(bed.post("/a", "x").status == 401);
    CHECK(bed.get("/a").status == 401);
    CHECK(bed.post("/a", "x").fields.get("content-type") == "application/problem+json");
    CHECK(bed.seen->count() == 0);
}

TEST_CASE("a question for the present that meets a drain is answered where that is", "[rest]") {
    world w;
    bus hub(w.io(), {.history = {.max_events = 10}, .clock = &w.clock()});
    std::optional<rest::service> topics;
    topics.emplace(hub, rest::service_options{.authorizer = [&](const principal&, action, auto&&) {
                       topics->close();
                       return true;
                   }});
    http::server server(w.io(), {.environment = w.environment()});
    server.mount("/topics", rest::service(*topics));
    server.start();
    hub.publish("a", event("test", "/test", "before"));
    const auto r = w.request("GET", url_of(server, "/topics/a?wait=30s"), {}, {});
    CHECK(r.status == 200);
    CHECK(r.body == "[]");
    CHECK(r.fields.get("tidings-position") == hub.head().text());
}

TEST_CASE("a drain answers every question that waits", "[rest]") {
    world w;
    rest_bed bed(w);
    bed.publish("a", "before");
    pending_get question(w, bed.url("/a?wait=30s"));
    std::optional<error_code> drained;
    bed.server->async_drain([&](error_code ec) { drained = ec; });
    w.run_ready();
    REQUIRE(question.answer);
    CHECK(question.answer->status == 200);
    CHECK(question.answer->body == "[]");
    REQUIRE(drained);
    CHECK_FALSE(*drained);
}

TEST_CASE("a service that was closed answers what waits and refuses the rest", "[rest]") {
    world w;
    bus hub(w.io(), {.history = {.max_events = 10}, .clock = &w.clock()});
    rest::service topics(hub);
    http::server server(w.io(), {.environment = w.environment()});
    server.mount("/topics", rest::service(topics));
    server.start();
    pending_get waiting(w, url_of(server, "/topics/a?wait=30s"));
    CHECK_FALSE(waiting.answer);
    topics.close();
    w.run_ready();
    REQUIRE(waiting.answer);
    CHECK(waiting.answer->status == 200);
    CHECK(w.request("GET", url_of(server, "/topics/a")).status == 503);
    CHECK(w.request("POST", url_of(server, "/topics/a"), "x").status == 503);
    topics = rest::service(hub);  // the mounted one stays closed
    CHECK(w.request("GET", url_of(server, "/topics/a")).status == 503);
}

TEST_CASE("a bus that is full lets no question wait", "[rest]") {
    world w;
    bus hub(w.io(), {.history = {.max_events = 10}, .clock = &w.clock(), .max_subscriptions = 1});
    const auto only = hub.subscribe("b", std::make_shared<recorder>());
    http::server server(w.io(), {.environment = w.environment()});
    server.mount("/topics", rest::service(hub));
    server.start();
    const auto refused = w.request("GET", url_of(server, "/topics/a?wait=30s"));
    CHECK(refused.status == 503);
    CHECK(refused.fields.get("retry-after") == "1");
    CHECK(json::parse(refused.body).at("detail") == make_error_code(errc::too_many).message());
    CHECK(w.request("GET", url_of(server, "/topics/a?after=")).body == "[]");
}

TEST_CASE("what was published before the bus closed is still answered", "[rest]") {
    world w;
    rest_bed bed(w);
    pending_get question(w, bed.url("/a?wait=30s"));
    bed.publish("a", "last");
    bed.hub = bus(w.io());
    w.run_ready();
    REQUIRE(question.answer);
    CHECK(question.answer->status == 200);
    CHECK(data_of(*question.answer) == texts{"last"});
}

TEST_CASE("a poll that waits when the bus closes is answered", "[rest]") {
    world w;
    rest_bed bed(w);
    bed.publish("a", "before");
    pending_get question(w, bed.url("/a?wait=30s"));
    bed.hub = bus(w.io());
    w.run_ready();
    REQUIRE(question.answer);
    CHECK(question.answer->status == 503);
    CHECK(question.answer->fields.get("retry-after") == "1");
    CHECK(json::parse(question.answer->body).at("title") == "Bus closed");
    const auto late = bed.get("/a?wait=30s");
    CHECK(late.status == 503);
    CHECK(late.fields.get("retry-after") == "1");
}

TEST_CASE("server, bus and asker end in any order while a question waits", "[rest]") {
    for (int which = 0; which < 4; ++which) {
        for (int steps = 0; steps < 80; ++steps) {
            CAPTURE(which, steps);
            world w;
            std::optional<rest_bed> bed(std::in_place, w);
            bed->publish("a", "before");
            std::optional<http::client> client(
                std::in_place, w.io(), http::client_options{.environment = w.environment()});
            client->async_request(bed->url("/a?wait=30s"), {.method = "GET"},
                                  [](error_code, http::response) {});
            for (int i = 0; i < steps; ++i)
                if (w.io().poll_one() == 0) break;
            if (which == 0) bed->server.reset();
            if (which == 1) client.reset();
            if (which == 2) w.destroy_context();
            if (which == 3) bed->hub = bus(w.io());
            bed.reset();
        }
    }
}

TEST_CASE("topics are served on real sockets", "[rest]") {
    world w(transport::tcp);
    rest_bed bed(w);
    CHECK(bed.post("/a", R"({"total":99})", {{"Content-Type", "application/json"}}).status == 202);
    const auto r = bed.get("/a?after=");
    CHECK(json::parse(r.body).at(0).at("data").at("total") == 99);
}

TEST_CASE("a history that fails, or throws, at a read is answered, and may be asked again",
          "[rest]") {
    const auto how = GENERATE(errc::store_failed, errc::callback_threw);
    world w;
    const auto history = std::make_shared<ordering_history>(100);
    rest_bed bed(w, {}, history_options{.implementation = history});
    history->fail_reads(how);
    CHECK(bed.get("/a?after=").status == 503);
    CHECK(bed.get("/a?wait=1s&after=").status == 503);
    history->fail_reads({});
    CHECK(bed.get("/a?after=").status == 200);
}

TEST_CASE("a page holds what its filter wants, and goes on behind what it does not", "[rest]") {
    world w;
    rest_bed bed(w);
    const auto filter = "&filter=" + http::percent_encode(R"({"prefix":{"type":"wan"}})");
    for (int i = 1; i <= 200; ++i)
        bed.hub.publish("a", event(i % 100 == 0 ? "wanted" : "other", "/test", std::to_string(i)));
    const auto first = bed.get("/a?after=&max=1" + filter);
    CHECK(data_of(first) == texts{"100"});
    const auto link = first.fields.get("link");
    CHECK(link.find("filter=") != std::string_view::npos);
    const auto second =
        bed.get("/a?wait=1s&after=" + std::string(first.fields.get("tidings-position")) + filter);
    CHECK(data_of(second) == texts{"200"});
    CHECK(second.fields.get("tidings-position") == bed.hub.head().text());
    pending_get question(w, bed.url("/a?wait=30s" + bed.after() + filter));
    bed.hub.publish("a", event("other", "/test", "201"));
    w.run_ready();
    CHECK_FALSE(question.answer);
    bed.hub.publish("a", event("wanted", "/test", "202"));
    w.run_ready();
    REQUIRE(question.answer);
    CHECK(data_of(*question.answer) == texts{"202"});
    CHECK(bed.get("/a?after=&retained=true").status == 400);
    CHECK(bed.get("/a?after=&filter=%5B").status == 400);
}

}  // namespace tidings::test
