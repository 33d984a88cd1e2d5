// SPDX-License-Identifier: BSL-1.0
// What a request for a subscription may look like, and what stands in the table and in answers.
#include "support/catch2.hpp"

#include <tidings/rest_hook/impl/hook_record.hpp>

#include <nlohmann/json.hpp>

#include <string>

namespace tidings::rest_hook::detail {

namespace {

constexpr std::size_t max_bytes = 1000;
const std::string good_secret = "whsec_" + std::string(32, 'A');  // 24 bytes

http::request posted(std::string body, std::string_view content_type = "application/json") {
    http::request r{.method = "POST", .body = std::move(body)};
    if (!content_type.empty()) r.fields.set("Content-Type", content_type);
    return r;
}

struct refusal {
    unsigned status = 0;  // 0: taken
    std::string detail{};
};

refusal refusal_of(const http::request& r) {
    hook_record h;
    const auto refused = read_hook(r, max_bytes, h);
    if (!refused) return {};
    CHECK(refused->fields.get("content-type") == "application/problem+json");
    const auto problem = nlohmann::json::parse(refused->body);
    CHECK(problem.at("status") == refused->status);
    return {refused->status, problem.at("detail")};
}

hook_record taken(const http::request& r) {
    hook_record h;
    const auto refused = read_hook(r, max_bytes, h);
    INFO((refused ? refused->body : std::string()));
    CHECK_FALSE(refused);
    return h;
}

}  // namespace

TEST_CASE("a body that is no subscription is refused with what is wrong", "[rest_hook]") {
    struct row {
        std::string body;
        unsigned status;
        std::string detail;
    };
    const auto r = GENERATE_COPY(values<row>({
        {"", 400, "not valid JSON"},
        {"{", 400, "not valid JSON"},
        {"{\"event\":\"a\xff\"}", 400, "not valid JSON"},
        {R"({"event":"a","target_url":"https://x"} {})", 400, "not valid JSON"},
        {"null", 400, "not a JSON object"},
        {"[]", 400, "not a JSON object"},
        {R"(["event","a"])", 400, "not a JSON object"},
        {R"("event")", 400, "not a JSON object"},
        {"{}", 400, "\"event\", a topic pattern, is missing"},
        {R"({"target_url":"https://x"})", 400, "\"event\", a topic pattern, is missing"},
        {R"({"event":null,"target_url":"https://x"})", 400,
         "\"event\", a topic pattern, is missing"},
        {R"({"event":"a"})", 400, "\"target_url\" is missing"},
        {R"({"event":5,"target_url":"https://x"})", 400, "\"event\" is not a string"},
        {R"({"event":["a"],"target_url":"https://x"})", 400, "\"event\" is not a string"},
        {R"({"event":"a","target":{}})", 400, "\"target\" is not a string"},
        {R"({"event":"a","url":true})", 400, "\"url\" is not a string"},
        {R"({"event":"a","target_url":"https://x","secret":1})", 400, "\"secret\" is not a string"},
        {R"({"event":"","target_url":"https://x"})", 400, "\"event\" is empty"},
        {R"({"event":"a","target_url":""})", 400, "\"target_url\" is empty"},
        {R"({"event":"a","target_url":"https://x","secret":""})", 400, "\"secret\" is empty"},
        {R"({"event":"a","event":"b","target_url":"https://x"})", 400,
         "\"event\" says what was said"},
        {R"({"event":"a","topic":"a","target_url":"https://x"})", 400,
         "\"topic\" says what was said"},
        {R"({"event":"a","url":"https://x","target":"https://x"})", 400,
         "\"target\" says what was said"},
        {R"({"event":"a..b","target_url":"https://x"})", 422, "not a topic pattern: a..b"},
        {R"({"event":"a.>.b","target_url":"https://x"})", 422, "not a topic pattern"},
        {R"({"event":"a\u0000","target_url":"https://x"})", 422, "not a topic pattern"},
        {R"({"event":"orders.#","target_url":"https://x"})", 422, "write '>'"},
        {R"({"event":"a\ud800","target_url":"https://x"})", 400, "\"event\" is not text"},
        {R"({"event":"a","target_url":"https://x","secret":"hunter2"})", 422,
         "secret is malformed"},
        {R"({"event":"a","target_url":"https://x","secret":"whsec_AAAA"})", 422,
         "secret is malformed"},
    }));
    CAPTURE(r.body);
    const auto refused = refusal_of(posted(r.body));
    CHECK(refused.status == r.status);
    CHECK(refused.detail.find(r.detail) != std::string::npos);
    CHECK(refused.detail.find("hunter2") == std::string::npos);
}

TEST_CASE("members that are unknown are refused with their names", "[rest_hook][fault-15]") {
    const auto refused = [](std::string_view members) {
        return refusal_of(
            posted(R"({"event":"a","target_url":"https://x",)" + std::string(members) + '}'));
    };
    auto r = refused(R"("event_type":7,"secret":null,"nested":{"event":"b"},"filter":null)");
    CHECK(r.status == 422);
    CHECK(r.detail == R"(a subscription has no "event_type", "nested", "filter")");
    r = refused(R"("active":false)");
    CHECK(r.status == 422);
    CHECK(r.detail.find("\"active\"") == 0);
    r = refused(R"("active":"true")");
    CHECK(r.status == 400);
    CHECK(r.detail.find("\"active\"") == 0);
    CHECK(refused(R"("Event":"a")").detail == R"(a subscription has no "Event")");
    CHECK(refused(R"("\ud800":1)").status == 400);
}

TEST_CASE("a body over its limit is refused before it is read", "[rest_hook]") {
    CHECK(refusal_of(posted(std::string(max_bytes + 1, ' '))).status == 413);
    CHECK(refusal_of(posted(std::string(max_bytes, ' '))).status == 400);
}

TEST_CASE("only JSON is read, whatever curl calls it", "[rest_hook]") {
    const std::string body = R"({"event":"a","target_url":"https://x"})";
    struct row {
        std::string content_type;
        unsigned status;
    };
    const auto r = GENERATE_COPY(values<row>({{"", 0},
                                              {"application/json", 0},
                                              {"application/json; charset=utf-8", 0},
                                              {"application/vnd.hooks+json", 0},
                                              {"application/x-www-form-urlencoded", 0},
                                              {"text/plain", 415},
                                              {"application/xml", 415},
                                              {"multipart/form-data; boundary=x", 415}}));
    CAPTURE(r.content_type);
    CHECK(refusal_of(posted(body, r.content_type)).status == r.status);
    // A form that is one.
    CHECK(refusal_of(posted("event=a", "application/x-www-form-urlencoded")).status == 415);
}

TEST_CASE("members have other names, and a subscription may be called active", "[rest_hook]") {
    const auto body =
        GENERATE(as<std::string>(), R"({"event":"orders.>","target_url":"https://x/h"})",
                 R"({"topic":"orders.>","target":"https://x/h"})",
                 R"({"url":"https://x/h","event":"orders.>"})",
                 R"({"url":"https://x/h","event":"orders.>","active":true})",
                 R"( {"event":"orders.>","active":null,"secret":null,
                                    "target_url":"https:\/\/x\/h"} )");
    CAPTURE(body);
    const auto h = taken(posted(body));
    CHECK(h.event == "orders.>");
    CHECK(h.target_url == "https://x/h");
    CHECK(h.secret.empty());
}

TEST_CASE("a secret of one's own is taken", "[rest_hook]") {
    const auto h =
        taken(posted(R"({"event":"a","target_url":"https://x","secret":")" + good_secret + "\"}"));
    CHECK(h.secret == good_secret);
}

TEST_CASE("a row is read back as it was written", "[rest_hook]") {
    const hook_record h{.id = "hook_1",
                        .event = "orders.>",
                        .target_url = "https://x/\"quoted\"",
                        .secret = good_secret,
                        .created_at = "2026-01-01T00:00:00Z",
                        .owner = "J\xc3\xb6rg \\ \n"};
    const auto back = read_row({h.id, to_row_value(h), 7});
    REQUIRE(back);
    CHECK(back->id == h.id);
    CHECK(back->event == h.event);
    CHECK(back->target_url == h.target_url);
    CHECK(back->secret == h.secret);
    CHECK(back->created_at == h.created_at);
    CHECK(back->owner == h.owner);
}

TEST_CASE("a row that is not one of ours is passed over", "[rest_hook]") {
    const auto value = GENERATE(as<std::string>(), "", "x", "{}", "[]", "7",
                                R"({"event":"a","target_url":"https://x"})",
                                R"({"event":"a..b","target_url":"https://x","secret":"s"})",
                                R"({"event":1,"target_url":"https://x","secret":"s"})",
                                R"({"event":"a","target_url":"","secret":"s"})");
    CAPTURE(value);
    CHECK_FALSE(read_row({"id", value, 1}));
}

TEST_CASE("an answer shows a secret only where it is asked to", "[rest_hook]") {
    const hook_record h{"hook_1", "a", "https://x", good_secret, "2026-01-01T00:00:00Z", "someone"};
    const auto shown = nlohmann::json::parse(to_json(h, true, false));
    CHECK(shown == nlohmann::json{{"id", "hook_1"},
                                  {"event", "a"},
                                  {"target_url", "https://x"},
                                  {"active", true},
                                  {"created_at", "2026-01-01T00:00:00Z"}});
    const auto told = nlohmann::json::parse(to_json(h, false, true));
    CHECK(told.at("active") == false);
    CHECK(told.at("secret") == good_secret);
}

}  // namespace tidings::rest_hook::detail
