// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/server/adopted_connection.hpp>

namespace tidings::http::detail {

std::shared_ptr<adopted_connection> adopted_connection::make(const request& r,
                                                             io::stream_ptr stream,
                                                             std::string_view leftover,
                                                             io::environment environment) {
    auto s = std::make_shared<shard>();
    s->lane = tidings::detail::lane::make(stream->executor(), *environment.clock);
    stream->rebind(s->lane->executor());
    s->options = std::make_shared<const server_options>(
        server_options{.environment = std::move(environment)});
    auto made = std::make_shared<adopted_connection>(std::move(s), std::move(stream), nullptr);
    tidings::detail::watch_context(made->home()->executor(), made);
    made->serve(r, leftover);
    return made;
}

}  // namespace tidings::http::detail
