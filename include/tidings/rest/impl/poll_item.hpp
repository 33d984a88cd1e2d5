// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/codec/cloudevents_json.hpp>
#include <tidings/codec/impl/standard_payload.hpp>

#include <chrono>
#include <string>

namespace tidings::rest::detail {

/// How an event stands in an answer: as a webhook in the form of this name brings it.
enum class poll_items {
    cloudevents,  ///< CloudEvents JSON
    data,         ///< its data alone, as in a binary or raw delivery
    standard,     ///< the payload of Standard Webhooks
};

/// An event's JSON in an answer.
class poll_item {
 public:
    /// @param now the time of an event that has none, where its form says one
    /// @error errc::out_of_memory, or why the event has no such form
    poll_item(const publication& e, poll_items how, std::chrono::system_clock::time_point now,
              error_code& ec) {
        switch (how) {
            case poll_items::cloudevents:
                form_ = cloudevents_json(e, ec);
                return;
            case poll_items::data:
                tidings::detail::append_data_value(data_, e, ec);
                return;
            case poll_items::standard:
                form_ = tidings::detail::standard_payload(e, now, ec);
                return;
        }
    }
    const std::string& json() const noexcept { return form_ ? *form_ : data_; }

 private:
    wire_form form_;
    std::string data_;
};

}  // namespace tidings::rest::detail
