// SPDX-License-Identifier: BSL-1.0
// Publications and questions of topics that are wrong in part.
#include "support/rest_bed.hpp"

namespace tidings::test {

namespace {

using nlohmann::json;

std::string nested(std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
}

std::string detail_of(const http::response& r) {
    return json::parse(r.body).value("detail", "");
}

}  // namespace

TEST_CASE("JSON that is nested too deep is not published", "[rest]") {
    world w;
    rest_bed bed(w);
    const http::fields is_json{{"Content-Type", "application/json"}};
    CHECK(bed.post("/a", nested(512), is_json).status == 202);
    const auto no = bed.post("/a", nested(513), is_json);
    CHECK(no.status == 400);
    CHECK(detail_of(no).find("512") != std::string::npos);
    const auto event_with = [](std::size_t depth) {
        return R"({"specversion":"1.0","id":"i)" + std::to_string(depth) +
               R"(","source":"/s","type":"t","data":)" + nested(depth) + '}';
    };
    const http::fields is_event{{"Content-Type", "application/cloudevents+json"}};
    CHECK(bed.post("/a", event_with(512), is_event).status == 202);
    CHECK(bed.post("/a", event_with(513), is_event).status == 400);
    const http::fields binary{{"Content-Type", "application/json"},
                              {"ce-specversion", "1.0"},
                              {"ce-id", "b"},
                              {"ce-source", "/s"},
                              {"ce-type", "t"}};
    CHECK(bed.post("/a", nested(513), binary).status == 400);
    CHECK(bed.seen->count() == 2);
}

TEST_CASE("deep data of the program's own makes no page unreadable", "[rest]") {
    world w;
    rest_bed bed(w);
    event deep("t", "/s");
    deep.data(nested(100'000), "application/json");
    bed.hub.publish("a", std::move(deep));
    bed.publish("a", "plain");
    for (const std::string items : {"cloudevents", "data"}) {
        CAPTURE(items);
        const auto page = bed.get("/a?before=&items=" + items);
        REQUIRE(page.status == 200);
        CHECK(page.body.find("[[[") == std::string::npos);
    }
}

TEST_CASE("a parameter that is misspelled or stands twice is refused by name", "[rest]") {
    world w;
    rest_bed bed(w);
    for (const std::string_view name : {"befor", "befroe", "aftr", "itms", "waait", "filer"}) {
        const auto no = bed.get("/a?" + std::string(name) + "=");
        CAPTURE(name);
        CHECK(no.status == 400);
        CHECK(detail_of(no).find(name) != std::string::npos);
    }
    for (const std::string_view query :
         {"before=&before=", "after=&after=", "max=1&max=2", "wait=1s&wait=1s"}) {
        const auto no = bed.get("/a?" + std::string(query));
        CAPTURE(query);
        CHECK(no.status == 400);
        CHECK(detail_of(no).find("twice") != std::string::npos);
    }
    CHECK(bed.get("/a?before=&token=t").status == 200);  // which may be the authenticator's
}

TEST_CASE("a request with a bad escape, or a body that is packed, is refused with what is wrong",
          "[rest]") {
    world w;
    rest_bed bed(w);
    auto no = bed.get("/a%zz");
    CHECK(no.status == 400);
    CHECK(detail_of(no).find("%zz") != std::string::npos);
    no = bed.get("/a?after=%4");
    CHECK(no.status == 400);
    CHECK(detail_of(no).find("%4") != std::string::npos);
    no = bed.post("/a", "\x1f\x8b", {{"Content-Encoding", "gzip"}});
    CHECK(no.status == 415);
    CHECK(no.fields.get("accept-encoding") == "identity");
    no = bed.post("/a", "{\"a\":\n 1,}", {{"Content-Type", "application/json"}});
    CHECK(no.status == 400);
    CHECK(detail_of(no).find("line 2, column 4") != std::string::npos);
    CHECK(bed.seen->count() == 0);
}

}  // namespace tidings::test
