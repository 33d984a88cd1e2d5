// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/codec/cloudevents_json.hpp>
#include <tidings/webhook/event_reader.hpp>

#include <utility>

namespace tidings::webhook::detail {

/// What `read_standard` gives: a receiver that has it takes batches as well.
class standard_reader {
 public:
    explicit standard_reader(standard_reader_options o) : options_(std::move(o)) {}

    event operator()(const http::request& r, error_code& ec) const;
    /// What travels beside an event stands in its extensions then.
    static event event_of(wire_event&& e);
    const standard_reader_options& options() const noexcept { return options_; }

 private:
    standard_reader_options options_;
};

}  // namespace tidings::webhook::detail
