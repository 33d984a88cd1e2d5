// SPDX-License-Identifier: BSL-1.0
// A subscription as a row of the table, and as an answer.
#include "support/catch2.hpp"

#include <tidings/rest_hook/impl/hook_outlet.hpp>
#include <tidings/rest_hook/impl/hook_view.hpp>
#include <tidings/rest_hook/impl/packed_hook.hpp>
#include <tidings/test/fixed_random.hpp>

#include <nlohmann/json.hpp>

#include <string>

namespace tidings::rest_hook::detail {

namespace {

using namespace std::chrono_literals;

const std::string good_secret = "whsec_" + std::string(32, 'A');       // 24 bytes
constexpr io::system_time new_year{std::chrono::seconds(1767225600)};  // 2026-01-01T00:00:00Z

hook_record full() {
    hook_record h;
    h.id = "hook_1";
    h.topics = {"orders.>", "\xc3\xa4.*"};
    h.filters = {R"({"exact":{"type":"a \"b\""}})", R"({"not":{"prefix":{"data.a":"\\"}}})"};
    h.target_url = "https://x/\"quoted\"";
    h.secret = good_secret;
    h.retired = {{"whsec_" + std::string(32, 'B'), new_year + 1h}};
    h.state = hook_state::disabled;
    h.reason = "it \\ failed";
    h.created_at = "2026-01-01T00:00:00Z";
    h.updated_at = "2026-01-02T00:00:00Z";
    h.resumed_at = "2026-01-03T00:00:00Z";
    h.owner = "J\xc3\xb6rg \\ \n";
    h.description = "of \"mine\"";
    h.form = webhook::body_form::structured;
    h.order = webhook::delivery_order::partition;
    h.retry = retry_preset::svix;
    h.rate = {.thousandths = 2050, .burst = 7};
    h.shown_by = proof::consent;
    h.per_minute = 60;
    h.headers = {{"Authorization", "Bearer \"x\""}, {"X-A", "b"}};
    h.metadata = {{"team", "shop"}, {"", ""}};
    h.permitted_until = new_year + 24h;
    h.lease_until = new_year + 2h;
    return h;
}

}  // namespace

TEST_CASE("a packed row is the record again", "[rest_hook]") {
    auto h = full();
    h.state = hook_state::pending;
    h.description.assign(20'000, 'd');  // its size takes three bytes
    h.question = {"t\0ken", hook_state::paused, 3, new_year + 1min, new_year + 2min, true};
    h.announced = new_year + 2h;
    const bool by_hub = GENERATE(false, true);
    if (by_hub) {
        auto& w = h.websub.emplace();
        w = {"https://topic", "https://hub", digest::sha384, "since", {}};
        w.wish = {websub_mode::denied, "a.>", "a secret",    "https://other",
                  digest::sha512,      90s,   new_year + 3h, "it does"};
    }
    test::fixed_random random;
    const hook_index index(random);
    const packed_hook packed(h, index);
    const auto back = packed.unpack();
    CHECK(back.id == h.id);
    CHECK(to_row_value(back) == to_row_value(h));  // all of it but for the next
    CHECK(back.question == h.question);
    CHECK(back.headers == h.headers);
    CHECK(packed.owner() == h.owner);
    CHECK(packed.reason() == h.reason);
    CHECK(packed.state() == h.state);
    CHECK(packed.by_hub() == by_hub);
    CHECK(packed.is_asked());
    CHECK(packed.has_ended_question());
    std::vector<std::string> topics;
    CHECK_FALSE(packed.any_topic([&](auto topic) {
        topics.emplace_back(topic);
        return false;
    }));
    CHECK(topics == h.topics);
    const auto entry = packed.entry(), made = index.entry_of(h);
    CHECK(entry.id == h.id);
    CHECK(entry.owner == h.owner);
    CHECK(entry.key == made.key);
    CHECK(entry.held == bytes_held(h));
    CHECK(entry.expires == h.expires());
    CHECK(entry.unannounced == h.is_unannounced());
}

TEST_CASE("an empty packed row is an empty record", "[rest_hook]") {
    const packed_hook none;
    CHECK(to_row_value(none.unpack()) == to_row_value(hook_record()));
    CHECK(none.state() == hook_state::active);
    CHECK_FALSE(none.any_topic([](auto) { return true; }));
    CHECK_FALSE((none.by_hub() || none.is_asked() || none.has_ended_question()));
}

TEST_CASE("a row is read back as it was written", "[rest_hook]") {
    const auto h = full();
    const auto value = to_row_value(h);
    const auto back = read_row({h.id, value, 7});
    REQUIRE(back);
    CHECK(to_row_value(*back) == value);
    CHECK(back->id == h.id);
    CHECK(back->topics == h.topics);
    CHECK(back->filters == h.filters);
    CHECK(back->target_url == h.target_url);
    CHECK(back->secret == h.secret);
    CHECK(back->retired == h.retired);
    CHECK(back->state == h.state);
    CHECK(back->reason == h.reason);
    CHECK(back->created_at == h.created_at);
    CHECK(back->updated_at == h.updated_at);
    CHECK(back->resumed_at == h.resumed_at);
    CHECK(back->owner == h.owner);
    CHECK(back->description == h.description);
    CHECK(back->form == h.form);
    CHECK(back->order == h.order);
    CHECK(back->retry == h.retry);
    CHECK(back->rate == h.rate);
    CHECK(back->headers == h.headers);
    CHECK(back->metadata == h.metadata);
    CHECK(back->permitted_until == h.permitted_until);
    CHECK(back->lease_until == h.lease_until);
    CHECK(back->expires() == h.lease_until);
}

TEST_CASE("a row of an older version is read", "[rest_hook]") {
    // As 7b8d01d wrote it.
    const std::string value =
        R"({"event":"orders.>","target_url":"https://example.com/hook?key=1",)"
        R"("secret":"whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",)"
        R"("created_at":"2026-11-28T10:00:00.5Z","owner":"J\u00f6rg",)"
        R"("expires_at":"2027-01-01T00:00:00Z"})";
    const auto h = read_row({"hook_old", value, 3});
    REQUIRE(h);
    CHECK(h->topics == std::vector<std::string>{"orders.>"});
    CHECK(h->target_url == "https://example.com/hook?key=1");
    CHECK(h->secret == good_secret);
    CHECK(h->created_at == "2026-11-28T10:00:00.5Z");
    CHECK(h->owner == "J\xc3\xb6rg");
    REQUIRE(h->expires());
    CHECK(to_text(*h->expires()) == "2027-01-01T00:00:00Z");
    CHECK(h->state == hook_state::active);
    CHECK(h->retry == retry_preset::sender);
    CHECK_FALSE(h->form);
    CHECK(h->filters.empty());
}

TEST_CASE("a row that is not one of ours is passed over", "[rest_hook]") {
    const auto value = GENERATE(
        as<std::string>(), "", "x", "{}", "[]", "7", R"({"event":"a","target_url":"https://x"})",
        R"({"event":"a..b","target_url":"https://x","secret":"s"})",
        R"({"event":1,"target_url":"https://x","secret":"s"})",
        R"({"event":"a","target_url":"","secret":"s"})",
        R"({"topics":[],"target_url":"https://x","secret":"s"})",
        R"({"topics":["a",1],"target_url":"https://x","secret":"s"})",
        R"({"topics":["a","b..c"],"target_url":"https://x","secret":"s"})",
        R"({"topics":"a","target_url":"https://x","secret":"s"})",
        R"({"event":"a","target_url":"https://x","secret":"s","state":"asleep"})",
        R"({"event":"a","target_url":"https://x","secret":"s","form":"later"})",
        R"({"event":"a","target_url":"https://x","secret":"s","filters":{}})",
        R"({"event":"a","target_url":"https://x","secret":"s","filters":[1]})",
        R"({"event":"a","target_url":"https://x","secret":"s","filters":[[]]})",
        R"({"event":"a","target_url":"https://x","secret":"s","filters":[{"sql":"TRUE"}]})",
        R"({"event":"a","target_url":"https://x","secret":"s","rate":5})",
        R"({"event":"a","target_url":"https://x","secret":"s","rate":{"per_second":-1}})",
        R"({"event":"a","target_url":"https://x","secret":"s","headers":[]})",
        R"({"event":"a","target_url":"https://x","secret":"s","metadata":{"a":1}})",
        R"({"event":"a","target_url":"https://x","secret":"s","lease_until":"soon"})",
        R"({"event":"a","target_url":"https://x","secret":"s","retired":[{"until":"x"}]})",
        R"({"event":"a","target_url":"https://x","websub":[]})",
        R"({"event":"a","target_url":"https://x","websub":{}})",
        R"({"event":"a","target_url":"https://x","websub":{"topic":"https://y","digest":"md5"}})",
        R"({"event":"a","target_url":"https://x","websub":{"topic":"https://y","mode":"later"}})",
        R"({"event":"a","target_url":"https://x","websub":{"topic":"https://y","mode":"denied"}})");
    CAPTURE(value);
    CHECK_FALSE(read_row({"id", value, 1}));
}

TEST_CASE("a question is read back as it was written, and only while there is one",
          "[rest_hook][proof]") {
    auto h = full();
    h.question = {.token = "token",
                  .then = hook_state::paused,
                  .asked = 3,
                  .next = new_year + 1min,
                  .until = new_year + 24h,
                  .ended = true};
    CHECK(to_row_value(h).find("token") == std::string::npos);
    h.state = hook_state::pending;
    const auto back = read_row({h.id, to_row_value(h), 7});
    REQUIRE(back);
    CHECK(back->question == h.question);
    CHECK(back->shown_by == h.shown_by);
    CHECK(back->per_minute == h.per_minute);
    const hook_view v{*back, 7, {hook_state::pending, ""}};
    CHECK(to_json(v, {}, true).find("token") == std::string::npos);
    h.question.then = hook_state::pending;  // for ever
    CHECK_FALSE(read_row({h.id, to_row_value(h), 7}));
}

TEST_CASE("what a hub has of a subscription is read back as it was written",
          "[rest_hook][websub]") {
    auto h = full();
    h.secret.clear();
    h.state = hook_state::active;
    auto& w = h.websub.emplace();
    w = {.topic = "https://hub.example/topics/a", .hub = "https://hub.example/hub"};
    w.function = digest::sha512;
    const auto stands = read_row({h.id, to_row_value(h), 7});
    REQUIRE(stands);
    CHECK(stands->secret.empty());
    CHECK_FALSE(stands->is_asked());
    REQUIRE(stands->expires());
    CHECK(stands->expires() == stands->ends());

    w.wish = {.mode = websub_mode::subscribe,
              .pattern = "orders.*",
              .secret = "whisper",
              .lease = 864'000s,
              .permitted_until = new_year + 24h,
              .reason = "why"};
    h.question = {.token = "token", .asked = 1, .next = new_year, .until = new_year + 1h};
    const auto back = read_row({h.id, to_row_value(h), 7});
    REQUIRE(back);
    REQUIRE(back->websub);
    CHECK(back->websub->topic == w.topic);
    CHECK(back->websub->hub == w.hub);
    CHECK(back->websub->function == w.function);
    CHECK(back->websub->wish.mode == w.wish.mode);
    CHECK(back->websub->wish.pattern == w.wish.pattern);
    CHECK(back->websub->wish.secret == w.wish.secret);
    CHECK(back->websub->wish.lease == w.wish.lease);
    CHECK(back->websub->wish.permitted_until == w.wish.permitted_until);
    CHECK(back->websub->wish.reason == w.wish.reason);
    CHECK(back->question == h.question);
    CHECK(back->is_asked());
    CHECK_FALSE(back->expires());  // it is being renewed
    CHECK(back->ends() == stands->ends());
    const auto shown = to_json({*back, 7, {}, nullptr}, {}, true);
    CHECK(shown.find("whisper") == shown.npos);
    CHECK(shown.find("https://hub.example/topics/a") != shown.npos);
}

TEST_CASE("an answer shows no secret but one that was just made", "[rest_hook]") {
    const hook_view v{full(), 7, {hook_state::disabled, "it failed"}};
    const auto text = to_json(v, webhook::body_form::binary);
    CHECK(text.find("whsec_") == text.npos);
    CHECK(text.find("Bearer") == text.npos);
    const auto shown = nlohmann::json::parse(text);
    CHECK(shown ==
          nlohmann::json{
              {"id", "hook_1"},
              {"filters",
               nlohmann::json::parse(
                   R"([{"exact":{"type":"a \"b\""}},{"not":{"prefix":{"data.a":"\\"}}}])")},
              {"topics", {"orders.>", "\xc3\xa4.*"}},
              {"target_url", "https://x/\"quoted\""},
              {"active", false},
              {"state", "disabled"},
              {"reason", "it failed"},
              {"description", "of \"mine\""},
              {"content_mode", "structured"},
              {"proof", "consent"},
              {"order", "partition"},
              {"rate", {{"per_second", 2.05}, {"burst", 7}}},
              {"retry", "svix"},
              {"headers", {{"Authorization", "***"}, {"X-A", "***"}}},
              {"metadata", {{"team", "shop"}, {"", ""}}},
              {"owner", "J\xc3\xb6rg \\ \n"},
              {"created_at", "2026-01-01T00:00:00Z"},
              {"updated_at", "2026-01-02T00:00:00Z"},
              {"expiration_date", "2026-01-01T02:00:00Z"}});
    const auto told = nlohmann::json::parse(to_json(v, webhook::body_form::binary, true));
    CHECK(told.at("secret") == good_secret);
}

TEST_CASE("If-Match has the tag of a revision, among others or as a star", "[rest_hook]") {
    CHECK(tag_of(7) == "\"7\"");
    CHECK(tag_matches("\"7\"", 7));
    CHECK(tag_matches("\"6\" , \"7\"", 7));
    CHECK(tag_matches("*", 7));
    CHECK_FALSE(tag_matches("\"8\"", 7));
    CHECK_FALSE(tag_matches("7", 7));
    CHECK_FALSE(tag_matches("W/\"7\"", 7));  // RFC 9110 8.8.3.2
    CHECK_FALSE(tag_matches("", 7));
}

TEST_CASE("an endpoint is made of a subscription", "[rest_hook]") {
    error_code ec;
    auto h = full();
    const auto o = endpoint_options_of(h, webhook::body_form::binary, ec);
    CHECK_FALSE(ec);
    CHECK(o.url == h.target_url);
    CHECK(o.id == "hook_1");
    CHECK(o.owner == h.owner);
    CHECK(o.form == webhook::body_form::structured);
    CHECK(o.order == webhook::delivery_order::partition);
    REQUIRE(o.retry);
    CHECK(o.retry->delays.size() == 8);
    CHECK(o.fields.get("authorization") == "Bearer \"x\"");
    CHECK(o.fields.get("x-hook-subscription") == "hook_1");
    CHECK(o.rate.per_second == 1);  // what the target has consented to is less
    CHECK(o.rate.burst == 1);
    CHECK(o.signer);

    h.retry = retry_preset::exponential;
    h.form.reset();
    h.per_minute = 0;
    const auto other = endpoint_options_of(h, webhook::body_form::binary, ec);
    CHECK(other.form == webhook::body_form::binary);
    CHECK(other.retry->delays.size() == 11);
    CHECK(other.rate.per_second == 2.05);
    CHECK(other.rate.burst == 7);
    CHECK(other.retry->delays.at(1) == 30s);
    CHECK(other.retry->delays.back() == 30s * 512);
    h.retry = retry_preset::none;
    CHECK(endpoint_options_of(h, {}, ec).retry->delays.size() == 1);
    h.retry = retry_preset::sender;
    CHECK_FALSE(endpoint_options_of(h, {}, ec).retry);
    h.secret = "x";
    endpoint_options_of(h, {}, ec);
    CHECK(ec == errc::webhook_invalid_secret);
}

}  // namespace tidings::rest_hook::detail
