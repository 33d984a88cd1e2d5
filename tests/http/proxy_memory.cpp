// SPDX-License-Identifier: BSL-1.0
#include "support/allocations.hpp"
#include "support/proxy_bed.hpp"

TEST_CASE("a connection through a proxy completes once, wherever memory runs out",
          "[http][counts][fault-1]") {
    for (long n = 0;; ++n) {
        CAPTURE(n);
        proxy_bed bed;
        std::optional<error_code> ended;
        io::stream_ptr stream;
        const auto answer_all = [&] {
            const sparing memory;
            for (const auto& peer : bed.asked())
                if (!peer->take().empty()) peer->send(opened);
        };
        const auto connect = [&] {
            bed.cancel = bed.network->start_connect(bed.io().get_executor(),
                                                    {.host = "target.example", .port = 80},
                                                    [&](error_code ec, io::stream_ptr s) {
                                                        CHECK_FALSE(ended);
                                                        ended = ec;
                                                        stream = std::move(s);
                                                    });
            run_ready(bed.io());
            answer_all();
            run_ready(bed.io());
        };
        const bool failed = runs_out_after(n, connect);
        bed.run();
        answer_all();
        bed.run();
        // What could not begin has thrown; what began says that there was no memory.
        CHECK(ended.has_value() == static_cast<bool>(bed.cancel));
        if (ended) CHECK((!*ended || *ended == errc::out_of_memory));
        CHECK(stream.operator bool() == (ended && !*ended));
        CHECK_FALSE(bed.clock.next_deadline().has_value());
        stream.reset();
        if (failed) continue;
        CHECK(ended == error_code());
        break;
    }
}
