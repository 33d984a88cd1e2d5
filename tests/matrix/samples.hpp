// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/event_ptr.hpp>

#include <string>
#include <vector>

namespace tidings::matrix {

/// Events to send. Each id begins with `prefix`, so that a case can send the same twice.
using samples = std::vector<event_ptr>;

samples attribute_samples(const std::string& prefix);
/// Without id or time of their own: the library makes them.
samples bare_samples();
samples binary_samples(const std::string& prefix);
samples text_samples(const std::string& prefix);
samples json_samples(const std::string& prefix);
/// Data that is empty, and no data.
samples empty_samples(const std::string& prefix);
/// 1 MiB each: bytes, text and JSON.
samples large_samples(const std::string& prefix);
/// Small ones over three topics, numbered.
samples numbered_samples(const std::string& prefix, std::size_t count);

/// For events that are right by construction. @throws boost::system::system_error
event_ptr publication_of(std::string_view topic, event e);

}  // namespace tidings::matrix
