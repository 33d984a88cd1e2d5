// SPDX-License-Identifier: BSL-1.0
#pragma once

// What every mistake but one begins with: precompiled, once, for all of them.
#include <tidings/bus.hpp>
#include <tidings/event_json.hpp>
#include <tidings/http/server.hpp>
#include <tidings/sse/service.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

namespace net = boost::asio;
