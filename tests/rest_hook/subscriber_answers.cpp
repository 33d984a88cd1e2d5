// SPDX-License-Identifier: BSL-1.0
// What a subscriber's client makes of answers that an API should not give, and what it logs.
#include "support/subscriber_bed.hpp"

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using state = subscriber_bed::state;

std::size_t count_of(std::string_view text, std::string_view what) {
    std::size_t n = 0;
    for (auto at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++n;
    return n;
}

}  // namespace

TEST_CASE("only the answer of an API that has subscribed is a success", "[rest_hook][subscriber]") {
    world w;
    subscriber_bed here(w);
    world_sink server(w);
    struct row {
        unsigned status;
        std::string type, body;
        bool taken;
        std::string reason = {};
    };
    const auto r = GENERATE(values<row>({
        {200, "application/json", R"({"id":"i"})", true},
        {201, "application/hal+json; charset=utf-8", R"({"id":"i"})", true},
        {202, "", R"({"id":"i"})", true},
        {204, "", "", false, "the API answered 204"},
        {203, "application/json", R"({"id":"i"})", false, "the API answered 203"},
        {206, "application/json", R"({"id":"i"})", false, "the API answered 206"},
        {200, "text/html", R"({"id":"i"})", false, "the API answered no JSON, but text/html"},
        {201, "application/json", R"({"id":7})", false, "no id that is a text"},
        {201, "application/json", R"({"id":""})", false, "no id that is a text"},
        {201, "application/json", R"([{"id":"i"}])", false, "no id that is a text"},
        {201, "application/json", "", false, "no id that is a text"},
    }));
    CAPTURE(r.status, r.type, r.body);
    server.answer = [&](http::exchange& x) {
        http::response answer{.status = r.status, .body = r.body};
        if (!r.type.empty()) answer.fields.set("Content-Type", r.type);
        x.respond(std::move(answer));
    };
    here.begin(rest_options(here, server.url()));
    CHECK(here.now() == (r.taken ? state::active : state::failed));
    if (r.taken) return;
    CHECK(here.client().status().error == errc::invalid_json);
    CHECK(here.client().status().reason.find(r.reason) != std::string::npos);
    CHECK(here.logged->find(r.reason) != std::string::npos);
}

TEST_CASE("a server that cannot be reached is logged once, and so is that it answers again",
          "[rest_hook][subscriber]") {
    world w;
    subscriber_bed here(w);
    world_sink server(w);
    unsigned status = 503;
    server.answer = [&](http::exchange& x) {
        if (status == 201)
            return x.respond({201, {{"Content-Type", "application/json"}}, R"({"id":"i"})"});
        x.respond({.status = status, .body = R"({"detail":"being moved"})"});
    };
    const auto pass_an_hour = [&] {
        for (int i = 0; i < 60; ++i) w.advance(1min);
    };
    here.begin(rest_options(here, server.url()));
    pass_an_hour();
    CHECK(server.requests.size() > 5);
    CHECK(*here.logged == "the server is asked again: being moved\n");
    status = 500;
    pass_an_hour();
    CHECK(count_of(*here.logged, "\n") == 2);
    status = 201;
    pass_an_hour();
    CHECK(here.now() == state::active);
    CHECK(count_of(*here.logged, "\n") == 3);
    CHECK(here.logged->ends_with("the server answers again\n"));
}

}  // namespace tidings::test
