// SPDX-License-Identifier: BSL-1.0
// Requests to the API that are wrong in part: nothing of them is passed over in silence.
#include "support/rest_hook_bed.hpp"

#include <string_view>
#include <vector>

namespace tidings::test {

namespace {

using nlohmann::json;

struct refused_request {
    unsigned status = 0;
    std::string member{}, detail{}, title{};
};

refused_request read(const http::response& r) {
    INFO(r.body);
    const auto problem = json::parse(r.body, nullptr, false);
    if (problem.is_discarded() || !problem.is_object()) return {r.status};
    return {r.status, problem.value("member", ""), problem.value("detail", ""),
            problem.value("title", "")};
}

std::string nested(std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
}

/// A manager with one subscription.
struct one_hook : hook_bed {
    explicit one_hook(world& in) : hook_bed(in) { id = create("a").at("id"); }

    refused_request ask(std::string method, std::string_view path, std::string body = {},
                        std::string_view type = "application/json", http::fields fields = {}) {
        if (!body.empty()) fields.set("Content-Type", type);
        return read(w.request(std::move(method), url('/' + id + std::string(path)), std::move(body),
                              std::move(fields)));
    }
    refused_request make(std::string body, std::string_view type = "application/json",
                         http::fields fields = {}) {
        fields.set("Content-Type", type);
        return read(w.request("POST", url(), std::move(body), std::move(fields)));
    }
    std::string with(std::string_view further) const {
        auto text = body("b");
        text.insert(text.size() - 1, "," + std::string(further));
        return text;
    }

    std::string id;
};

}  // namespace

TEST_CASE("JSON that is nested too deep is refused", "[rest_hook]") {
    world w;
    one_hook bed(w);
    CHECK(bed.ask("POST", "/test", R"({"data":)" + nested(511) + "}").status == 202);
    const auto no = bed.ask("POST", "/test", R"({"data":)" + nested(512) + "}");
    CHECK(no.status == 400);
    CHECK(no.detail.find("512") != std::string::npos);
    CHECK(bed.ask("POST", "/rotate", R"({"x":)" + nested(2'000) + "}").status == 400);
    CHECK(bed.make(bed.with("\"metadata\":" + nested(512))).status == 400);
}

TEST_CASE("a member that stands twice is refused with its name", "[rest_hook]") {
    world w;
    one_hook bed(w);
    const auto twice = [&](const refused_request& r, std::string_view member) {
        CAPTURE(r.detail);
        CHECK(r.status == 422);
        CHECK(r.member == member);
        CHECK(r.detail.find("twice") != std::string::npos);
    };
    twice(bed.ask("POST", "/test", R"({"topic":"a","data":1,"data":2})"), "data");
    twice(bed.ask("POST", "/test", R"({"topic":"a","topic":"a"})"), "topic");
    twice(bed.ask("POST", "/rotate", R"({"overlap_seconds":0,"overlap_seconds":9})"),
          "overlap_seconds");
    twice(bed.ask("POST", "/redeliver", R"({"attempt":1,"\u0061ttempt":1})"), "attempt");
    twice(bed.ask("PATCH", "", R"({"description":"x","description":"x"})"), "description");
    twice(bed.make(bed.with(R"("active":true,"active":true)")), "active");
    twice(bed.make(bed.with(R"("metadata":{"a":"1","a":"2"})")), "metadata");
    twice(bed.make(bed.with(R"("headers":{"X-A":"1","x-a":"2"})")), "headers");
    twice(bed.ask("POST", "/test", "type=b&type=c", "application/x-www-form-urlencoded"), "type");
    CHECK(bed.make(bed.with(R"("headers":{"X-A":"1","X-B":"2"})")).status == 201);
}

TEST_CASE("what a request without members says is refused, and nothing stays allowed",
          "[rest_hook]") {
    world w;
    one_hook bed(w);
    for (const std::string_view action : {"/pause", "/resume", "/ping"}) {
        CAPTURE(action);
        const auto no = bed.ask("POST", action, R"({"for":5})");
        CHECK(no.status == 422);
        CHECK(no.member == "for");
        CHECK(bed.ask("POST", action, "for=5", "application/x-www-form-urlencoded").status == 422);
        CHECK(bed.ask("POST", action, "{").status == 400);
        CHECK(bed.ask("POST", action, "[]").status == 400);
        CHECK(bed.ask("POST", action, "x", "text/plain").status == 415);
        CHECK(bed.ask("POST", action, "{}").status / 100 == 2);
        CHECK(bed.ask("POST", action).status / 100 == 2);
        CHECK(bed.ask("POST", "/resume").status == 200);
    }
}

TEST_CASE("a query that is not known is refused by name, everywhere", "[rest_hook]") {
    world w;
    one_hook bed(w);
    for (const auto& [method, path] :
         std::vector<std::pair<std::string, std::string>>{{"GET", "?x=1"},
                                                          {"HEAD", "?x=1"},
                                                          {"DELETE", "?x=1"},
                                                          {"POST", "/pause?x=1"},
                                                          {"POST", "/rotate?x=1"},
                                                          {"POST", "/ping?x=1"},
                                                          {"GET", "/attempts?x=1"},
                                                          {"GET", "/attempts/1?x=1"},
                                                          {"GET", "/deliveries?x=1"}}) {
        CAPTURE(method, path);
        const auto no = bed.ask(method, path);
        CHECK(no.status == 400);
        CHECK(no.member == (method == "HEAD" ? "" : "x"));
    }
    CHECK(read(bed.post(bed.body("b"), {})).status == 201);
    CHECK(read(w.request("POST", bed.url("?x=1"), bed.body("c"),
                         {{"Content-Type", "application/json"}}))
              .member == "x");
    CHECK(bed.get("/openapi.json?x=1").status == 400);
    CHECK(bed.get("/event-types?x=1").status == 400);
    for (const std::string query : {"?limit=1&limit=2", "?after=&after="})
        CHECK(read(bed.get(query)).detail.find("twice") != std::string::npos);
}

TEST_CASE("a lease that is no time is refused with what would be one", "[rest_hook]") {
    world w;
    one_hook bed(w);
    for (const std::string_view lease : {"1e300", "-5", "0", "1.5", "1e2", "-0", "00.5e1"}) {
        CAPTURE(lease);
        const auto no = bed.make(bed.with("\"lease_seconds\":" + std::string(lease)));
        if (lease == "00.5e1") {
            CHECK(no.status == 400);  // no JSON
            continue;
        }
        CHECK(no.status == 422);
        CHECK(no.member == "lease_seconds");
        CHECK(no.detail.find("from 1 to 3153600000") != std::string::npos);
    }
    CHECK(bed.make(bed.with(R"("lease_seconds":"60")")).status == 400);
    CHECK(bed.make(bed.with(R"("lease_seconds":99999999999999999999999999)")).status == 201);
}

TEST_CASE("a body that is not what its fields say is refused with what is wrong, and where",
          "[rest_hook]") {
    world w;
    one_hook bed(w);
    const auto form = std::string_view("application/x-www-form-urlencoded");
    auto no = bed.make(R"({"event": "a", })", form);
    CHECK(no.status == 400);
    CHECK(no.detail.find("looks like JSON") != std::string::npos);
    CHECK(no.detail.find("application/json") != std::string::npos);
    no = bed.make("{\n \"event\": x}");
    CHECK(no.status == 400);
    CHECK(no.detail.find("line 2, column 11") != std::string::npos);
    no = bed.make("event=a&target_url=%zz", form);
    CHECK(no.status == 400);
    CHECK(no.detail.find("%zz") != std::string::npos);
    CHECK(no.detail.find("byte 20") != std::string::npos);
    CHECK(read(bed.get("?topic=%e")).detail.find("%e") != std::string::npos);
    no = read(bed.get("/hook_%zz"));
    CHECK(no.status == 400);
    CHECK(no.detail.find("%zz") != std::string::npos);
    no = read(bed.post("[1]"));
    CHECK(no.title == "Not a JSON object");
    no = bed.ask("POST", "/rotate", R"({"secret":7})");
    CHECK(no.title == "Malformed member");
    CHECK(no.member == "secret");
    const auto packed = w.request("POST", bed.url(), "\x1f\x8b",
                                  {{"Content-Type", "application/json"},  //
                                   {"Content-Encoding", "gzip"}});
    CHECK(packed.status == 415);
    CHECK(packed.fields.get("accept-encoding") == "identity");
    CHECK(read(packed).detail.find("gzip") != std::string::npos);
    CHECK(bed.make(bed.body("c"), "application/json", {{"Content-Encoding", "identity"}}).status ==
          201);
}

TEST_CASE("a target with credentials in its URL is refused with where they go", "[rest_hook]") {
    world w;
    one_hook bed(w);
    const auto no = bed.make(R"({"event":"b","target_url":"http://ann:pw@127.0.0.1/"})");
    CHECK(no.status == 422);
    CHECK(no.member == "target_url");
    CHECK(no.detail.find("\"headers\"") != std::string::npos);
    CHECK(no.detail.find("pw") == std::string::npos);
}

TEST_CASE("a filter over its bounds is refused with the bound, and what it is", "[rest_hook]") {
    world w;
    one_hook bed(w);
    const auto refused = [&](const json& filters) {
        const auto no = bed.make(bed.with("\"filters\":" + filters.dump()));
        CHECK(no.status == 422);
        CHECK(no.member == "filters");
        return no.detail;
    };
    const json one{{"exact", {{"type", "a"}}}};
    auto many = json::array();
    for (int i = 0; i < 70; ++i) many.push_back({{"exact", {{"type", std::to_string(i)}}}});
    CHECK(refused(many).find("at most 64") != std::string::npos);
    const json large = json::array({{{"exact", {{"type", std::string(9000, 'x')}}}}});
    auto why = refused(large);
    CHECK(why.find("at most 8192 bytes") != std::string::npos);
    CHECK(why.find("9") != std::string::npos);
    auto deep = one;
    for (int i = 0; i < 9; ++i) deep = {{"not", deep}};
    CHECK(refused(json::array({deep})).find("at most 8") != std::string::npos);
}

}  // namespace tidings::test
