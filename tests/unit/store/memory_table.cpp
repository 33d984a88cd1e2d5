// SPDX-License-Identifier: BSL-1.0
#include "support/catch2.hpp"

#include <tidings/store/table.hpp>

#include <boost/asio/io_context.hpp>

#include <optional>

namespace tidings::store {

namespace {

using texts = std::vector<std::string>;

/// A table whose operations are done when the call returns.
class table_fixture {
 public:
    std::pair<error_code, std::uint64_t> put(std::string key, std::string value,
                                             std::uint64_t expected = 0) {
        std::pair<error_code, std::uint64_t> result;
        rows->start_put(std::move(key), std::move(value), expected,
                        {io_.get_executor(), [&](error_code ec, std::uint64_t revision) {
                             result = {ec, revision};
                         }});
        run();
        return result;
    }
    error_code erase(std::string key, std::uint64_t expected = 0) {
        error_code result;
        rows->start_erase(std::move(key), expected,
                          {io_.get_executor(), [&](error_code ec) { result = ec; }});
        run();
        return result;
    }
    std::pair<error_code, row> get(std::string key) {
        std::pair<error_code, row> result;
        rows->start_get(std::move(key), {io_.get_executor(), [&](error_code ec, row r) {
                                             result = {ec, std::move(r)};
                                         }});
        run();
        return result;
    }
    texts scan(std::string after, std::size_t max) {
        texts keys;
        rows->start_scan(std::move(after), max,
                         {io_.get_executor(), [&](error_code ec, std::vector<row> page) {
                              CHECK_FALSE(ec);
                              for (auto& r : page) keys.push_back(std::move(r.key));
                          }});
        run();
        return keys;
    }
    std::shared_ptr<table> rows = make_memory_table();

 private:
    void run() {
        io_.restart();
        CHECK(io_.poll() == 1);
    }
    net::io_context io_;
};

}  // namespace

TEST_CASE("a row is written only over the revision that was expected", "[store]") {
    table_fixture t;
    CHECK(t.get("a").first == errc::not_found);
    const auto [ec, revision] = t.put("a", "1");
    CHECK_FALSE(ec);
    CHECK(t.put("a", "2").first == errc::store_conflict);
    CHECK(t.put("a", "2", revision + 1).first == errc::store_conflict);
    CHECK(t.put("b", "2", revision).first == errc::store_conflict);
    const auto second = t.put("a", "2", revision);
    CHECK_FALSE(second.first);
    CHECK(second.second > revision);
    const auto [none, r] = t.get("a");
    CHECK_FALSE(none);
    CHECK(r.value == "2");
    CHECK(r.revision == second.second);
}

TEST_CASE("a row is erased at the revision that was expected, or at any", "[store]") {
    table_fixture t;
    CHECK(t.erase("a") == errc::not_found);
    const auto revision = t.put("a", "1").second;
    CHECK(t.erase("a", revision + 1) == errc::store_conflict);
    CHECK_FALSE(t.erase("a", revision));
    CHECK(t.erase("a") == errc::not_found);
    t.put("a", "1");
    CHECK_FALSE(t.erase("a"));
}

TEST_CASE("rows are scanned by key, page by page", "[store]") {
    table_fixture t;
    for (const auto* key : {"c", "a", "d", "b"}) t.put(key, "");
    CHECK(t.scan("", 3) == texts{"a", "b", "c"});
    CHECK(t.scan("c", 3) == texts{"d"});
    CHECK(t.scan("d", 3).empty());
    CHECK(t.scan("bb", 1) == texts{"c"});
}

TEST_CASE("a watch tells of every change until it ends", "[store]") {
    table_fixture t;
    t.put("before", "");
    texts seen;
    auto watch = t.rows->watch([&](const row_change& r) {
        seen.push_back(r.key + '=' + r.value + (r.revision == 0 ? " gone" : ""));
    });
    const auto revision = t.put("a", "1").second;
    t.put("a", "refused");
    t.put("a", "2", revision);
    t.erase("a");
    t.erase("a");
    CHECK(seen == texts{"a=1", "a=2", "a= gone"});
    watch.reset();
    t.put("a", "3");
    CHECK(seen.size() == 3);
}

TEST_CASE("a watch may end itself, or another, while it is told", "[store]") {
    table_fixture t;
    texts seen;
    watch_handle first;
    watch_handle second;
    watch_handle third;
    first = t.rows->watch([&](const row_change&) {
        seen.push_back("first");
        first.reset();
        second.reset();
    });
    second = t.rows->watch([&](const row_change&) { seen.push_back("second"); });
    third = t.rows->watch([&](const row_change&) { seen.push_back("third"); });
    t.put("a", "1");
    CHECK(seen == texts{"first", "third"});
    t.put("b", "1");
    CHECK(seen == texts{"first", "third", "third"});
}

TEST_CASE("a watch may outlive its table", "[store]") {
    auto rows = make_memory_table();
    const auto watch = rows->watch([](const row_change&) {});
    rows.reset();
}

}  // namespace tidings::store
