// SPDX-License-Identifier: BSL-1.0
// The suite must be able to fail: each fault that a transport could have is planted in front of
// every transport and behind it, and the suite's own check must find it, by its name. On the
// simulated network, where a case that waits in vain costs no time.
#include "matrix/run_case.hpp"
#include "support/catch2.hpp"

using namespace std::string_view_literals;
using namespace tidings::matrix;

namespace {

struct mutation {
    const char* name;
    fault planted;
    test_case found_by;
    const char* told_as;
};

// What is done to an event on its way, wherever that is.
const std::vector<mutation> on_the_way{
    {"drops one", fault::drop, &cases::order, "lost"},
    {"drops one of those direct", fault::drop, &cases::outlet, "lost"},
    {"drops one of one subscriber", fault::drop, &cases::two_subscribers, "lost"},
    {"drops one while connections are cut", fault::drop, &cases::cut, "lost"},
    {"swaps two", fault::swap, &cases::order, "out of order"},
    {"doubles one", fault::repeat, &cases::order, "doubled"},
    {"doubles one later", fault::repeat_late, &cases::order, "doubled"},
    {"alters a byte", fault::alter_byte, &cases::binary_data, "altered data"},
    {"alters a byte of text", fault::alter_byte, &cases::text_data, "altered data"},
    {"cuts at 64 KiB", fault::truncate, &cases::large_data, "altered data"},
    {"loses data", fault::lose_data, &cases::binary_data, "altered data"},
    {"takes empty data for none", fault::lose_empty_data, &cases::empty_data, "altered data"},
    {"takes no data for null", fault::invent_data, &cases::empty_data, "altered data"},
    {"formats JSON anew", fault::reformat_json, &cases::json_data, "altered data"},
    {"turns CR into LF", fault::turn_cr_into_lf, &cases::json_data, "altered data"},
    {"turns CR of text into LF", fault::turn_cr_into_lf, &cases::text_data, "altered data"},
    {"replaces what is not UTF-8", fault::replace_ill_formed, &cases::binary_data, "altered data"},
    {"loses an extension", fault::lose_extension, &cases::attributes, "extension no is gone"},
    {"makes text of numbers", fault::lose_types, &cases::attributes, "altered extension zero"},
    {"makes text of booleans", fault::lose_types, &cases::attributes, "altered extension no"},
    {"alters an extension", fault::alter_extension, &cases::attributes, "altered extension text"},
    {"makes an extension up", fault::invent_extension, &cases::attributes, "invented made up"},
    {"loses the subject", fault::lose_subject, &cases::attributes, "altered subject"},
    {"rounds the time", fault::round_time, &cases::attributes, "altered time"},
    {"alters the id", fault::alter_id, &cases::attributes, "stranger"},
    {"alters an id that the library made", fault::alter_id, &cases::ids_made_by_the_library,
     "stranger"},
    {"alters the type", fault::alter_type, &cases::attributes, "altered type"},
    {"alters the source", fault::alter_source, &cases::attributes, "altered source"},
    {"alters the schema", fault::alter_schema, &cases::attributes, "altered dataschema"},
    {"loses parameters of the content type", fault::lose_parameters, &cases::attributes,
     "altered datacontenttype"},
    {"alters the topic", fault::alter_topic, &cases::attributes, "altered topic"},
    {"never completes", fault::lose_completion, &cases::order, "never completed"},
    {"keeps what it was given", fault::keep, &cases::order, "publications"},
    {"keeps memory", fault::leak_memory, &cases::two_subscribers, "bytes of memory"},
    {"keeps a timer", fault::leak_timer, &cases::two_subscribers, "a timer"},
};

// What the receiving side does.
const std::vector<mutation> behind{
    {"forgets where an event is from", fault::forget_origin, &cases::no_echo, "no origin"},
    {"forgets it, bridged", fault::forget_origin, &cases::bridge, "doubled"},
    {"forgets it, polled", fault::forget_origin, &cases::bridge, "echo"},
    {"keeps its end to itself", fault::hide_unsubscribed, &cases::closed, "not told"},
};
const std::vector<mutation> in_front{
    {"takes what it cannot deliver any more", fault::hide_closed, &cases::closed, "not closed"},
    {"never ends", fault::skip_close, &cases::closed, "not closed"},
    {"is never cut", fault::skip_cuts, &cases::cut, "not cut"},
};

findings play(const row& r, const mutation& m, place where) {
    return run_case(r, m.found_by, plan{m.planted, where});
}

/// Whether the case can show the fault over this transport.
bool applies(const row& r, const mutation& m, place where) {
    world w(network_kind::simulated);
    const auto g = r.make(w)->guarantee();
    if (m.found_by == &cases::cut && !g.resumable && !g.at_least_once) return false;
    const bool at_outlet = m.found_by == &cases::outlet || m.planted == fault::hide_closed;
    if (at_outlet && !g.direct_outlet) return false;
    if (m.found_by == &cases::bridge && g.bridge_polls != (m.told_as == "echo"sv)) return false;
    if (m.planted == fault::lose_types && !g.keeps_types) return false;
    if (m.planted == fault::leak_memory && count_now().heap_bytes == 0) return false;
    // Behind the transport nobody asks for a completion; the transport itself does.
    if (m.planted == fault::lose_completion && where == place::after) return false;
    return true;
}

void check(const std::vector<mutation>& mutations, place where) {
    const auto row = GENERATE(from_range(rows_on(network_kind::simulated)));
    for (const auto& m : mutations) {
        if (!applies(row, m, where)) continue;
        INFO(row << ", a subscriber " << (where == place::before ? "in front" : "behind")
                 << " that " << m.name);
        const auto found = play(row, m, where);
        INFO("told as " << m.told_as << ", found:\n" << to_text(found));
        CHECK(tells(found, m.told_as));
    }
}

}  // namespace

TEST_CASE("a fault in front of any transport is found", "[matrix][mutations]") {
    check(on_the_way, place::before);
}

TEST_CASE("a fault behind any transport is found", "[matrix][mutations]") {
    check(on_the_way, place::after);
}

TEST_CASE("a receiving side that hides where an event is from, or its end, is found",
          "[matrix][mutations]") {
    check(behind, place::after);
}

TEST_CASE("an outlet that hides its end is found", "[matrix][mutations]") {
    check(in_front, place::before);
}

TEST_CASE("a repetition is absorbed by those who say so", "[matrix][mutations]") {
    const auto row = GENERATE(from_range(rows_on(network_kind::simulated)));
    INFO(row);
    world w(network_kind::simulated);
    if (!row.make(w)->guarantee().absorbs_repetitions) return;
    const auto found = run_case(row, &cases::order, plan{fault::repeat, place::before});
    INFO(to_text(found));
    CHECK_FALSE(tells(found, "came"));
}

TEST_CASE("what stands in front and behind without a fault is not found", "[matrix][mutations]") {
    const auto row = GENERATE(from_range(rows_on(network_kind::simulated)));
    for (const auto where : {place::before, place::after})
        for (const auto c : {&cases::attributes, &cases::order, &cases::outlet, &cases::bridge,
                             &cases::cut, &cases::closed}) {
            INFO(row);
            const auto found = run_case(row, c, plan{fault::none, where});
            INFO(to_text(found));
            CHECK(found.empty());
        }
}
