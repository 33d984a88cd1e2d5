// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/outlet/stream_request.hpp>
#include <tidings/rest/impl/long_poll.hpp>
#include <tidings/rest/service.hpp>

#include <boost/system/result.hpp>

namespace tidings::rest::detail {

/// A value, or the answer that refuses the request.
template <class T>
using or_refusal = boost::system::result<T, http::response>;

/// What a GET asks for, within the limits of the options.
TIDINGS_DECL or_refusal<long_poll_options> read_question(const http::request& r,
                                                         http::stream_request asked,
                                                         const service_options& options);

}  // namespace tidings::rest::detail
