// SPDX-License-Identifier: BSL-1.0
#include <tidings/errc.hpp>

#include "support/catch2.hpp"

#include <boost/system/errc.hpp>

#include <array>
#include <cstdlib>
#include <fstream>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace {

using tidings::condition;
using tidings::errc;
using tidings::error_code;

constexpr std::array all_conditions{condition::retryable,          condition::permanent,
                                    condition::protocol_violation, condition::unauthorized,
                                    condition::overflow,           condition::closed};

// The header itself is the list, so that an enumerator without a message cannot be forgotten.
// Tests run in the root of the tree.
std::vector<int> values_in_header() {
    std::ifstream header{"include/tidings/errc.hpp"};
    std::vector<int> values;
    bool inside = false;
    for (std::string line; std::getline(header, line);) {
        if (line.starts_with("enum class errc")) inside = true;
        if (line == "};") inside = false;
        const auto equals = line.find(" = ");
        const auto comment = line.find("//");
        if (inside && equals != std::string::npos && equals < comment) {
            values.push_back(std::atoi(line.c_str() + equals + 3));
        }
    }
    return values;
}

error_code code_of(int value) {
    return make_error_code(static_cast<errc>(value));
}

}  // namespace

TEST_CASE("a number that no enumerator has gets the unknown message and no condition", "[errc]") {
    for (const int value : {-1, 0, 99, 1'000'000}) {
        const auto code = code_of(value);
        CHECK(code.message() == "unknown error");
        CHECK(code.default_error_condition().category() == tidings::errc_category());
        for (const auto c : all_conditions) CHECK(code != c);
    }
    CHECK(make_error_condition(static_cast<condition>(99)).message() == "unknown condition");
}

TEST_CASE("every enumerator of the header has a message of its own and exactly one condition",
          "[errc]") {
    const auto values = values_in_header();
    REQUIRE(values.size() > 70);
    std::set<std::string> messages;
    for (const int value : values) {
        INFO("value " << value);
        const auto code = code_of(value);
        CHECK(code);
        CHECK(code.message() != "unknown error");
        CHECK(messages.insert(code.message()).second);
        int matching = 0;
        for (const auto c : all_conditions) matching += code == c;
        CHECK(matching == 1);
    }
}

TEST_CASE("enumerators rise in the header and none is zero, which would mean success", "[errc]") {
    int previous = 0;
    for (const int value : values_in_header()) {
        CHECK(value > previous);
        previous = value;
    }
}

TEST_CASE("conditions group what callers treat alike", "[errc]") {
    CHECK(error_code{errc::closed} == condition::closed);
    CHECK(error_code{errc::connection_failed} == condition::retryable);
    CHECK(error_code{errc::rate_limited} == condition::retryable);
    CHECK(error_code{errc::bad_topic} == condition::permanent);
    CHECK(error_code{errc::webhook_gone} == condition::permanent);
    CHECK(error_code{errc::ws_bad_mask} == condition::protocol_violation);
    CHECK(error_code{errc::ambiguous_framing} == condition::protocol_violation);
    CHECK(error_code{errc::webhook_no_matching_signature} == condition::unauthorized);
    CHECK(error_code{errc::overflow} == condition::overflow);
}

TEST_CASE("every condition has a message of its own", "[errc]") {
    std::set<std::string> messages;
    for (const auto c : all_conditions) messages.insert(make_error_condition(c).message());
    CHECK(messages.size() == all_conditions.size());
    CHECK_FALSE(messages.contains("unknown condition"));
}

TEST_CASE("transient errors of the system are retryable, others are not", "[errc]") {
    namespace sys = boost::system::errc;
    using boost::system::system_category;
    CHECK(error_code{sys::connection_refused, system_category()} == condition::retryable);
    CHECK(error_code{sys::timed_out, boost::system::generic_category()} == condition::retryable);
    CHECK(error_code{sys::permission_denied, system_category()} != condition::retryable);
    CHECK(error_code{sys::connection_refused, system_category()} != condition::permanent);
    // The value of a foreign category may equal ours by chance.
    CHECK(error_code{static_cast<int>(errc::closed), system_category()} != condition::closed);
    CHECK(error_code{} != condition::retryable);
}

TEST_CASE("the categories have names and fixed ids, so copies in two libraries are equal",
          "[errc]") {
    struct copy final : boost::system::error_category {
        explicit copy(unsigned long long id) : error_category(id) {}
        const char* name() const noexcept override { return "copy"; }
        std::string message(int) const override { return {}; }
    };
    CHECK(std::string_view{tidings::errc_category().name()} == "tidings");
    CHECK(std::string_view{tidings::condition_category().name()} == "tidings.condition");
    CHECK(tidings::errc_category() == copy{0x7469'6469'6e67'7301ULL});
    CHECK(tidings::condition_category() == copy{0x7469'6469'6e67'7302ULL});
    CHECK(tidings::errc_category() != tidings::condition_category());
}

TEST_CASE("a message fits any buffer, cut where it must be", "[errc]") {
    std::array<char, 5> small{};
    const auto& category = tidings::errc_category();
    CHECK(std::string_view{category.message(12, small.data(), small.size())} == "too ");
    CHECK(std::string_view{tidings::condition_category().message(6, small.data(), small.size())} ==
          "clos");
}
