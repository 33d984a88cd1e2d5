// SPDX-License-Identifier: BSL-1.0
#include "support/catch2.hpp"

#include <tidings/store/outbox.hpp>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/io_context.hpp>

#include <optional>

namespace tidings::store {

namespace {

using namespace std::chrono_literals;
using state = outbox_result::state;
using texts = std::vector<std::string>;

const outbox_time start{std::chrono::hours(1000)};

/// An outbox whose operations are done when the call returns.
class outbox_fixture {
 public:
    void append(std::string endpoint, std::string id, std::chrono::seconds due = 0s) {
        std::vector<outbox_entry> one(1);
        one[0].endpoint = std::move(endpoint);
        one[0].message_id = std::move(id);
        one[0].due = start + due;
        outbox_->start_append(std::move(one), done());
        run();
    }
    outbox_claim claim(std::size_t max = 100, std::size_t each = 100, texts except = {},
                       std::chrono::seconds at = 0s) {
        outbox_claim claimed;
        outbox_->start_claim({start + at, max, each, std::move(except)},
                             {io_.get_executor(), [&](error_code ec, outbox_claim c) {
                                  CHECK_FALSE(ec);
                                  claimed = std::move(c);
                              }});
        run();
        return claimed;
    }
    void finish(std::vector<outbox_result> results) {
        outbox_->start_finish(std::move(results), done());
        run();
    }
    void retain(std::chrono::seconds before) {
        outbox_->start_retain(start + before, done());
        run();
    }
    std::vector<outbox_listed> list(std::string endpoint = {}, std::uint64_t after = 0,
                                    std::size_t max = 100) {
        std::vector<outbox_listed> page;
        outbox_->start_list(std::move(endpoint), after, max,
                            {io_.get_executor(), [&](error_code, std::vector<outbox_listed> p) {
                                 page = std::move(p);
                             }});
        run();
        return page;
    }

 private:
    outbox::done_handler done() {
        return {io_.get_executor(), [](error_code ec) { CHECK_FALSE(ec); }};
    }
    void run() {
        io_.restart();
        CHECK(io_.poll() == 1);  // every operation completes, once, by posting
    }
    net::io_context io_;
    std::shared_ptr<outbox> outbox_ = make_memory_outbox();
};

texts ids_of(const outbox_claim& c) {
    texts ids;
    for (const auto& e : c.entries) ids.push_back(e.message_id);
    return ids;
}

}  // namespace

TEST_CASE("entries are claimed once, in order of due time, then of age", "[store]") {
    outbox_fixture o;
    o.append("a", "late", 2s);
    o.append("a", "1", 0s);
    o.append("b", "2", 0s);
    o.append("a", "3", 0s);
    o.append("a", "early", -5s);
    const auto first = o.claim();
    CHECK(ids_of(first) == texts{"early", "1", "2", "3"});
    CHECK(first.next_due == start + 2s);
    CHECK(o.claim().entries.empty());
    CHECK(ids_of(o.claim(100, 100, {}, 2s)) == texts{"late"});
    CHECK_FALSE(o.claim().next_due);
}

TEST_CASE("a claim takes no more than it asks for, and says that more is due", "[store]") {
    outbox_fixture o;
    for (int i = 0; i < 5; ++i) o.append("a", std::to_string(i));
    const auto first = o.claim(3);
    CHECK(ids_of(first) == texts{"0", "1", "2"});
    CHECK(first.next_due == start);
    CHECK(ids_of(o.claim(3)) == texts{"3", "4"});
}

TEST_CASE("one endpoint's backlog leaves room for the others", "[store]") {
    outbox_fixture o;
    for (int i = 0; i < 5; ++i) o.append("slow", "s" + std::to_string(i));
    o.append("quick", "q");
    const auto c = o.claim(100, 2);
    CHECK(ids_of(c) == texts{"s0", "s1", "q"});
    // What is left is the slow one's, which has all it may have.
    CHECK_FALSE(c.next_due);
    CHECK(ids_of(o.claim(100, 2)) == texts{"s2", "s3"});
}

TEST_CASE("an excepted endpoint is left alone, and not waited for", "[store]") {
    outbox_fixture o;
    o.append("a", "1");
    o.append("b", "2");
    o.append("b", "3", 9s);
    const auto c = o.claim(100, 100, {"a"});
    CHECK(ids_of(c) == texts{"2"});
    CHECK(c.next_due == start + 9s);
    CHECK(ids_of(o.claim()) == texts{"1"});
}

TEST_CASE("a settled entry is gone, due again or kept for looking", "[store]") {
    outbox_fixture o;
    for (const auto* id : {"done", "retry", "dead"}) o.append("a", id);
    const auto c = o.claim();
    const auto key = [&](std::size_t i) { return c.entries.at(i).key; };
    o.finish({{key(0), state::done, 1, start, {}},
              {key(1), state::retry, 1, start + 5s, errc::http_status},
              {key(2), state::dead, 9, start, errc::webhook_exhausted}});
    CHECK(o.claim().entries.empty());
    CHECK(o.claim().next_due == start + 5s);

    const auto listed = o.list();
    REQUIRE(listed.size() == 2);
    CHECK(listed[0].state == outbox_state::pending);
    CHECK(listed[0].entry.attempts == 1);
    CHECK(listed[1].state == outbox_state::dead);
    CHECK(listed[1].entry.last_error == errc::webhook_exhausted);

    const auto again = o.claim(100, 100, {}, 5s);
    CHECK(ids_of(again) == texts{"retry"});
    CHECK(again.entries[0].attempts == 1);
    CHECK(again.entries[0].last_error == errc::http_status);
    // Settled twice, or never claimed: ignored.
    o.finish({{key(0), state::retry, 1, start, {}}, {12345, state::done, 1, start, {}}});
    CHECK(o.list().size() == 2);
}

TEST_CASE("an entry that is due again earlier than another comes first", "[store]") {
    outbox_fixture o;
    o.append("a", "1", 0s);
    const auto c = o.claim();
    o.append("a", "2", 4s);
    o.append("a", "3", 6s);
    o.finish({{c.entries[0].key, state::retry, 1, start + 5s, {}}});
    CHECK(o.claim().next_due == start + 4s);
    CHECK(ids_of(o.claim(100, 100, {}, 9s)) == texts{"2", "1", "3"});
}

TEST_CASE("entries given up long ago are dropped, others are not", "[store]") {
    outbox_fixture o;
    for (const auto* id : {"old", "new", "pending"}) o.append("a", id);
    const auto c = o.claim();
    o.finish({{c.entries[0].key, state::dead, 1, start, {}},
              {c.entries[1].key, state::dead, 1, start + 10s, {}},
              {c.entries[2].key, state::retry, 1, start, {}}});
    o.retain(10s);
    const auto listed = o.list();
    REQUIRE(listed.size() == 2);
    CHECK(listed[0].entry.message_id == "new");
    CHECK(listed[1].entry.message_id == "pending");
}

TEST_CASE("the list is paged by key and filtered by endpoint", "[store]") {
    outbox_fixture o;
    for (int i = 0; i < 4; ++i) o.append(i % 2 == 0 ? "even" : "odd", std::to_string(i));
    CHECK(o.list({}, 0, 3).size() == 3);
    const auto rest = o.list({}, o.list({}, 0, 3).back().entry.key, 3);
    REQUIRE(rest.size() == 1);
    CHECK(rest[0].entry.message_id == "3");
    CHECK(o.list("even").size() == 2);
    CHECK(o.list("none").empty());
}

}  // namespace tidings::store
