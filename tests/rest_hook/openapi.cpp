// SPDX-License-Identifier: BSL-1.0
// The API walked by its OpenAPI document: every operation is asked for, and every answer is what
// the document says.
#include "support/rest_hook_bed.hpp"

#include <set>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using nlohmann::json;

/// An OpenAPI document, and the operations of it that were asked for.
class described_api {
 public:
    explicit described_api(json document) : document_(std::move(document)) {}

    /// Why an answer is none of the document's; empty: it is one.
    std::string fault_of(const std::string& path, std::string method, const http::response& r) {
        for (auto& c : method) c = static_cast<char>(std::tolower(c));
        const auto& operation = document_.at("paths").at(path).at(method);
        asked_.insert(operation.at("operationId").get<std::string>());
        const auto& all = operation.at("responses");
        const auto status = std::to_string(r.status);
        if (r.status < 400 && !all.contains(status)) return "status " + status;
        const auto& said = resolve(all.contains(status) ? all.at(status) : all.at("default"));
        if (said.contains("headers"))
            for (const auto& [name, what] : said.at("headers").items())
                if (name != "Link" && r.fields.get(name).empty()) return "no " + name;
        if (!said.contains("content")) return r.body.empty() ? "" : "a body";
        const auto type = std::string(r.fields.get("content-type"));
        if (!said.at("content").contains(type)) return "type " + type;
        return fault_in(json::parse(r.body), said.at("content").at(type).at("schema"), "body");
    }
    std::set<std::string> not_asked() const {
        std::set<std::string> missing;
        for (const auto& [path, item] : document_.at("paths").items())
            for (const auto& [method, operation] : item.items())
                if (method != "parameters") missing.insert(operation.at("operationId"));
        for (const auto& id : asked_) missing.erase(id);
        return missing;
    }
    /// Every `$ref` leads somewhere.
    void check_references(const json& part) const {
        if (part.is_object() && part.contains("$ref")) CHECK_FALSE(resolve(part).is_null());
        if (part.is_structured())
            for (const auto& inner : part) check_references(inner);
    }

 private:
    const json& resolve(const json& part) const {
        if (!part.is_object() || !part.contains("$ref")) return part;
        return document_.at(json::json_pointer(part.at("$ref").get<std::string>().substr(1)));
    }
    // As much of JSON Schema as the document uses.
    std::string fault_in(const json& value, const json& given, const std::string& at) const {
        const auto& schema = resolve(given);
        const auto type = schema.value("type", "");
        if (type == "object" && !value.is_object()) return at + " is no object";
        if (type == "array" && !value.is_array()) return at + " is no array";
        if (type == "string" && !value.is_string()) return at + " is no string";
        if (type == "integer" && !value.is_number_integer()) return at + " is no integer";
        if (type == "boolean" && !value.is_boolean()) return at + " is no boolean";
        if (schema.contains("enum")) {
            const auto& all = schema.at("enum");
            if (std::find(all.begin(), all.end(), value) == all.end()) return at + " is unknown";
        }
        if (type == "array") {
            for (const auto& one : value)
                if (auto fault = fault_in(one, schema.at("items"), at + "[]"); !fault.empty())
                    return fault;
        }
        if (type != "object") return {};
        for (const auto& name : schema.value("required", json::array()))
            if (!value.contains(name.get<std::string>())) return at + " has no " + name.dump();
        const auto properties = schema.value("properties", json::object());
        for (const auto& [name, inner] : value.items()) {
            const bool known = properties.contains(name);
            const auto others = schema.value("additionalProperties", json(true));
            if (!known && others == json(false)) return at + " has " + name;
            const auto& said = known ? properties.at(name) : others;
            if (!said.is_object()) continue;
            if (auto fault = fault_in(inner, said, at + '.' + name); !fault.empty()) return fault;
        }
        return {};
    }

    const json document_;
    std::set<std::string> asked_;
};

}  // namespace

TEST_CASE("the API is what its OpenAPI document says", "[rest_hook]") {
    world w;
    auto sending = hook_sender_options(w);
    sending.retry.delays = {0s};
    hook_bed bed(
        w,
        {.event_types =
             {{.name = "a.b", .description = "b of a", .schema = "true", .example = "[1]"}},
         .max_lease = 1h},
        std::move(sending));
    const auto served = bed.get("/openapi.json");
    REQUIRE(served.status == 200);
    const auto document = json::parse(served.body);
    CHECK(document.at("openapi") == "3.1.0");
    CHECK(document.at("servers").at(0).at("url") == "/hooks");
    described_api api(document);
    api.check_references(document);

    std::string id, name = "a.b", attempt;
    const auto ask = [&](std::string method, const std::string& path, const json& body = nullptr) {
        auto below = path;
        if (const auto at = below.find("{id}"); at != below.npos) below.replace(at, 4, id);
        if (const auto at = below.find("{name}"); at != below.npos) below.replace(at, 6, name);
        if (const auto at = below.find("{attempt}"); at != below.npos)
            below.replace(at, 9, attempt);
        if (below == "/") below.clear();
        const auto r = w.request(method, bed.url(below), body.is_null() ? "" : body.dump(),
                                 {{"Content-Type", "application/json"}});
        w.run_ready();
        CAPTURE(method, path, r.status, r.body);
        CHECK(api.fault_of(path, method, r) == "");
        return r;
    };
    ask("GET", "/openapi.json");
    CHECK(json::parse(ask("GET", "/event-types").body).size() == 1);
    CHECK(ask("GET", "/event-types/{name}").status == 200);
    name = "none";
    CHECK(ask("GET", "/event-types/{name}").status == 404);
    const auto made = ask(
        "POST", "/",
        {{"topics", {"a.>", "b"}},
         {"target_url", bed.target.url()},
         {"filters",
          json::parse(R"([{"any":[{"exact":{"type":"t"}}]},{"not":{"suffix":{"data.a":"x"}}}])")},
         {"rate", {{"per_second", 2.5}, {"burst", 3}}},
         {"headers", {{"X-A", "1"}}},
         {"metadata", {{"team", "shop"}}},
         {"description", "mine"}});
    REQUIRE(made.status == 201);
    id = json::parse(made.body).at("id");
    bed.target.answer = [](http::exchange& x) { x.respond({.status = 500, .body = "no"}); };
    for (const auto* const action : {"ping", "test", "pause", "resume", "rotate"})
        CHECK(ask("POST", "/{id}/" + std::string(action)).status < 300);
    ask("GET", "/");
    ask("GET", "/{id}");
    CHECK(json::parse(ask("GET", "/{id}/deliveries").body).size() == 2);
    const auto attempts = json::parse(ask("GET", "/{id}/attempts").body);
    REQUIRE(attempts.size() == 2);
    attempt = attempts[0].at("id").dump();
    CHECK(ask("GET", "/{id}/attempts/{attempt}").status == 200);
    CHECK(json::parse(ask("GET", "/{id}/attempt-counts").body).size() == 1);
    CHECK(ask("POST", "/{id}/redeliver").status == 202);
    CHECK(ask("PATCH", "/{id}", {{"topics", {"c"}}}).status == 200);
    CHECK(ask("PUT", "/{id}", {{"topics", {"d"}}, {"url", bed.target.url()}}).status == 200);
    ask("GET", "/{id}/confirm");
    // What is refused is a Problem, everywhere.
    ask("POST", "/{id}/confirm");
    ask("POST", "/", {{"topics", 1}});
    ask("PATCH", "/{id}", {{"nothing", 1}});
    ask("PUT", "/{id}", json::object());
    ask("POST", "/{id}/test", {{"topic", "z"}});
    ask("POST", "/{id}/redeliver", {{"attempt", 9999}});
    ask("POST", "/{id}/rotate", {{"secret", "x"}});
    CHECK(ask("DELETE", "/{id}").status == 204);
    for (const auto* const part : {"", "/deliveries", "/attempts", "/attempt-counts"})
        CHECK(ask("GET", "/{id}" + std::string(part)).status == 404);
    for (const auto* const part : {"/pause", "/resume", "/ping"})
        CHECK(ask("POST", "/{id}" + std::string(part)).status == 404);
    CHECK(ask("DELETE", "/{id}").status == 404);
    CHECK(api.not_asked() == std::set<std::string>());
}

}  // namespace tidings::test
