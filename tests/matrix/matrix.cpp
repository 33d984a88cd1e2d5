// SPDX-License-Identifier: BSL-1.0
// One suite for every transport. It knows of a transport only what matrix/transport.hpp says: how
// to connect a bus to a subscriber over it, and what it promises.
#include "matrix/run_case.hpp"
#include "support/catch2.hpp"

using namespace tidings::matrix;

namespace {

void check_every_row(test_case c) {
    const auto row = GENERATE(from_range(every_row()));
    INFO(row);
    const auto found = run_case(row, c);
    INFO(to_text(found));
    CHECK(found.empty());
}

}  // namespace

TEST_CASE("every attribute and extension arrives as it was sent", "[matrix]") {
    check_every_row(&cases::attributes);
}

TEST_CASE("ids and times made by the library are the same at both ends", "[matrix]") {
    check_every_row(&cases::ids_made_by_the_library);
}

TEST_CASE("bytes arrive as they were sent", "[matrix]") {
    check_every_row(&cases::binary_data);
}

TEST_CASE("text of every character arrives as it was sent", "[matrix]") {
    check_every_row(&cases::text_data);
}

TEST_CASE("JSON arrives byte for byte, white space included", "[matrix]") {
    check_every_row(&cases::json_data);
}

TEST_CASE("an empty body and no body arrive as what they are", "[matrix]") {
    check_every_row(&cases::empty_data);
}

TEST_CASE("events of 1 MiB arrive whole", "[matrix]") {
    check_every_row(&cases::large_data);
}

TEST_CASE("500 events arrive in order, each once, as the outlet promises", "[matrix]") {
    check_every_row(&cases::order);
}

TEST_CASE("an outlet that is called directly delivers through both entries", "[matrix]") {
    check_every_row(&cases::outlet);
}

TEST_CASE("two subscribers each get every event", "[matrix]") {
    check_every_row(&cases::two_subscribers);
}

TEST_CASE("no event goes back to where it came from", "[matrix]") {
    check_every_row(&cases::no_echo);
}

TEST_CASE("two buses bridged both ways see each event once", "[matrix]") {
    check_every_row(&cases::bridge);
}

TEST_CASE("connections cut again and again lose and double only what the outlet states",
          "[matrix]") {
    check_every_row(&cases::cut);
}

TEST_CASE("a subscriber that is closed is told, and so is the bus", "[matrix]") {
    check_every_row(&cases::closed);
}
