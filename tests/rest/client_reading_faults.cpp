// SPDX-License-Identifier: BSL-1.0
// A client of topics that reads what is wrong, too large, late or not taken.
#include "support/topic_bed.hpp"

namespace tidings::test {

TEST_CASE("an answer that is wrong for good ends the reading", "[rest]") {
    world w;
    world_sink server(w);
    const auto seen = std::make_shared<recorder>();
    struct row {
        unsigned status;
        std::string body;
        bool ended;
    };
    const auto r = GENERATE(values<row>({{401, "", true},
                                         {403, "", true},
                                         {404, "", true},
                                         {302, "", true},
                                         {409, "", false},
                                         {429, "", false},
                                         {500, "", false},
                                         {200, "", false},
                                         {200, "{}", false},
                                         {200, "[{]", false}}));
    CAPTURE(r.status, r.body);
    server.answer = [&](http::exchange& x) {
        http::response answer{.status = r.status, .body = r.body};
        answer.fields.set("Retry-After", "100");
        x.respond(std::move(answer));
    };
    std::vector<std::pair<error_code, bool>> errors;
    rest::client client(w.io(),
                        {.url = server.url(),
                         .topics = {"a"},
                         .on_error =
                             [&](error_code ec, bool ended, const diagnostics&) {
                                 errors.push_back({ec, ended});
                             },
                         .environment = w.environment()},
                        seen);
    client.start();
    w.run_ready();
    REQUIRE(errors.size() == 1);
    CHECK(errors[0].first);
    CHECK(errors[0].second == r.ended);
    CHECK(server.requests.size() == 1);
    w.advance(99s);
    const bool asked_to_wait = r.status != 200;
    CHECK(server.requests.size() == (r.ended || asked_to_wait ? 1U : 2U));
    w.advance(2s);
    CHECK((server.requests.size() >= 2) == !r.ended);
    CHECK(seen->count() == 0);
}

TEST_CASE("an answer with more events than were asked for is not taken", "[rest]") {
    world w;
    world_sink server(w);
    const auto e = [](int n) {
        return R"({"specversion":"1.0","type":"t","source":"/s","topic":"a","id":")" +
               std::to_string(n) + R"(","position":"e:)" + std::to_string(n) + R"("})";
    };
    server.answer = [&, n = 0](http::exchange& x) mutable {
        const bool too_many = ++n == 1;
        x.respond(
            {.fields = {{"Tidings-Position", too_many ? "e:3" : "e:2"}},
             .body = n > 2 ? "[]" : "[" + e(1) + "," + e(2) + (too_many ? "," + e(3) : "") + "]"});
    };
    const auto seen = std::make_shared<recorder>();
    std::vector<std::pair<error_code, bool>> errors;
    rest::client client(w.io(),
                        {.url = server.url(),
                         .topics = {"a"},
                         .max_batch = 2,
                         .on_error =
                             [&](error_code ec, bool ended, const diagnostics&) {
                                 errors.push_back({ec, ended});
                             },
                         .environment = w.environment()},
                        seen);
    client.start();
    w.run_ready();
    CHECK(seen->count() == 0);
    CHECK_FALSE(client.last_position());
    REQUIRE(errors.size() == 1);
    CHECK(errors[0] == std::pair(make_error_code(errc::too_many), false));
    w.advance(1s);
    CHECK(seen->count() == 2);
    CHECK(client.last_position().value().text() == "e:2");
    seen->clear();
}

TEST_CASE("why reading failed comes with the URL and the cause", "[rest][fault-19]") {
    world w;
    world_sink server(w);
    server.answer = [](http::exchange& x) { x.respond({.status = 403}); };
    const auto seen = std::make_shared<recorder>();
    texts told;
    rest::client client(
        w.io(),
        {.url = server.url(),
         .topics = {"a"},
         .on_error = [&](error_code, bool, const diagnostics& d) { told.push_back(d.message()); },
         .environment = w.environment()},
        seen);
    client.start();
    w.run_ready();
    CHECK(told == texts{server.url() + ": the server answered 403"});
}

TEST_CASE("answers that are too large are asked for in smaller pieces", "[rest]") {
    world w;
    topic_bed bed(w);
    for (int i = 0; i < 16; ++i) bed.hub.publish("a", made(std::string(1000, 'x')));
    const auto seen = std::make_shared<recorder>();
    auto o = bed.client({"a"});
    o.after = position();
    o.max_response_bytes = 4'000;
    rest::client client(w.io(), o, seen);
    client.start();
    w.run_ready();
    CHECK(seen->count() == 16);
    CHECK(bed.errors->empty());
}

TEST_CASE("an event that alone is over the limit is skipped and announced", "[rest][fault-1]") {
    world w;
    topic_bed bed(w);
    const auto seen = std::make_shared<recorder>();
    auto o = bed.client({"a"});
    o.after = position();
    o.max_response_bytes = 4'000;
    for (const auto* text : {"1", "2", "large", "4", "5"})
        bed.hub.publish("a", made(text == std::string("large") ? std::string(4'000, 'x') : text));
    rest::client client(w.io(), o, seen);
    client.start();
    w.run_ready();
    CHECK(bed.errors->empty());
    REQUIRE(seen->count() == 5);
    const auto events = seen->events();
    CHECK(events[1]->text() == "2");
    CHECK(skipped_bytes(events[2]).value_or(0) > 4'000);
    CHECK(events[4]->text() == "5");
    CHECK(client.last_position() == bed.hub.head());
    bed.hub.publish("a", made("6"));
    w.run_ready();
    CHECK(seen->events().back()->text() == "6");
}

TEST_CASE("an event over the limit behind which no position is named ends the reading",
          "[rest][fault-1]") {
    world w;
    world_sink server(w);
    server.answer = [](http::exchange& x) { x.respond({.body = std::string(2'000, 'x')}); };
    std::vector<std::pair<error_code, bool>> errors;
    const auto seen = std::make_shared<recorder>();
    rest::client client(w.io(),
                        {.url = server.url(),
                         .topics = {"a"},
                         .max_response_bytes = 1'000,
                         .on_error =
                             [&](error_code ec, bool ended, const diagnostics&) {
                                 errors.push_back({ec, ended});
                             },
                         .environment = w.environment()},
                        seen);
    client.start();
    w.run_ready();
    REQUIRE(errors.size() == 1);
    CHECK(errors[0] == std::pair(error_code(errc::too_large), true));
}

TEST_CASE("what is no event in an answer is passed over", "[rest]") {
    world w;
    world_sink server(w);
    server.answer = [first = true](http::exchange& x) mutable {
        const std::string good =
            R"({"specversion":"1.0","type":"t","source":"/s","topic":"a","id":)";
        x.respond({.fields = {{"Tidings-Position", "e:3"}},
                   .body = std::exchange(first, false)
                               ? "[" + good + R"("1"},{"specversion":"1.0"},7,)" + good + R"("2"}])"
                               : "[]"});
    };
    const auto seen = std::make_shared<recorder>();
    std::vector<error_code> errors, logged;
    rest::client client(
        w.io(),
        {.url = server.url(),
         .topics = {"a"},
         .on_error = [&](error_code ec, bool, const diagnostics&) { errors.push_back(ec); },
         .log = [&](const log_record& r) { logged.push_back(r.error); },
         .environment = w.environment()},
        seen);
    client.start();
    w.run_ready();
    REQUIRE(seen->count() == 2);
    CHECK(seen->events()[0]->id() == "1");
    CHECK(seen->events()[1]->id() == "2");
    CHECK(errors.empty());
    CHECK(logged.size() == 2);
    CHECK(client.last_position()->text() == "e:3");
    CHECK(server.requests.back().target.ends_with("&after=e%3A3"));
}

TEST_CASE("what its subscriber does not take is logged, and a callback that throws harms nobody",
          "[rest]") {
    world w;
    world_sink server(w);
    server.answer = [n = 0](http::exchange& x) mutable {
        if (++n == 2) return x.respond({.status = 503});
        x.respond({.fields = {{"Tidings-Position", "e:1"}},
                   .body = n != 1 ? "[]"
                                  : R"([{"specversion":"1.0","type":"t","source":"/s","id":"1",)"
                                    R"("topic":"a"}])"});
    };
    const auto seen = std::make_shared<recorder>();
    seen->answer(outcome::dropped);
    std::vector<std::string> logged;
    rest::client client(w.io(),
                        {.url = server.url(),
                         .topics = {"a"},
                         .on_error = [](auto&&...) { throw std::runtime_error("thrown"); },
                         .log = [&](const log_record& r) { logged.emplace_back(r.message); },
                         .environment = w.environment()},
                        seen);
    client.start();
    w.run_ready();
    w.advance(2s);
    CHECK(server.requests.size() > 2);
    CHECK(logged == std::vector<std::string>{"event dropped by its subscriber",
                                             "reading failed; trying again: " + server.url() +
                                                 ": the server answered 503",
                                             "thrown"});
}

TEST_CASE("a server that does not answer in time is tried again", "[rest]") {
    world w;
    topic_bed bed(w);
    auto o = bed.client({"a"});
    o.connect_timeout = 5s;
    o.request_timeout = 10s;
    const auto seen = std::make_shared<recorder>();
    const bool connects = GENERATE(true, false);
    w.sim().set_link(connects ? sim_link{.silent = true}
                              : sim_link{.connect = sim_link::on_connect::hang});
    rest::client client(w.io(), o, seen);
    client.start();
    std::optional<error_code> published;
    client.async_publish("b", made("x"), [&](error_code ec, receipt) { published = ec; });
    w.advance(4900ms);
    CHECK(bed.errors->empty());
    CHECK_FALSE(published);
    w.advance(200ms);
    CHECK(bed.errors->size() == (connects ? 0U : 1U));
    w.advance(35s);  // the server may take `wait` as well
    REQUIRE(!bed.errors->empty());
    CHECK(bed.errors->at(0) == std::pair(error_code(errc::timed_out), false));
    REQUIRE(published);
    CHECK(*published == errc::timed_out);
    w.sim().set_link({});
    for (int i = 0; i < 8; ++i) w.advance(20s);
    bed.hub.publish("a", made("1"));
    w.run_ready();
    CHECK(show(*seen) == texts{"a=1"});
}

TEST_CASE("a server that answers at once with nothing is not asked in a circle", "[rest]") {
    world w;
    world_sink server(w);
    server.answer = [](http::exchange& x) {
        x.respond({.fields = {{"Tidings-Position", "e:1"}}, .body = "[]"});
    };
    const auto seen = std::make_shared<recorder>();
    rest::client client(
        w.io(), {.url = server.url(), .topics = {"a"}, .environment = w.environment()}, seen);
    client.start();
    w.run_ready();
    CHECK(server.requests.size() == 2);  // where the present is, then waiting there
    CHECK(server.requests[0].target == "/hook/a?wait=0s&max=100");
    CHECK(server.requests[1].target == "/hook/a?wait=30s&max=100&after=e%3A1");
    w.advance(1s);
    w.advance(1s);
    CHECK(server.requests.size() <= 4);
}

}  // namespace tidings::test
