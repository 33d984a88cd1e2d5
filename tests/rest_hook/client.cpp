// SPDX-License-Identifier: BSL-1.0
// The client of the API.
#include "support/proof_bed.hpp"

#include <tidings/rest_hook/client.hpp>
#include <tidings/store/memory_table.hpp>
#include <tidings/test/faulty_table.hpp>
#include <tidings/webhook/make_secret.hpp>
#include <tidings/webhook/standard.hpp>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using nlohmann::json;

}  // namespace

TEST_CASE("the client subscribes a receiver, and takes it off again", "[rest_hook]") {
    world w;
    hook_bed bed(w);
    bus own(w.io());
    std::vector<std::string> seen;
    const auto watch = own.subscribe(">", [&](const event_ptr& e) {
        seen.push_back(std::string(e->topic()) + '=' + std::string(e->text()));
    });
    const std::string secret = "whsec_" + std::string(32, 'C');
    http::server here(w.io(), {.environment = w.environment()});
    here.mount("/in", webhook::receiver(own, webhook::from_standard({webhook::secret(secret)})));
    here.start();

    rest_hook::client client(w.io(), {.api_url = bed.url("/"),
                                      .event = "orders.>",
                                      .target_url = url_of(here, "/in"),
                                      .secret = secret,
                                      .environment = w.environment()});
    std::optional<std::pair<error_code, rest_hook::registration>> made;
    client.async_subscribe([&](error_code ec, rest_hook::registration r) { made = {ec, r}; });
    w.run_until([&] { return made.has_value(); });
    CHECK_FALSE(made->first);
    CHECK(made->second.secret == secret);
    CHECK(client.id() == made->second.id);

    bed.publish("orders.42.created", "hello");
    w.run_until([&] { return !seen.empty(); });
    CHECK(seen == std::vector<std::string>{"orders.42.created=hello"});

    std::optional<error_code> gone;
    client.async_unsubscribe([&](error_code ec) { gone = ec; });
    w.run_until([&] { return gone.has_value(); });
    CHECK_FALSE(*gone);
    CHECK(client.id().empty());
    CHECK(bed.get().body == "[]");
    gone.reset();
    client.async_unsubscribe([&](error_code ec) { gone = ec; });
    w.run_until([&] { return gone.has_value(); });
    CHECK(*gone == errc::not_found);
}

TEST_CASE("the client gets the secret that was made, and why it was refused", "[rest_hook]") {
    world w;
    struct row {
        std::string event, target, secret;
        error_code error;
    };
    const auto r = GENERATE(values<row>({
        {"a", "http://127.0.0.1:9/", "", {}},
        {"a..b", "http://127.0.0.1:9/", "", errc::hook_bad_event},
        {"a", "https://127.0.0.1:9/", "", errc::hook_bad_target},
        {"a", "http://127.0.0.1:9/", "short", errc::webhook_invalid_secret},
        {"a", "", "", errc::invalid_argument},
    }));
    CAPTURE(r.event, r.target, r.secret);
    hook_bed bed(w);
    std::string logged;
    rest_hook::client client(w.io(), {.api_url = bed.url(),
                                      .event = r.event,
                                      .target_url = r.target,
                                      .secret = r.secret,
                                      .log = [&](const log_record& l) { logged = l.message; },
                                      .environment = w.environment()});
    std::optional<std::pair<error_code, rest_hook::registration>> made;
    client.async_subscribe([&](error_code ec, rest_hook::registration s) { made = {ec, s}; });
    w.run_until([&] { return made.has_value(); });
    CHECK(made->first == r.error);
    CHECK(made->second.secret.starts_with("whsec_") == !r.error);
    CHECK(logged.empty() == !r.error);
    CHECK(client.id().empty() == static_cast<bool>(r.error));
}

TEST_CASE("the client says what else stood in the way", "[rest_hook]") {
    world w;
    world_sink server(w);
    struct row {
        unsigned status;
        std::string body;
        error_code error;
    };
    const auto r = GENERATE(values<row>({{401, "", errc::unauthorized},
                                         {403, "{}", errc::forbidden},
                                         {404, "x", errc::not_found},
                                         {409, "", errc::store_conflict},
                                         {429, "", errc::too_many},
                                         {503, "", errc::shutting_down},
                                         {500, "", errc::http_status},
                                         {302, "", errc::http_status},
                                         {422, "[]", errc::hook_bad_target},
                                         {201, "", errc::invalid_json},
                                         {201, "{}", errc::invalid_json},
                                         {201, R"({"id":7})", errc::invalid_json}}));
    CAPTURE(r.status, r.body);
    server.answer = [&](http::exchange& x) {
        CHECK(x.request().fields.get("authorization") == "Bearer token");
        x.respond({.status = r.status, .body = r.body});
    };
    rest_hook::client client(w.io(), {.api_url = server.url(),
                                      .event = "a",
                                      .target_url = "http://x/",
                                      .token = "token",
                                      .environment = w.environment()});
    std::optional<error_code> ended;
    client.async_subscribe([&](error_code ec, rest_hook::registration) { ended = ec; });
    w.run_until([&] { return ended.has_value(); });
    CHECK(*ended == r.error);
}

TEST_CASE("a client that ends completes what is under way", "[rest_hook]") {
    world w;
    world_sink server(w);
    std::optional<http::exchange> held;
    server.answer = [&](http::exchange& x) { held.emplace(std::move(x)); };
    std::optional<rest_hook::client> client(
        std::in_place, w.io(),
        rest_hook::client_options{.api_url = server.url(),
                                  .event = "a",
                                  .target_url = "http://x/",
                                  .environment = w.environment()});
    std::optional<error_code> ended;
    client->async_subscribe([&](error_code ec, rest_hook::registration) { ended = ec; });
    w.run_until([&] { return held.has_value(); });
    client.reset();
    w.run_until([&] { return ended.has_value(); });
    CHECK(*ended == errc::closed);
    held.reset();
}

TEST_CASE("a client's receiver agrees to what the client has subscribed, and to nothing else",
          "[rest_hook][proof]") {
    world w;
    proof_bed bed(w, asking_for(rest_hook::proof::echo));
    bus own(w.io());
    std::size_t seen = 0;
    const auto watch = own.subscribe(">", [&](const event_ptr&) { ++seen; });
    const std::string secret = "whsec_" + std::string(32, 'C');
    std::optional<rest_hook::client> client;
    http::server here(w.io(), {.environment = w.environment()});
    auto receiving = webhook::from_standard({webhook::secret(secret)});
    receiving.intent = [&](const http::request& r) { return client && client->intent()(r); };
    here.mount("/in", webhook::receiver(own, std::move(receiving)));
    here.start();
    client.emplace(w.io(), rest_hook::client_options{.api_url = bed.url(),
                                                     .event = "a",
                                                     .target_url = url_of(here, "/in"),
                                                     .secret = secret,
                                                     .environment = w.environment()});
    std::string id;
    client->async_subscribe([&](error_code ec, const rest_hook::registration& r) {
        CHECK_FALSE(ec);
        id = r.id;
    });
    w.run_until([&] { return !id.empty(); });
    // Somebody else's wish to send here.
    const auto theirs = bed.post(json{{"event", "a"}, {"url", url_of(here, "/in?theirs")}}.dump());
    REQUIRE(theirs.status == 201);
    w.advance(11s);
    CHECK(bed.state_of(id) == "active");
    CHECK(bed.state_of(json::parse(theirs.body).at("id")) == "pending");
    bed.publish("a");
    CHECK(seen == 1);
    const auto rule = client->intent();
    client.reset();
    http::request r{.fields = {{"X-Hook-Subscription", id}}};
    CHECK_FALSE(rule(r));
}

}  // namespace tidings::test
