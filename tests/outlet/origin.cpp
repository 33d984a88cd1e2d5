// SPDX-License-Identifier: BSL-1.0
#include <tidings/bus.hpp>
#include <tidings/outlet/impl/origin.hpp>
#include <tidings/rest/service.hpp>
#include <tidings/rest_hook/manager.hpp>
#include <tidings/sse/service.hpp>
#include <tidings/webhook/sender.hpp>

#include "support/catch2.hpp"
#include "support/frames.hpp"
#include "support/http_bed.hpp"

#include <set>
#include <sstream>

using namespace tidings;
using namespace tidings::test;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

bool allowed(const std::string& origin, const std::string& host,
             const std::vector<std::string>& list = {}) {
    return http::origin_allowed({.fields = {{"Origin", origin}, {"Host", host}}}, list);
}

}  // namespace

TEST_CASE("A page may speak to the host it came from and to no other", "[http]") {
    CHECK(allowed("http://example.org", "example.org"));
    CHECK(allowed("http://example.org:8080", "example.org:8080"));
    CHECK(allowed("http://example.org", "example.org:80"));
    CHECK(allowed("https://example.org", "example.org"));  // behind a proxy that ends TLS
    CHECK(allowed("https://example.org:443", "EXAMPLE.org"));
    CHECK(allowed("http://[::1]:8080", "[::1]:8080"));

    CHECK_FALSE(allowed("http://example.org:8080", "example.org"));
    CHECK_FALSE(allowed("http://example.org", "example.org:8080"));
    CHECK_FALSE(allowed("https://example.org", "example.org:80"));
    CHECK_FALSE(allowed("http://evil.example", "example.org"));
    CHECK_FALSE(allowed("http://example.org.evil.example", "example.org"));
    CHECK_FALSE(allowed("http://evil.example#example.org", "example.org"));
    CHECK_FALSE(allowed("http://example.org#.evil.example", "example.org"));
    CHECK_FALSE(allowed("http://example.org@evil.example", "evil.example"));
    CHECK_FALSE(allowed("http://example.org/path", "example.org"));
    CHECK_FALSE(allowed("http://example.org/", "example.org"));
    CHECK_FALSE(allowed("http://example.org?x", "example.org"));
    CHECK_FALSE(allowed("chrome-extension://example.org", "example.org"));
    CHECK_FALSE(allowed("example.org", "example.org"));
    CHECK_FALSE(allowed("null", "example.org"));
    CHECK_FALSE(allowed("null", "null"));
    CHECK_FALSE(allowed("", ""));
    CHECK_FALSE(allowed("http://", ""));
    CHECK_FALSE(allowed("http://example.org", ""));
}

TEST_CASE("A list of origins is all that counts", "[http]") {
    const std::vector<std::string> list{"https://app.example", "null"};
    CHECK(allowed("https://app.example", "example.org", list));
    CHECK(allowed("null", "example.org", list));
    CHECK_FALSE(allowed("http://example.org", "example.org", list));
    CHECK_FALSE(allowed("https://app.example:443", "example.org", list));
    CHECK_FALSE(allowed("https://APP.example", "example.org", list));
    CHECK_FALSE(allowed("https://app.example.evil", "example.org", list));
}

TEST_CASE("A caller that is no page needs no leave, one that claims to be two gets none",
          "[http]") {
    const std::vector<std::string> list{"https://app.example"};
    CHECK(http::origin_allowed({}, {}));
    CHECK(http::origin_allowed({.fields = {{"Host", "h"}}}, list));
    CHECK_FALSE(http::origin_allowed(
        {.fields = {{"Host", "h"}, {"Origin", "http://h"}, {"origin", "http://h"}}}, {}));
    CHECK_FALSE(http::origin_allowed({.fields = {{"Origin", list[0]}, {"Origin", list[0]}}}, list));
    CHECK_FALSE(http::origin_allowed({.fields = {{"Origin", "http://h"}}}, {}));
}

TEST_CASE("every answer to a listed origin may be read by its pages", "[http][fault-10]") {
    const std::vector<std::string> list{"https://app.example"};
    const auto listed = http::cors_fields({.fields = {{"Origin", list[0]}}}, list);
    CHECK(listed.get("Vary") == "Origin");
    CHECK(listed.get("Access-Control-Allow-Origin") == list[0]);
    CHECK(listed.get("Access-Control-Allow-Credentials") == "true");
    for (const auto* other : {"https://evil.example", "null", ""}) {
        const auto f = http::cors_fields({.fields = {{"Origin", other}}}, list);
        CHECK(f.get("Vary") == "Origin");
        CHECK_FALSE(f.find("Access-Control-Allow-Origin").has_value());
    }
    CHECK(http::cors_fields({.fields = {{"Origin", list[0]}, {"Origin", list[0]}}}, list).size() ==
          1);
    CHECK(http::cors_fields({.fields = {{"Origin", list[0]}}}, {}).empty());
}

TEST_CASE("a preflight is answered 204 with what a listed origin may send", "[http][fault-10]") {
    const std::vector<std::string> list{"https://app.example"};
    const auto ask = [&](const std::string& origin) {
        return http::preflight({.method = "OPTIONS",
                                .fields = {{"Origin", origin},
                                           {"Access-Control-Request-Method", "POST"},
                                           {"Access-Control-Request-Headers", "content-type, x"}}},
                               list, "GET, POST");
    };
    const auto listed = ask(list[0]);
    CHECK(listed.status == 204);
    CHECK(listed.fields.get("Allow") == "GET, POST");
    CHECK(listed.fields.get("Access-Control-Allow-Methods") == "GET, POST");
    CHECK(listed.fields.get("Access-Control-Allow-Headers") == "content-type, x");
    const auto other = ask("https://evil.example");
    CHECK(other.status == 204);
    CHECK(other.fields.get("Allow") == "GET, POST");
    CHECK_FALSE(other.fields.find("Access-Control-Allow-Methods").has_value());
}

namespace {

/// Every service that a page may use, on one server.
struct service_bed : http_bed {
    std::optional<bus> events;
    std::optional<webhook::sender> sender;
    std::optional<http::server> web;

    explicit service_bed(const std::vector<std::string>& origins, const authenticator& a = {}) {
        events.emplace(io(), bus_options{.history = {.max_events = 10}});
        sender.emplace(io(), webhook::sender_options{.environment = environment()});
        web.emplace(server());
        web->mount("/topics", rest::service(*events, {.authenticator = a,
                                                      .authorizer = allow_all(),
                                                      .allowed_origins = origins}));
        web->mount("/events",
                   sse::service(*events, {.authenticator = a, .allowed_origins = origins}));
        web->mount("/hooks", rest_hook::manager(*events, *sender,
                                                {.authenticator = a,
                                                 .authorizer = allow_all(),
                                                 .allowed_origins = origins}));
        web->start();
        run();
    }
    ~service_bed() {
        web.reset();
        sender.reset();
        events.reset();
        run();
    }
};

const std::vector<std::string> app{"https://app.example"};

std::string from_origin(const std::string& line, const std::string& origin = app[0],
                        const std::string& more = "") {
    return line + " HTTP/1.1\r\nHost: localhost\r\nOrigin: " + origin + "\r\n" + more + "\r\n";
}

}  // namespace

TEST_CASE("a listed origin gets the answers of every service, dated", "[outlet][fault-10]") {
    service_bed bed(app);
    for (const auto* line :
         {"GET /topics/a", "HEAD /topics/a", "GET /topics/*bad*", "DELETE /topics/a",
          "GET /events?topic=a", "HEAD /events?topic=a", "GET /events", "GET /hooks", "HEAD /hooks",
          "GET /hooks/none", "PUT /hooks"}) {
        INFO(line);
        const auto answer = bed.ask(from_origin(line));
        CHECK_THAT(answer, Contains("\r\nAccess-Control-Allow-Origin: https://app.example\r\n") &&
                               Contains("\r\nVary: Origin\r\n") && Contains("\r\nDate: "));
        const auto refused = bed.ask(from_origin(line, "https://evil.example"));
        CHECK_THAT(refused, StartsWith("HTTP/1.1 403 ") && Contains("\r\nVary: Origin\r\n") &&
                                !Contains("Access-Control-Allow-Origin"));
    }
    CHECK_THAT(bed.ask(from_origin("POST /topics/a", app[0], "Content-Length: 0\r\n")),
               StartsWith("HTTP/1.1 202 ") &&
                   Contains("\r\nAccess-Control-Allow-Origin: https://app.example\r\n"));
    // Refused in the middle of its body.
    CHECK_THAT(bed.ask(from_origin("POST /topics/a", app[0], "Transfer-Encoding: chunked\r\n") +
                       "fffffff\r\n"),
               StartsWith("HTTP/1.1 413 ") &&
                   Contains("\r\nAccess-Control-Allow-Origin: https://app.example\r\n"));
}

TEST_CASE("a page of a listed origin may read every field that says something", "[outlet]") {
    service_bed bed(app);
    // Fetch 3.3.4 (CORS-safelisted response-header names); what is the browser's own.
    const std::set<std::string> others{
        "Cache-Control", "Content-Length",    "Content-Type",      "Connection",
        "Date",          "Transfer-Encoding", "X-Accel-Buffering", "Vary"};
    const auto check = [&](const std::string& answer) {
        CAPTURE(answer);
        const auto exposed = ", " + std::string(field_of(answer, "Access-Control-Expose-Headers"));
        std::istringstream lines(answer.substr(0, answer.find("\r\n\r\n")));
        std::string line;
        std::getline(lines, line);
        while (std::getline(lines, line)) {
            const auto name = line.substr(0, line.find(':'));
            if (name.starts_with("Access-Control-") || others.count(name) != 0) continue;
            CHECK_THAT(exposed + ',', Contains(", " + name + ','));
        }
    };
    const auto start = bed.events->head().text();
    for (int i = 0; i < 12; ++i) bed.events->publish("a", event("t", "/s", "x"));
    const auto first = bed.ask(from_origin("GET /topics/a?after=" + start));
    CHECK(!field_of(first, "Tidings-Position").empty());
    CHECK(field_of(first, "Tidings-Gap") == "true");
    check(first);
    for (const auto* line : {"GET /topics/a", "DELETE /topics/a", "GET /events", "PUT /hooks",
                             "GET /hooks/none", "HEAD /events?topic=a"})
        check(bed.ask(from_origin(line)));
    service_bed closed(app, bearer_token("s3cret"));
    check(closed.ask(from_origin("GET /topics/a")));
}

TEST_CASE("every service answers a preflight without credentials", "[outlet][fault-10]") {
    service_bed bed(app, bearer_token("s3cret"));
    for (const auto* line :
         {"OPTIONS /topics/a", "OPTIONS /events?topic=a", "OPTIONS /hooks", "OPTIONS /hooks/1"}) {
        INFO(line);
        const auto answer =
            bed.ask(from_origin(line, app[0],
                                "Access-Control-Request-Method: GET\r\n"
                                "Access-Control-Request-Headers: authorization\r\n"));
        CHECK_THAT(answer, StartsWith("HTTP/1.1 204 ") && Contains("\r\nVary: Origin\r\n") &&
                               Contains("\r\nAccess-Control-Allow-Origin: https://app.example") &&
                               Contains("\r\nAccess-Control-Allow-Methods: ") &&
                               Contains("\r\nAccess-Control-Allow-Headers: authorization\r\n"));
    }
    CHECK_THAT(bed.ask(from_origin("GET /topics/a")),
               StartsWith("HTTP/1.1 401 ") && Contains("\r\nAccess-Control-Allow-Origin: "));
}

TEST_CASE("every service refuses a stranger before it reads the body", "[outlet][fault-12]") {
    service_bed bed({}, bearer_token("s3cret"));
    for (const auto* line : {"POST /topics/a", "POST /hooks", "GET /events?topic=a"}) {
        INFO(line);
        const std::string body_to_come = "Content-Length: 1000\r\n";
        const std::string start = std::string(line) + " HTTP/1.1\r\nHost: localhost\r\n";
        CHECK_THAT(bed.ask(start + body_to_come + "\r\n"), StartsWith("HTTP/1.1 401 "));
        CHECK(bed.ask(start + "Authorization: Bearer s3cret\r\n" + body_to_come + "\r\n").empty());
    }
}
