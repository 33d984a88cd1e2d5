// SPDX-License-Identifier: BSL-1.0
// A list that is followed page by page while what it lists changes.
#include "support/rest_hook_bed.hpp"
#include "support/websub_bed.hpp"

#include <algorithm>
#include <set>

namespace tidings::test {

namespace {

using nlohmann::json;

std::string next_of(const http::response& r) {
    const std::string link(r.fields.get("link"));
    if (link.empty()) return {};
    REQUIRE(link.ends_with(">; rel=\"next\""));
    return link.substr(1, link.find('>') - 1);
}

/// Follows a list to its end, `between` two pages.
template <class Between>
std::vector<std::string> ids_of(world& w, const http::server& server, std::string path,
                                Between between) {
    std::vector<std::string> ids;
    for (std::size_t page = 0; !path.empty(); ++page) {
        REQUIRE(page < 100);
        const auto r = w.request("GET", url_of(server, path));
        INFO(r.body);
        REQUIRE(r.status == 200);
        for (const auto& one : json::parse(r.body)) ids.push_back(one.at("id"));
        path = next_of(r);
        if (!path.empty()) between(page, ids);
    }
    return ids;
}

bool is_once(const std::vector<std::string>& ids) {
    return std::set<std::string>(ids.begin(), ids.end()).size() == ids.size();
}

bool has(const std::vector<std::string>& ids, const std::string& id) {
    return std::find(ids.begin(), ids.end(), id) != ids.end();
}

}  // namespace

TEST_CASE("a list is followed page by page, whatever comes and goes between", "[rest_hook]") {
    world w;
    hook_bed bed(w);
    std::vector<std::string> made;
    for (int i = 0; i < 23; ++i) {
        made.push_back(bed.create("t" + std::to_string(i)).at("id"));
        w.advance(std::chrono::milliseconds(2));
    }
    std::string added;
    const auto ids =
        ids_of(w, *bed.server, "/hooks?limit=5",
               [&](std::size_t page, const std::vector<std::string>& so) {
                   if (page != 1) return;
                   REQUIRE(bed.del(so.back()).status == 204);  // where the next page begins
                   REQUIRE(bed.del(made[0]).status == 204);    // on a page that was read
                   REQUIRE(bed.del(made[12]).status == 204);   // on one that was not
                   REQUIRE(w.request("POST", bed.url('/' + made[13] + "/pause")).status == 200);
                   added = bed.create("added").at("id");
               });
    CHECK(is_once(ids));
    for (std::size_t i = 0; i < made.size(); ++i) CHECK(has(ids, made[i]) == (i != 12));
    CHECK(has(ids, added));
    CHECK(std::is_sorted(ids.begin(), ids.end()));
    const auto paused = ids_of(w, *bed.server, "/hooks?limit=1&state=paused", [](auto...) {});
    CHECK(paused == std::vector{made[13]});
}

TEST_CASE("a list is followed over the subscriptions of a hub as well", "[rest_hook][websub]") {
    world w;
    callbacks target(w);
    websub_bed bed(w, target);
    const auto path = [](int i) { return "/hook/" + std::to_string(i); };
    for (int i = 0; i < 9; ++i) REQUIRE(bed.ask("subscribe", {}, "orders", path(i)) == 202);
    for (int i = 0; i < 4; ++i) {
        const json body{{"event", "t" + std::to_string(i)}, {"target_url", bed.callback()}};
        const auto r = w.request("POST", url_of(*bed.server, "/hooks"), body.dump(),
                                 {{"Content-Type", "application/json"}});
        REQUIRE(r.status == 201);
        w.advance(std::chrono::milliseconds(2));
    }
    std::vector<std::string> before;
    for (const auto& one : bed.shown()) before.push_back(one.at("id"));
    REQUIRE(before.size() == 13);
    std::string ended;
    const auto ids = ids_of(
        w, *bed.server, "/hooks?limit=2",
        [&](std::size_t page, const std::vector<std::string>& so) {
            if (page == 0) {  // renewed: a row of the same id
                for (int i = 0; i < 9; ++i)
                    REQUIRE(bed.ask("subscribe", {}, "orders", path(i)) == 202);
            }
            if (page != 2) return;
            for (const auto& one : bed.shown())
                if (!has(so, one.at("id")) && one.contains("hub_topic")) ended = one.at("id");
            REQUIRE(w.request("DELETE", url_of(*bed.server, "/hooks/" + ended)).status == 204);
            w.advance(websub_bed::tick);
        });
    CHECK(is_once(ids));
    REQUIRE_FALSE(ended.empty());
    for (const auto& id : before) CHECK(has(ids, id) == (id != ended));
}

}  // namespace tidings::test
