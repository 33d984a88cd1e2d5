// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/server/server_connection.hpp>
#include <tidings/impl/context_end.hpp>

namespace tidings::http::detail {

/// Serves one request that a server of the user's own has read. No server owns or abandons it: it
/// is kept by its exchange and by what is under way.
class adopted_connection final : public server_connection,
                                 public tidings::detail::context_dependent {
 public:
    using server_connection::server_connection;
    void on_context_end() noexcept override { abandon(); }

 private:
    std::shared_ptr<void> keep() override { return shared_from_this(); }
};

}  // namespace tidings::http::detail
