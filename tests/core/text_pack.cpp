// SPDX-License-Identifier: BSL-1.0
#include "support/catch2.hpp"

#include <tidings/detail/text_pack.hpp>
#include <tidings/event.hpp>

#include <array>
#include <map>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>

namespace tidings::test {

namespace {

using pack = detail::text_pack;

constexpr std::array every_field = {pack::type,        pack::source,       pack::id,  pack::subject,
                                    pack::data_schema, pack::content_type, pack::data};

TEST_CASE("texts of every length are copied whole, and nothing beside them", "[event]") {
    for (std::size_t size = 0; size <= 40; ++size) {
        const auto from = std::string("0123456789abcdefghijklmnopqrstuvwxyzABCDE").substr(0, size);
        std::string to(size + 2, '.');
        detail::copy_text(to.data() + 1, from.data(), from.size());
        CHECK(to == '.' + from + '.');
    }
    std::string same = "same";
    detail::copy_text(same.data(), nullptr, 0);
    CHECK(same == "same");
}

TEST_CASE("a pack is what was set last, whatever came before", "[event]") {
    std::mt19937 random(7);
    for (int round = 0; round < 200; ++round) {
        std::map<pack::field, std::string> model;
        pack p;
        for (int step = 0; step < 60; ++step) {
            const auto field = every_field[random() % every_field.size()];
            const std::string text(random() % (random() % 8 == 0 ? 300 : 24),
                                   char('a' + step % 26));
            p.set(field, text);
            model[field] = text;
            if (random() % 4 == 0) {
                pack copy(p);
                p = pack("other", "other", std::string(random() % 300, 'o'));
                p = std::move(copy);
            }
            for (const auto f : every_field) REQUIRE(p.get(f) == model[f]);
        }
    }
}

TEST_CASE("a text may be set to a part of its own pack", "[event]") {
    pack p("0123456789", "source", "data");
    p.set(pack::type, p.get(pack::type).substr(3));
    CHECK(p.get(pack::type) == "3456789");
    p.set(pack::id, p.get(pack::source));
    CHECK(p.get(pack::id) == "source");
    p.set(pack::subject, std::string(100, 'x'));
    p.set(pack::data_schema, p.get(pack::subject));
    CHECK(p.get(pack::data_schema) == std::string(100, 'x'));
    p.set(pack::content_type, p.get(pack::data_schema));
    CHECK(p.get(pack::content_type) == std::string(100, 'x'));
    CHECK(p.get(pack::type) == "3456789");
    auto& same = p;
    p = same;
    p = std::move(same);
    CHECK(p.get(pack::subject) == std::string(100, 'x'));
}

TEST_CASE("a pack that was moved from takes texts again", "[event]") {
    for (const std::size_t size : {1U, 500U}) {
        pack from("type", "source", std::string(size, 'd'));
        const pack to(std::move(from));
        from.set(pack::type, "new");  // NOLINT(bugprone-use-after-move): what is tested
        from.set(pack::data, std::string(size + 1, 'e'));
        CHECK(from.get(pack::type) == "new");
        CHECK(from.get(pack::data) == std::string(size + 1, 'e'));
        CHECK(to.get(pack::type) == "type");
        CHECK(to.get(pack::data) == std::string(size, 'd'));
    }
}

// What is short stands in the pack, what is long in a string of its own.
TEST_CASE("data of every length goes with its event", "[event]") {
    for (const std::size_t size : {0U, 1U, 100U, 255U, 256U, 257U, 5000U}) {
        CAPTURE(size);
        const std::string text(size, 'd');
        event given_later("type", "/source");
        given_later.data(text, "a/b");
        for (auto e : {event("type", "/source", text), given_later}) {
            CHECK(e.text() == text);
            CHECK(e.data().size() == size);
            CHECK(e.has_data());
            const auto copy = e;
            auto moved = std::move(e);
            CHECK(moved.id("i").text() == text);
            CHECK(copy.text() == text);
            moved.data("another", "c/d");
            CHECK(moved.text() == "another");
            CHECK(moved.content_type() == "c/d");
            CHECK(copy.text() == text);
            CHECK(moved.data(std::string(300, 'x'), copy.content_type()).text().size() == 300);
            CHECK(moved.content_type() == copy.content_type());
        }
    }
}

TEST_CASE("content types that are known are as others", "[event]") {
    for (const std::string type : {"text/plain; charset=utf-8", "application/json", "a/b", ""}) {
        event e("t", "/s", "x", type);
        CHECK(e.content_type() == type);
        e.data("y", "text/plain; charset=utf-8");
        CHECK(e.content_type() == "text/plain; charset=utf-8");
        e.data("y", type);
        CHECK(e.content_type() == type);
        e.data("y", e.content_type());
        CHECK(e.content_type() == type);
    }
}

}  // namespace

}  // namespace tidings::test
