// SPDX-License-Identifier: BSL-1.0
// What a request for a subscription, or for a change of one, may look like.
#include "support/catch2.hpp"

#include <tidings/rest_hook/impl/hook_body.hpp>
#include <tidings/rest_hook/impl/hook_reader.hpp>

#include <nlohmann/json.hpp>

#include <string>

namespace tidings::rest_hook::detail {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t max_bytes = 1000;
constexpr io::system_time new_year{std::chrono::seconds(1767225600)};  // 2026-01-01T00:00:00Z
const std::string good_secret = "whsec_" + std::string(32, 'A');       // 24 bytes

http::request posted(std::string body, std::string_view content_type = "application/json") {
    http::request r{.method = "POST", .body = std::move(body)};
    if (!content_type.empty()) r.fields.set("Content-Type", content_type);
    return r;
}

struct refusal_seen {
    unsigned status = 0;  // 0: taken
    std::string detail{}, member{};
};

refusal_seen seen(const refusal& no) {
    if (!no) return {};
    CHECK(no->fields.get("content-type") == "application/problem+json");
    const auto problem = nlohmann::json::parse(no->body);
    CHECK(problem.at("status") == no->status);
    return {no->status, problem.at("detail"), problem.value("member", "")};
}

refusal_seen refusal_of(const http::request& r, reading how = {.now = new_year}) {
    hook_record h;
    if (how.before != nullptr) h = how.before->record;
    std::string object;
    if (const auto no = read_body(r, max_bytes, object)) return seen(no);
    return seen(read_hook(object, how, h));
}

hook_record taken(const http::request& r, reading how = {.now = new_year}) {
    hook_record h;
    if (how.before != nullptr) h = how.before->record;
    std::string object;
    auto no = read_body(r, max_bytes, object);
    if (!no) no = read_hook(object, how, h);
    INFO((no ? no->body : std::string()));
    CHECK_FALSE(no);
    return h;
}

hook_view standing() {
    hook_view v;
    v.record = {.id = "hook_1",
                .topics = {"a"},
                .target_url = "https://x",
                .secret = good_secret,
                .created_at = "2025-01-01T00:00:00Z",
                .owner = "ann",
                .description = "mine",
                .order = webhook::delivery_order::endpoint,
                .headers = {{"X-Key", "1"}},
                .metadata = {{"team", "shop"}, {"env", "test"}}};
    v.revision = 7;
    return v;
}

reading merging(const hook_view& v) {
    return {.what = reading::kind::merge, .now = new_year, .before = &v};
}

}  // namespace

TEST_CASE("a body that is no subscription is refused with what is wrong", "[rest_hook]") {
    struct row {
        std::string body;
        unsigned status;
        std::string detail;
    };
    const auto r = GENERATE_COPY(values<row>({
        {"", 400, "\"event\", a topic pattern, is missing"},
        {"{", 400, "not valid JSON"},
        {"{\"event\":\"a\xff\"}", 400, "not valid JSON"},
        {R"({"event":"a","target_url":"https://x"} {})", 400, "not valid JSON"},
        {"null", 400, "not a JSON object"},
        {"[]", 400, "not a JSON object"},
        {R"("event")", 400, "not a JSON object"},
        {R"({"target_url":"https://x"})", 400, "\"event\", a topic pattern, is missing"},
        {R"({"event":null,"target_url":"https://x"})", 400, "is missing"},
        {R"({"event":"a"})", 400, "\"target_url\" is missing"},
        {R"({"event":5,"target_url":"https://x"})", 400, "\"event\" is not a string"},
        {R"({"event":[],"target_url":"https://x"})", 400, "\"event\" is empty"},
        {R"({"event":["a",5],"target_url":"https://x"})", 400, "\"event\" is not a string"},
        {R"({"event":{"a":"b"},"target_url":"https://x"})", 400, "\"event\" is not a string"},
        {R"({"event":"a","target":{}})", 400, "\"target\" is not a string"},
        {R"({"event":"a","url":true})", 400, "\"url\" is not a string"},
        {R"({"event":"a","target_url":"https://x","secret":1})", 400, "\"secret\" is not a string"},
        {R"({"event":"","target_url":"https://x"})", 400, "\"event\" is empty"},
        {R"({"event":"a","target_url":""})", 400, "\"target_url\" is empty"},
        {R"({"event":"a","target_url":"https://x","secret":""})", 400, "\"secret\" is empty"},
        {R"({"event":"a","event":"b","target_url":"https://x"})", 422,
         "\"event\" stands there twice"},
        {R"({"event":"a","topics":["a","b"],"target_url":"https://x"})", 400, "says what was"},
        {R"({"event":"a","url":"https://x","target":"https://y"})", 400, "\"target\" says what"},
        {R"({"event":"a","target_url":"https://x","filters":{}})", 400,
         "\"filters\" is not a list"},
        {R"({"event":"a","target_url":"https://x","filters":"x"})", 400, "is not a list"},
        {R"({"event":"a","target_url":"https://x","filters":[5]})", 422, "is malformed: 5"},
        {R"({"event":"a","target_url":"https://x","filters":[[]]})", 422, "is malformed: []"},
        {R"({"event":"a","target_url":"https://x","filters":[{}]})", 422, "is malformed: {}"},
        {R"({"event":"a","target_url":"https://x","filters":[{"sql":"TRUE"}]})", 422, "dialect"},
        {R"({"event":"a","target_url":"https://x","filters":[{"exact":{"a":"\ud800"}}]})", 422,
         "is malformed: {"},
        {R"({"event":"a..b","target_url":"https://x"})", 422, "not a topic pattern: a..b"},
        {R"({"event":["b","a.>.b"],"target_url":"https://x"})", 422, "not a topic pattern"},
        {R"({"event":"a\u0000","target_url":"https://x"})", 422, "not a topic pattern"},
        {R"({"event":"orders.#","target_url":"https://x"})", 422, "write '>'"},
        {R"({"event":"a\ud800","target_url":"https://x"})", 400, "\"event\" is not text"},
        {R"({"event":"a","target_url":"https://x","secret":"hunter2"})", 422, "secret is malfor"},
        {R"({"event":"a","target_url":"https://x","secret":"whsec_AAAA"})", 422, "is malformed"},
    }));
    CAPTURE(r.body);
    const auto no = refusal_of(posted(r.body));
    CHECK(no.status == r.status);
    CHECK(no.detail.find(r.detail) != std::string::npos);
    CHECK(no.detail.find("hunter2") == std::string::npos);
}

TEST_CASE("a member that cannot be what it says is named", "[rest_hook]") {
    struct row {
        std::string member, value;
        unsigned status;
    };
    const auto r = GENERATE_COPY(values<row>({
        {"active", "\"true\"", 400},
        {"active", "1", 400},
        {"state", "true", 400},
        {"state", "\"asleep\"", 422},
        {"state", "\"disabled\"", 422},
        {"state", "\"pending\"", 422},
        {"content_mode", "\"later\"", 422},
        {"order", "\"lifo\"", 422},
        {"retry", "\"often\"", 422},
        {"retry", "3", 400},
        {"description", "[]", 400},
        {"description", '"' + std::string(501, 'd') + '"', 422},
        {"headers", "[]", 400},
        {"headers", R"({"X":1})", 400},
        {"headers", R"({"X Y":"1"})", 422},
        {"headers", R"({"":"1"})", 422},
        {"headers", R"({"X":"a\r\nHost: b"})", 422},
        {"headers", R"({"X":""})", 422},
        {"headers", R"({"X":" a"})", 422},
        {"headers", R"({"X":"\u00e4"})", 422},
        {"headers", R"({"Host":"a"})", 422},
        {"headers", R"({"content-length":"0"})", 422},
        {"headers", R"({"Webhook-Signature":"v1,a"})", 422},
        {"headers", R"({"CE-id":"a"})", 422},
        {"headers", R"({"X":"***"})", 422},
        {"headers",
         R"({"X":")" + std::string(600, 'h') + R"(","Y":")" + std::string(90, 'y') +
             R"(","Transfer-Encoding":"chunked"})",
         422},
        {"metadata", "7", 400},
        {"metadata", R"({"a":{}})", 400},
        {"metadata", R"({"":"a"})", 422},
        {"metadata", R"({"a":"\ud800"})", 422},
        {"metadata", R"({")" + std::string(41, 'n') + R"(":"a"})", 422},
        {"metadata", R"({"a":")" + std::string(501, 'v') + R"("})", 422},
        {"lease_seconds", "0", 422},
        {"lease_seconds", "-1", 422},
        {"lease_seconds", "1.5", 422},
        {"lease_seconds", "\"60\"", 400},
        {"expiration_date", "60", 400},
        {"expiration_date", "\"tomorrow\"", 422},
        {"expiration_date", "\"2026-01-01T00:00:00Z\"", 422},
        {"id", "\"hook_2\"", 422},
        {"owner", "\"root\"", 422},
        {"created_at", "\"2020-01-01T00:00:00Z\"", 422},
        {"filter", "null", 422},
    }));
    CAPTURE(r.member, r.value);
    const auto no = refusal_of(
        posted(R"({"event":"a","target_url":"https://x",")" + r.member + "\":" + r.value + '}'));
    CHECK(no.status == r.status);
    CHECK(no.member == r.member);
    CHECK_FALSE(no.detail.empty());
}

TEST_CASE("members that are unknown are refused with their names", "[rest_hook][fault-15]") {
    const auto refused_for = [](std::string_view members) {
        return refusal_of(
            posted(R"({"event":"a","target_url":"https://x",)" + std::string(members) + '}'));
    };
    const auto r =
        refused_for(R"("event_type":7,"secret":null,"nested":{"event":"b"},"filter":null)");
    CHECK(r.status == 422);
    CHECK(r.detail == R"(a subscription has no "event_type", "nested", "filter")");
    CHECK(r.member == "event_type");
    CHECK(refused_for(R"("Event":"a")").detail == R"(a subscription has no "Event")");
    CHECK(refused_for(R"("":"a")").status == 422);
    CHECK(refused_for(R"("\ud800":1)").status == 400);
    CHECK(refused_for(R"("active":true,"state":"paused")").status == 400);
    CHECK(refused_for(R"("lease_seconds":1,"expiration_date":"2027-01-01T00:00:00Z")").status ==
          400);
}

TEST_CASE("a body over its limit is refused before it is read", "[rest_hook]") {
    CHECK(refusal_of(posted(std::string(max_bytes + 1, ' '))).status == 413);
    CHECK(refusal_of(posted(std::string(max_bytes, ' '))).status == 400);
}

TEST_CASE("JSON and forms are read, whatever curl calls them", "[rest_hook]") {
    const std::string body = R"({"event":"a","target_url":"https://x"})";
    struct row {
        std::string content_type;
        unsigned status;
    };
    const auto r = GENERATE_COPY(values<row>({{"", 0},
                                              {"application/json", 0},
                                              {"application/json; charset=utf-8", 0},
                                              {"application/merge-patch+json", 0},
                                              {"application/json-patch+json", 415},
                                              {"application/x-www-form-urlencoded", 0},
                                              {"text/plain", 415},
                                              {"application/xml", 415},
                                              {"multipart/form-data; boundary=x", 415}}));
    CAPTURE(r.content_type);
    CHECK(refusal_of(posted(body, r.content_type)).status == r.status);
}

TEST_CASE("a rate is a number without a rounding, and a burst", "[rest_hook]") {
    const auto body = [](const std::string& rate) {
        return posted(R"({"event":"a","url":"https://x","rate":)" + rate + "}");
    };
    for (const auto& [rate, thousandths] : {std::pair{"1", 1000},
                                            {"0.001", 1},
                                            {"12.5", 12500},
                                            {"0.0500", 50},
                                            {"7.120", 7120},
                                            {"1000000", 1000000000}}) {
        const auto h = taken(body(R"({"per_second":)" + std::string(rate) + "}"));
        CHECK(h.rate == hook_rate{.thousandths = static_cast<std::uint32_t>(thousandths)});
        const auto shown = to_json(h.rate);
        CHECK(taken(body(shown)).rate == h.rate);
        CHECK(nlohmann::json::parse(shown).at("per_second") == thousandths / 1000.0);
    }
    for (const auto* rate :
         {"{}", R"({"burst":1})", R"({"per_second":0})", R"({"per_second":0.0})",
          R"({"per_second":-1})", R"({"per_second":1e3})", R"({"per_second":0.0001})",
          R"({"per_second":1000000.001})", R"({"per_second":99999999999999999999})",
          R"({"per_second":"1"})", R"({"per_second":1,"burst":0})",
          R"({"per_second":1,"burst":1.5})", R"({"per_second":1,"burst":1000001})",
          R"({"per_second":1,"unit":"s"})"}) {
        CAPTURE(rate);
        CHECK(refusal_of(body(rate)).status == 422);
        CHECK(refusal_of(body(rate)).member == "rate");
    }
    for (const auto* rate : {"5", "[]", "\"1\"", "true"})
        CHECK(refusal_of(body(rate)).status == 400);
}

TEST_CASE("no filter behind many that are the same is left out", "[rest_hook]") {
    std::string same = R"({"exact":{"type":"a"}})", all = same;
    for (std::size_t i = 1; i < max_filter_nodes; ++i) all += ',' + same;
    filter_texts read;
    CHECK_FALSE(read_filters("filters", '[' + all + ']', read));
    CHECK(read == filter_texts{same});
    const auto more = '[' + all + R"(,{"exact":{"type":"b"}}])";
    const auto no = seen(read_filters("filters", more, read));
    CHECK(no.status == 422);
    CHECK(no.member == "filters");
    CHECK_FALSE(read_filters(more, read));
}

TEST_CASE("a rate that a server allowed once may be repeated, and no other", "[rest_hook]") {
    auto v = standing();
    v.record.rate = {.thousandths = 5000, .burst = 3};
    for (const auto kind : {reading::kind::replace, reading::kind::merge}) {
        const reading how{
            .what = kind, .now = new_year, .before = &v, .max_rate = {.per_second = 1, .burst = 0}};
        CHECK(taken(posted(to_json(v, {})), how).rate == v.record.rate);
        const auto other = [&](const std::string& rate) {
            return posted(R"({"event":"a","url":"https://x","rate":)" + rate + "}");
        };
        CHECK(refusal_of(other(R"({"per_second":5,"burst":2})"), how).member == "rate");
        CHECK(refusal_of(other(R"({"per_second":1,"burst":2})"), how).member == "rate");
        CHECK(taken(other(R"({"per_second":1})"), how).rate == hook_rate{.thousandths = 1000});
    }
}

TEST_CASE("a form says what JSON says", "[rest_hook]") {
    const auto form = [](std::string body) {
        return posted(std::move(body), "application/x-www-form-urlencoded");
    };
    const auto h =
        taken(form("events[]=a&events%5B%5D=b.%3E&callback_url=https%3A%2F%2Fx%2Fh"
                   "&active=false&lease_seconds=60&metadata[team]=the+shop"
                   "&headers[X-Key]=1"));
    CHECK(h.topics == std::vector<std::string>{"a", "b.>"});
    CHECK(h.target_url == "https://x/h");
    CHECK(h.state == hook_state::paused);
    CHECK(h.lease_until == new_year + 60s);
    CHECK(h.metadata == text_pairs{{"team", "the shop"}});
    CHECK(h.headers == text_pairs{{"X-Key", "1"}});
    const auto more =
        taken(form(R"(event=a&url=https://x&filters[]={"exact":{"type":"t"}}&rate[per_second]=0.25)"
                   "&rate[burst]=2"));
    CHECK(more.filters == filter_texts{R"({"exact":{"type":"t"}})"});
    CHECK(more.rate == hook_rate{.thousandths = 250, .burst = 2});
    CHECK(taken(form("topic=a&topic=b&url=https://x")).topics.size() == 2);
    CHECK(taken(form("topic[]=a&url=https://x")).topics.size() == 1);
    CHECK(refusal_of(form("event=a")).detail == "\"target_url\" is missing");
    CHECK(refusal_of(form("event=a&url=https://x&url=https://y")).status == 422);
    CHECK(refusal_of(form("event=a&url=https://x&active=maybe")).member == "active");
    CHECK(refusal_of(form("event=a&url=https://x&lease_seconds=%22")).member == "lease_seconds");
    CHECK(refusal_of(form("event=%zz")).status == 400);
    CHECK(refusal_of(form("event=%ff")).status == 400);
    CHECK(refusal_of(form("event=a&url=https://x&other=1")).member == "other");
    CHECK(refusal_of(form("event=a&url=https://x&]=1")).status == 422);
    CHECK(refusal_of(form("event=a&url=https://x&[x]=1")).status == 422);
    CHECK(refusal_of(form("event[b]=a&url=https://x")).status == 400);
}

TEST_CASE("members have the names of others", "[rest_hook]") {
    const auto topic =
        GENERATE(as<std::string>(), "event", "events", "events[]", "topic", "topics", "topics[]");
    const auto target = GENERATE(as<std::string>(), "target_url", "target", "targetUrl", "url",
                                 "hookUrl", "callback_url");
    CAPTURE(topic, target);
    const auto h = taken(posted("{\"" + topic + R"(":"orders.>",")" + target +
                                R"(":"https:\/\/x\/h","active":true,"secret":null})"));
    CHECK(h.topics == std::vector<std::string>{"orders.>"});
    CHECK(h.target_url == "https://x/h");
    CHECK(h.secret.empty());
    CHECK(h.state == hook_state::active);
}

TEST_CASE("patterns are taken once, and a list and its text may stand together", "[rest_hook]") {
    CHECK(taken(posted(R"({"topics":["a","b","a"],"url":"https://x"})")).topics ==
          std::vector<std::string>{"a", "b"});
    CHECK(taken(posted(R"({"topics":["a"],"event":"a","url":"https://x"})")).topics ==
          std::vector<std::string>{"a"});
    std::string many, too_many;
    for (int i = 0; i < 33; ++i) {
        if (i < 32) many += (i == 0 ? "\"t" : ",\"t") + std::to_string(i) + '"';
        too_many += (i == 0 ? "\"t" : ",\"t") + std::to_string(i) + '"';
    }
    CHECK(taken(posted("{\"topics\":[" + many + R"(],"url":"https://x"})")).topics.size() == 32);
    CHECK(refusal_of(posted("{\"topics\":[" + too_many + R"(],"url":"https://x"})")).status == 422);
}

TEST_CASE("a lease is what was asked for within what the server allows", "[rest_hook]") {
    const auto lease = [](std::string member, std::chrono::seconds usual,
                          std::chrono::seconds most) {
        return taken(posted(R"({"event":"a","url":"https://x")" + member + '}'),
                     {.now = new_year, .default_lease = usual, .max_lease = most})
            .lease_until;
    };
    CHECK_FALSE(lease("", 0s, 0s));
    CHECK(lease("", 60s, 0s) == new_year + 60s);
    CHECK(lease("", 0s, 90s) == new_year + 90s);
    CHECK(lease("", 60s, 30s) == new_year + 30s);
    CHECK(lease(R"(,"lease_seconds":10)", 60s, 30s) == new_year + 10s);
    CHECK(lease(R"(,"lease_seconds":99999999999999999999)", 60s, 30s) == new_year + 30s);
    CHECK(lease(R"(,"lease_seconds":99999999999999999999)", 0s, 0s));
    CHECK(lease(R"(,"expiration_date":"2026-01-01T00:00:20Z")", 60s, 30s) == new_year + 20s);
    CHECK(lease(R"(,"expiration_date":"2026-01-02T00:00:00Z")", 60s, 30s) == new_year + 30s);
}

TEST_CASE("a merge changes what it says, and null takes it back", "[rest_hook]") {
    const auto v = standing();
    auto h = taken(posted("{}"), merging(v));
    CHECK(to_row_value(h) == to_row_value(v.record));
    h = taken(posted(R"({"description":null,"order":null,"topics":["b"],
                         "metadata":{"env":null,"new":"1"},"headers":{"x-key":"2"}})"),
              merging(v));
    CHECK(h.description.empty());
    CHECK(h.order == webhook::delivery_order::any);
    CHECK(h.topics == std::vector<std::string>{"b"});
    CHECK(h.metadata == text_pairs{{"team", "shop"}, {"new", "1"}});
    CHECK(h.headers == text_pairs{{"X-Key", "2"}});
    CHECK(h.target_url == v.record.target_url);
    CHECK(h.secret == v.record.secret);
    for (const auto* const name : {"topics", "target_url", "secret", "state", "id"})
        CHECK(refusal_of(posted(std::string("{\"") + name + "\":null}"), merging(v)).member ==
              name);
}

TEST_CASE("what an answer shows may be written back", "[rest_hook]") {
    auto v = standing();
    v.now = GENERATE(hook_condition{}, hook_condition{hook_state::paused, ""},
                     hook_condition{hook_state::disabled, "it failed"});
    if (v.now.state == hook_state::paused) v.record.state = hook_state::paused;
    if (GENERATE(false, true)) v.record.lease_until = new_year + 60s;
    for (const auto kind : {reading::kind::replace, reading::kind::merge}) {
        const auto h = taken(posted(to_json(v, {})), {.what = kind, .now = new_year, .before = &v});
        CHECK(to_row_value(h) == to_row_value(v.record));
    }
}

TEST_CASE("replacing gives defaults to what is not said, and keeps the secret", "[rest_hook]") {
    auto v = standing();
    v.record.state = hook_state::paused;
    v.now.state = hook_state::paused;
    const auto h = taken(posted(R"({"event":"b","url":"https://y"})"),
                         {.what = reading::kind::replace, .now = new_year, .before = &v});
    CHECK(h.id == v.record.id);
    CHECK(h.owner == v.record.owner);
    CHECK(h.created_at == v.record.created_at);
    CHECK(h.secret == v.record.secret);
    CHECK(h.topics == std::vector<std::string>{"b"});
    CHECK(h.target_url == "https://y");
    CHECK(h.order == webhook::delivery_order::any);
    CHECK(h.headers.empty());
    CHECK(h.metadata.empty());
    CHECK(h.state == hook_state::active);
    CHECK(h.resumed_at == "2026-01-01T00:00:00Z");
}

TEST_CASE("one that is disabled stays that until it is made active", "[rest_hook]") {
    auto v = standing();
    v.now = {hook_state::disabled, "it failed"};
    CHECK(taken(posted(R"({"active":false})"), merging(v)).resumed_at.empty());
    CHECK(taken(posted(R"({"state":"disabled"})"), merging(v)).state == hook_state::active);
    CHECK(taken(posted(R"({"state":"paused"})"), merging(v)).state == hook_state::paused);
    CHECK(taken(posted(R"({"active":true})"), merging(v)).resumed_at == "2026-01-01T00:00:00Z");
}

TEST_CASE("an end behind that of the clock is that of the clock", "[rest_hook]") {
    const auto h = taken(
        posted(R"({"event":"a","url":"https://x","expiration_date":"9999-12-31T00:00:00Z"})"));
    CHECK(h.lease_until == io::system_time::max());
    CHECK(refusal_of(posted(R"({"event":"a","url":"https://x","expiration_date":)"
                            R"("0001-01-01T00:00:00Z"})"))
              .status == 422);
}

}  // namespace tidings::rest_hook::detail
