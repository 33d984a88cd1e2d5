// SPDX-License-Identifier: BSL-1.0
#include <tidings/codec/websocket_close.hpp>

#include "support/catch2.hpp"

#include <boost/system/errc.hpp>

#include <cstdint>
#include <utility>
#include <vector>

namespace {

using tidings::errc;
using tidings::error_code;

TEST_CASE("close codes for the wire are exactly those of RFC 6455 7.4 and the registry",
          "[codec]") {
    std::vector<unsigned> ends;  // where the answer changes
    bool last = false;
    for (unsigned code = 0; code <= 0xffff; ++code) {
        const bool valid = tidings::is_valid_close_code_for_wire(static_cast<std::uint16_t>(code));
        if (valid != last) ends.push_back(code);
        last = valid;
    }
    CHECK(ends == std::vector<unsigned>{1000, 1004, 1007, 1015, 3000, 5000});
}

TEST_CASE("every error has the close code that tells the peer what to do", "[codec]") {
    const std::vector<std::pair<error_code, unsigned>> codes{
        {{}, 1000},
        {errc::closed, 1000},
        {errc::shutting_down, 1001},
        {errc::ws_reserved_bits, 1002},
        {errc::ws_bad_opcode, 1002},
        {errc::ws_bad_mask, 1002},
        {errc::ws_control_too_long, 1002},
        {errc::ws_control_fragmented, 1002},
        {errc::ws_bad_continuation, 1002},
        {errc::ws_bad_length, 1002},
        {errc::ws_bad_close_code, 1002},
        {errc::invalid_utf8, 1007},
        {errc::invalid_json, 1007},
        {errc::ws_bad_message, 1007},
        {errc::event_without_id, 1007},
        {errc::event_bad_content_type, 1007},
        {errc::event_no_wire_form, 1011},
        {errc::unauthorized, 1008},
        {errc::forbidden, 1008},
        {errc::too_large, 1009},
        {errc::overflow, 1013},
        {errc::lagging, 1013},
        {errc::too_many, 1013},
        {errc::rate_limited, 1013},
        {errc::out_of_memory, 1011},
        {errc::timed_out, 1011},
        {errc::callback_threw, 1011},
        {make_error_code(boost::system::errc::not_enough_memory), 1011},
        // The number of errc::event_without_id in another category means nothing of the kind.
        {error_code{100, boost::system::generic_category()}, 1011},
    };
    for (const auto& [ec, code] : codes) {
        CAPTURE(ec.message());
        CHECK(tidings::close_code_for(ec) == code);
    }
}

}  // namespace
