// SPDX-License-Identifier: BSL-1.0
// What is held, the newest first, and the shapes of what is read.
#include "support/ordering_history.hpp"
#include "support/rest_bed.hpp"

namespace tidings::test {

namespace {

using nlohmann::json;
using texts = std::vector<std::string>;

// Where the next page is, below the mount point; empty: there is none.
std::string next_of(const http::response& r) {
    const std::string link(r.fields.get("link"));
    if (link.empty()) return {};
    REQUIRE(link.starts_with("</topics"));
    return link.substr(8, link.find('>') - 8);
}

}  // namespace

TEST_CASE("the newest events are read first, page by page", "[rest]") {
    world w;
    rest_bed bed(w);
    CHECK(bed.get("/a.b?before=").body == "[]");
    for (int i = 0; i < 6; ++i) bed.publish(i == 3 ? "other" : "a.b", std::to_string(i));
    texts read;
    std::vector<std::size_t> pages;
    std::string next = "/a.*?before=&max=2";
    while (!next.empty()) {
        const auto r = bed.get(next);
        REQUIRE(r.status == 200);
        CHECK(r.fields.get("tidings-position").empty());
        const auto data = data_of(r);
        read.insert(read.end(), data.begin(), data.end());
        pages.push_back(data.size());
        next = next_of(r);
        if (!next.empty()) CHECK(next.starts_with("/a.*?max=2&before="));
    }
    CHECK(read == texts{"5", "4", "2", "1", "0"});
    CHECK(pages == std::vector<std::size_t>{2, 2, 1});
    const auto unknown = bed.get("/a.b?before=other:1&max=1");
    CHECK(data_of(unknown) == texts{"5"});
    CHECK(unknown.fields.get("tidings-gap") == "true");
    const auto filtered = bed.get(R"(/a.b?before=&filter={"exact":{"type":"none"}})");
    CHECK(filtered.body == "[]");
    CHECK(next_of(filtered).empty());
}

TEST_CASE("a page of the newest holds no more bytes than the service allows", "[rest]") {
    world w;
    rest_bed bed(w, {.max_answer_bytes = 4000});
    for (const char c : {'a', 'b', 'c'}) bed.publish("a", std::string(1800, c));
    const auto r = bed.get("/a?before=");
    CHECK(data_of(r) == texts{std::string(1800, 'c')});
    CHECK(data_of(bed.get(next_of(r))) == texts{std::string(1800, 'b')});
}

TEST_CASE("a service that drains does not say that nothing older is held", "[rest]") {
    world w;
    rest_bed bed(w);
    bed.publish("a", "1");
    rest::service draining(bed.hub);
    draining.drain();
    http::server other(w.io(), {.environment = w.environment()});
    other.mount("/topics", draining);
    other.start();
    const auto r = w.request("GET", url_of(other, "/topics/a?before="));
    CHECK(r.body == "[]");
    CHECK(next_of(r) == "/a?before=");
}

TEST_CASE("a history that is read forwards alone says so", "[rest]") {
    world w;
    const auto kept = std::make_shared<ordering_history>(100);
    rest_bed bed(w, {}, history_options{.implementation = kept});
    CHECK(bed.get("/a?before=").status == 501);
}

TEST_CASE("items are shaped as deliveries are", "[rest]") {
    world w;
    rest_bed bed(w);
    bed.hub.publish("a", event("order.paid", "/shop", json{{"id", 7}}).time(event_time()));
    bed.hub.publish("a", event("note", "/shop", "text"));
    bed.hub.publish("a", event("none", "/shop"));
    bed.hub.publish("a", event("picture", "/shop", "\xff\xfe", "image/png"));
    const auto data = bed.get("/a?after=&items=data");
    CHECK(data.fields.get("content-type") == "application/json");
    CHECK(json::parse(data.body) == json::array({{{"id", 7}}, "text", nullptr}));
    const auto newest = bed.get("/a?before=&items=data&max=2");
    CHECK(json::parse(newest.body) == json::array({nullptr, "text"}));
    const auto standard = json::parse(bed.get("/a?after=&items=standard").body);
    REQUIRE(standard.size() == 3);
    CHECK(standard[0] == json{{"type", "order.paid"},
                              {"timestamp", "1970-01-01T00:00:00Z"},
                              {"data", {{"id", 7}}}});
    const auto events = bed.get("/a?after=&items=cloudevents");
    CHECK(events.fields.get("content-type") == "application/cloudevents-batch+json");
    CHECK(json::parse(events.body).size() == 4);
}

}  // namespace tidings::test
