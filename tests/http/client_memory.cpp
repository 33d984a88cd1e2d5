// SPDX-License-Identifier: BSL-1.0
#include "support/allocations.hpp"
#include "support/http_client_bed.hpp"

TEST_CASE("a client that is closed ends every request, wherever memory runs out meanwhile",
          "[http][counts][fault-1]") {
    for (long n = 0;; ++n) {
        CAPTURE(n);
        std::array<std::optional<error_code>, 3> ended;  // one has a connection, the others wait
        client_bed bed({.max_connections_per_origin = 1});
        for (auto& e : ended)
            bed.client->async_request("http://127.0.0.1/", {},
                                      [&e](error_code ec, const http::response&) { e = ec; });
        bed.run();
        bed.client.reset();
        const bool failed = runs_out_after(n, [&] { bed.run(); });
        bed.run();
        for (const auto& e : ended) CHECK(e == error_code(errc::closed));
        if (!failed) break;
    }
}
