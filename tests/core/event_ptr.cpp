// SPDX-License-Identifier: BSL-1.0
#include "support/catch2.hpp"

#include <tidings/event_json.hpp>
#include <tidings/event_ptr.hpp>

#include <atomic>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace tidings::test {

namespace {

event_ptr frozen(event e, std::string_view topic = "a", publication_info info = {}) {
    error_code ec;
    auto p = publication::make(topic, std::move(e), std::move(info), ec);
    REQUIRE_FALSE(ec);
    REQUIRE(p);
    return p;
}

struct pose {
    int x = 0;
    int y = 0;
    friend bool operator==(const pose&, const pose&) = default;
};
void to_json(nlohmann::json& j, const pose& p) {
    j = {{"x", p.x}, {"y", p.y}};
}

TEST_CASE("freezing refuses what is wrong with the event or the topic", "[event]") {
    error_code ec;
    CHECK_FALSE(publication::make("a", event{"", "/s"}, {}, ec));
    CHECK(ec == errc::event_without_type);
    CHECK_FALSE(publication::make("a.*", event{"t", "/s"}, {}, ec));
    CHECK(ec == errc::bad_topic);
    CHECK(publication::make("_x", event{"t", "/s"}, {}, ec));  // reserved topics: the bus's
    CHECK_FALSE(ec);
    const auto p = frozen(event{"t", "/s"});
    CHECK_FALSE(publication::make("", p, {}, ec));
    CHECK(ec == errc::bad_topic);
}

TEST_CASE("a publication is counted while somebody holds it", "[event]") {
    const auto before = publication::live();
    {
        auto p = frozen(event{"t", "/s", "x"});
        CHECK(publication::live() == before + 1);
        auto copy = p;
        CHECK(copy == p);
        event_ptr moved(std::move(copy));
        CHECK_FALSE(copy);
        CHECK(copy == nullptr);
        copy = moved;
        copy = *&copy;
        p = nullptr;
        CHECK(publication::live() == before + 1);
        CHECK(moved->text() == "x");
    }
    CHECK(publication::live() == before);
}

TEST_CASE("a publication of the same content keeps the content, not the one in between",
          "[event]") {
    const auto before = publication::live();
    error_code ec;
    event_ptr third;
    {
        const auto first = frozen(event{"t", "/s", "x"});
        const auto second = publication::make("b", first, {}, ec);
        third = publication::make("c", second, {}, ec);
        CHECK(&third->event() == &first->event());
        CHECK(&third->content_forms() == &first->content_forms());
        static constexpr char tag = 0;
        second->store_form(&tag, "of the second");
        CHECK_FALSE(third->form(&tag));
    }
    CHECK(publication::live() == before + 2);
    CHECK(third->text() == "x");
    CHECK(third->topic() == "c");
}

TEST_CASE("what travels with the event is kept", "[event]") {
    error_code ec;
    publication_info info;
    info.position = position::parse("e:1", ec);
    info.origin = make_origin();
    info.hops = 3;
    const auto p = frozen(event{"t", "/s"}, "a.b", info);
    CHECK(p->topic() == "a.b");
    CHECK(p->position() == info.position);
    CHECK(p->sequence() == 1);
    CHECK(p->info().origin == info.origin);
    CHECK(p->info().hops == 3);
    CHECK(make_origin() != make_origin());
}

TEST_CASE("a commit gives the position, and forms that were made without it go", "[event]") {
    static constexpr char topical = 0, plain = 0;
    const auto p = frozen(event{"t", "/s"}, "a.b");
    p->store_form(&topical, "without a position");
    p->content_forms().store(&plain, "content");
    const auto epoch = std::make_shared<const std::string>("e");
    const auto committed = pending_publication(p).commit(position(epoch, 7));
    CHECK(committed == p);
    CHECK(committed->position()->text() == "e:7");
    CHECK(committed->sequence() == 7);
    CHECK_FALSE(committed->form(&topical));
    CHECK(committed->content_forms().find(&plain) != nullptr);
}

TEST_CASE("a publication counts for all that it holds", "[event]") {
    error_code ec;
    const auto footprint = [&](std::string_view topic, event e) {
        return publication::make(topic, std::move(e), {}, ec)->footprint();
    };
    const auto least = footprint("a", {"t", "/s"});
    CHECK(least > 0);
    CHECK(footprint("a.b", {"t", "/s"}) == least + 2);
    CHECK(footprint("a", {"t", "/s", "12345", ""}) == least + 5);
    CHECK(footprint("a", event("type", "/source").id("1").subject("22").data_schema("333")) ==
          least + 3 + 5 + 6);
    CHECK(footprint("a", event("t", "/s").extension("x", std::string(1000, 'y'))) > least + 1000);
    CHECK(footprint("a", event("t", "/s").extension("x", 7)) > least);
    // What shares its content keeps it alive.
    const auto e = publication::make("a", event("t", "/s", "12345", ""), {}, ec);
    CHECK(publication::make("longer", e, {}, ec)->footprint() == e->footprint() + 5);
}

TEST_CASE("an id is made when first asked for, once for all of the content", "[event]") {
    error_code ec;
    const auto p = frozen(event{"t", "/s"});
    const auto again = publication::make("b", p, {}, ec);
    CHECK(p->event().id().empty());
    CHECK_FALSE(p->id().empty());
    CHECK(p->id().data() == again->id().data());
    CHECK(p->id() != frozen(event{"t", "/s"})->id());
    CHECK(p->time().empty());  // it was not published

    using namespace std::chrono;
    const auto given = frozen(event{"t", "/s"}.id("mine").time(sys_days(year(2026) / 1 / 2) +
                                                               hours(3) + milliseconds(4250)));
    CHECK(given->id() == "mine");
    CHECK(given->time() == "2026-01-02T03:00:04.25Z");
}

TEST_CASE("attributes are read through the publication", "[event]") {
    const auto p =
        frozen(event{"t", "/s", "x", "text/x"}.subject("u").data_schema("d").extension("e", true));
    CHECK(p->type() == "t");
    CHECK(p->source() == "/s");
    CHECK(p->subject() == "u");
    CHECK(p->data_schema() == "d");
    CHECK(p->content_type() == "text/x");
    CHECK(std::get<bool>(*p->extension("e")));
    CHECK(p->extension("f") == nullptr);
    CHECK(p->has_data());
    CHECK(p->data().size() == 1);
}

TEST_CASE("data is read as JSON, or it is said why not", "[event]") {
    error_code ec;
    const auto p = frozen(event{"t", "/s", {{"total", 99}}});
    CHECK(p->json()["total"] == 99);
    CHECK(p->json(ec)["total"] == 99);
    CHECK_FALSE(ec);
    CHECK(frozen(event{"t", "/s", R"({"b":1,"a":2})"})->json<nlohmann::ordered_json>().dump() ==
          R"({"b":1,"a":2})");
    for (const auto* text : {"", "text", "{", "{\"a\":}", "1 2", "\"\xff\"", "nul"}) {
        INFO(text);
        const auto bad = frozen(event{"t", "/s", text});
        CHECK(bad->json(ec).is_null());
        CHECK(ec == errc::invalid_json);
        CHECK_THROWS_AS(bad->json(), boost::system::system_error);
    }
    CHECK(frozen(event{"t", "/s"})->json(ec).is_null());
    CHECK(ec == errc::invalid_json);
}

TEST_CASE("JSON that is nested without end is refused, whatever would be done with it", "[event]") {
    error_code ec;
    for (const std::string bracket : {"[", R"({"a":)"}) {
        std::string deep;
        for (int i = 0; i < 100'000; ++i) deep += bracket;
        if (bracket != "[") deep += '1';
        deep += std::string(100'000, bracket == "[" ? ']' : '}');
        const auto p = frozen(event{"t", "/s", deep, "application/json"});
        CHECK(p->json(ec).is_null());
        CHECK(ec == errc::invalid_json);
    }
    std::string shallow = std::string(500, '[') + std::string(500, ']');
    const auto p = frozen(event{"t", "/s", shallow, "application/json"});
    CHECK(p->json(ec).dump() == shallow);
    CHECK_FALSE(ec);
    // Brackets in text are no nesting.
    const auto text = nlohmann::json(std::string(100'000, '[') + "\"\\").dump();
    CHECK(frozen(event{"t", "/s", text, "application/json"})->json(ec).is_string());
    CHECK_FALSE(ec);
}

TEST_CASE("a C++ value is carried as it is, and has no bytes without a serialiser", "[event]") {
    const auto p = frozen(event::of("t", "/s", pose{1, 2}));
    REQUIRE(p->get<pose>() != nullptr);
    CHECK(*p->get<pose>() == pose{1, 2});
    CHECK(p->get<int>() == nullptr);
    CHECK(p->get<std::pair<int, int>>() == nullptr);
    CHECK(p->has_data());
    CHECK(p->content_type().empty());
    CHECK(p->text().empty());
    error_code ec;
    CHECK(p->data_bytes(ec) == nullptr);
    CHECK(ec == errc::event_no_wire_form);
    CHECK(p->json(ec).is_null());
    CHECK(ec == errc::event_no_wire_form);
    auto replaced = event::of("t", "/s", pose{});
    replaced.data("x", "text/plain");
    CHECK(replaced.get<pose>() == nullptr);
}

TEST_CASE("a C++ value that cannot be copied is carried, too", "[event]") {
    auto e = event::of("t", "/s", std::make_unique<int>(7));
    const auto p = frozen(std::move(e));
    CHECK(**p->get<std::unique_ptr<int>>() == 7);
}

TEST_CASE("a C++ value with a serialiser is serialised once, when a wire asks", "[event]") {
    int calls = 0;
    struct counting {
        int* calls;
        std::string_view content_type = "text/pose";
        error_code operator()(const pose& p, std::string& out) const {
            ++*calls;
            out = std::to_string(p.x) + ',' + std::to_string(p.y);
            return {};
        }
    };
    const auto p = frozen(event::of("t", "/s", pose{1, 2}, counting{&calls}));
    CHECK(p->content_type() == "text/pose");
    CHECK(calls == 0);
    CHECK(p->text() == "1,2");
    error_code ec;
    const auto again = publication::make("b", p, {}, ec);
    CHECK(*again->data_bytes(ec) == "1,2");
    CHECK(calls == 1);

    const auto as_json_value = frozen(event::of("t", "/s", pose{3, 4}, as_json));
    CHECK(as_json_value->content_type() == "application/json");
    CHECK(as_json_value->text() == R"({"x":3,"y":4})");
    CHECK(as_json_value->json()["y"] == 4);
}

TEST_CASE("a serialiser that fails or throws is an error, not an exception", "[event]") {
    error_code ec;
    const auto failing = [](const pose&, std::string&) -> error_code { return errc::too_large; };
    CHECK(frozen(event::of("t", "/s", pose{}, failing))->data_bytes(ec) == nullptr);
    CHECK(ec == errc::too_large);
    const auto throwing = [](const pose&, std::string&) -> error_code { throw 7; };
    const auto p = frozen(event::of("t", "/s", pose{}, throwing));
    CHECK(p->data_bytes(ec) == nullptr);
    CHECK(ec == errc::callback_threw);
    CHECK(p->text().empty());
    const auto starving = [](const pose&, std::string&) -> error_code { throw std::bad_alloc(); };
    CHECK(frozen(event::of("t", "/s", pose{}, starving))->data_bytes(ec) == nullptr);
    CHECK(ec == errc::out_of_memory);
    const auto bad_text = frozen(event::of("t", "/s", std::string("\xff"), as_json));
    CHECK(bad_text->data_bytes(ec) == nullptr);
    CHECK(ec == errc::invalid_utf8);
}

TEST_CASE("publications are shared between threads", "[event][threads]") {
    const auto before = publication::live();
    std::atomic<int> different{0};
    {
        error_code ec;
        const auto p = frozen(event::of("t", "/s", pose{1, 2}, as_json));
        const auto other = publication::make("b", p, {}, ec);
        std::vector<std::thread> threads;
        for (int t = 0; t < 4; ++t)
            threads.emplace_back([&] {
                for (int i = 0; i < 1000; ++i) {
                    const auto copy = i % 2 == 0 ? p : other;
                    error_code failed;
                    const auto mine = publication::make("c", copy, {}, failed);
                    if (mine->id().data() != p->id().data() || mine->text() != p->text())
                        ++different;
                }
            });
        for (auto& t : threads) t.join();
    }
    CHECK(different == 0);
    CHECK(publication::live() == before);
}

TEST_CASE("where a client took an event from is shared, counted, and costs others nothing",
          "[event][checkpoint]") {
    const auto plain = frozen({"t", "/s"});
    CHECK_FALSE(plain->info().remote);
    CHECK(plain->info().remote_position().empty());
    CHECK(plain->info().inlet() == 0);
    error_code ec;
    publication_info info;
    info.remote = new remote_origin(position::parse("epoch:7", ec), 42);
    const auto taken = frozen({"t", "/s"}, "a", info);
    CHECK(taken->info().remote_position().text() == "epoch:7");
    CHECK(taken->info().inlet() == 42);
    CHECK(taken->footprint() == plain->footprint() + sizeof(remote_origin) + 7);
    const auto again = publication::make("b", taken, taken->info(), ec);
    CHECK(again->info().remote == taken->info().remote);
    CHECK(again->footprint() == taken->footprint());
}

}  // namespace

}  // namespace tidings::test
