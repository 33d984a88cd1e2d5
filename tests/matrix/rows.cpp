// SPDX-License-Identifier: BSL-1.0
#include "matrix/rows.hpp"

#include <cstdlib>

namespace tidings::matrix {

namespace {

struct kind {
    const char* name;
    std::unique_ptr<transport> (*make)(world&);
};

constexpr kind kinds[] = {
    {"bus", make_bus_transport},
    {"REST topics, posted", make_rest_post_transport},
    {"REST topics, polled", make_rest_poll_transport},
    {"WebSocket", make_websocket_transport},
    {"WebSocket, upstream", make_websocket_upstream_transport},
    {"SSE", make_sse_transport},
    {"NDJSON", make_ndjson_transport},
    {"webhook", make_webhook_transport},
    {"webhook, structured", make_structured_webhook_transport},
    {"REST hook", make_rest_hook_transport},
};

std::vector<row> make_rows() {
    std::vector<row> rows;
    for (const auto& k : kinds) {
        const std::string name = k.name;
        rows.push_back({name + " on loopback", name, network_kind::loopback, k.make});
        rows.push_back({name + " on the simulated network", name, network_kind::simulated, k.make});
        if (name == "WebSocket" || name == "SSE" || name == "NDJSON" || name == "webhook") {
            rows.push_back({name + " over TLS", name, network_kind::tls, k.make});
        }
        if (name == "WebSocket" || name == "SSE" || name == "NDJSON" ||
            name == "REST topics, polled") {
            rows.push_back({name + " with a history that commits later", name,
                            network_kind::simulated, k.make, true});
        }
    }
    return rows;
}

}  // namespace

const std::vector<row>& every_row() {
    static const auto rows = [] {
        auto all = make_rows();
        if (const char* only = std::getenv("TIDINGS_MATRIX_ROW"))
            std::erase_if(all,
                          [&](const row& r) { return r.name.find(only) == std::string::npos; });
        return all;
    }();
    return rows;
}

std::vector<row> rows_on(network_kind network) {
    std::vector<row> rows;
    for (const auto& r : every_row())
        if (r.network == network && !r.commits_later) rows.push_back(r);
    return rows;
}

}  // namespace tidings::matrix
