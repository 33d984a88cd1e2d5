// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/rest_hook_bed.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace tidings::test {

/// A manager that asks every target, those on this machine, too.
inline rest_hook::manager_options asking_for(rest_hook::proof p,
                                             std::shared_ptr<store::table> table = nullptr) {
    rest_hook::manager_options o{.table = std::move(table)};
    o.proof.rules = {{.takes = {p}}};
    if (p == rest_hook::proof::consent) o.proof.origin = "hub.example";
    return o;
}

/// Agrees to whatever it is asked, in the way that it is asked.
inline void agree(http::exchange& x) {
    const auto& r = x.request();
    http::response answer{.status = 200};
    if (const auto secret = r.fields.find("x-hook-secret"))
        answer.fields.set("X-Hook-Secret", *secret);
    if (const auto origin = r.fields.find("webhook-request-origin"); r.method == "OPTIONS")
        answer.fields.set("WebHook-Allowed-Origin", origin.value_or(""));
    const auto query = r.query();
    constexpr std::string_view name = "hub.challenge=";
    if (const auto at = query.find(name); at != query.npos)
        answer.body = query.substr(at + name.size(), query.find('&', at) - at - name.size());
    x.respond(std::move(answer));
}

/// A bed whose subscriptions wait for their targets.
struct proof_bed : hook_bed {
    using hook_bed::hook_bed;

    http::response ask(std::string method, std::string_view path, std::string body = {},
                       http::fields fields = {}) {
        fields.set("Content-Type", "application/json");
        return w.request(std::move(method), url(path), std::move(body), std::move(fields));
    }
    std::string make(std::string_view event, std::string_view path = "/hook") {
        const std::string id = create(event, path).at("id");
        w.run_ready();
        return id;
    }
    nlohmann::json shown(const std::string& id) {
        return nlohmann::json::parse(get('/' + id).body);
    }
    std::string state_of(const std::string& id) { return shown(id).at("state"); }
    /// The questions that came, and nothing else.
    std::vector<http::request> questions() const {
        std::vector<http::request> all;
        for (const auto& r : target.requests)
            if (r.fields.find("ce-type") == std::nullopt) all.push_back(r);
        return all;
    }
    std::size_t deliveries() const { return target.requests.size() - questions().size(); }
    std::string secret_asked(std::size_t nth = 0) const {
        return std::string(questions().at(nth).fields.get("x-hook-secret"));
    }
    unsigned confirm(const std::string& id, std::string_view secret) {
        return ask("POST", '/' + id + "/confirm", {}, {{"X-Hook-Secret", secret}}).status;
    }
};

}  // namespace tidings::test
