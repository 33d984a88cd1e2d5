// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "matrix/transport.hpp"
#include "matrix/world.hpp"

#include <ostream>

namespace tidings::matrix {

// One file each in transports/.
std::unique_ptr<transport> make_bus_transport(world& w);
/// `rest::client` as an outlet: each event is posted to `rest::service`.
std::unique_ptr<transport> make_rest_post_transport(world& w);
/// `rest::client` as an inlet: it polls `rest::service`, which holds the request.
std::unique_ptr<transport> make_rest_poll_transport(world& w);
/// From `websocket::service` to `websocket::client`.
std::unique_ptr<transport> make_websocket_transport(world& w);
/// From `websocket::client` to `websocket::service`.
std::unique_ptr<transport> make_websocket_upstream_transport(world& w);
std::unique_ptr<transport> make_sse_transport(world& w);
/// A transport as a user writes it: examples/ndjson_transport.
std::unique_ptr<transport> make_ndjson_transport(world& w);
std::unique_ptr<transport> make_webhook_transport(world& w);
/// The whole event as JSON instead of attributes in fields.
std::unique_ptr<transport> make_structured_webhook_transport(world& w);
std::unique_ptr<transport> make_rest_hook_transport(world& w);

/// A transport on a network: every case runs over every row.
struct row {
    std::string name;
    std::string kind;  ///< the name of the transport alone
    network_kind network;
    std::unique_ptr<transport> (*make)(world&);
    bool commits_later = false;  ///< the history of its buses, as one far away would
};

inline std::ostream& operator<<(std::ostream& out, const row& r) {
    return out << r.name;
}

/// With TIDINGS_MATRIX_ROW set, only those whose name has it in it.
const std::vector<row>& every_row();
/// The rows on one network, with a history in memory. On the simulated one nothing waits for real
/// time.
std::vector<row> rows_on(network_kind network);

}  // namespace tidings::matrix
