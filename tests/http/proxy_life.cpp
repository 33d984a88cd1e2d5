// SPDX-License-Identifier: BSL-1.0
// A connection through a proxy ends early.
#include "support/proxy_bed.hpp"
TEST_CASE("a connection through a proxy that is cancelled closes, wherever it is", "[http]") {
    proxy_bed bed;
    bed.sim().add_name("slow.example", {});
    const auto cancelled = [&] {
        std::exchange(bed.cancel, nullptr)();
        bed.run();
        CHECK_FALSE(bed.ended);
        CHECK_FALSE(bed.stream);
        CHECK_FALSE(bed.clock.next_deadline().has_value());
        for (const auto& peer : bed.asked()) CHECK_FALSE(peer->open());
    };
    SECTION("before it begins") {
        bed.cancel = bed.network->start_connect(
            bed.io().get_executor(), {.host = "target.example", .port = 80},
            [](error_code, io::stream_ptr) { FAIL("cancelled"); });
        cancelled();
        CHECK(bed.sim().connections() == 0);
    }
    SECTION("while the name is resolved") {
        bed.start({.host = "slow.example", .port = 80});
        cancelled();
    }
    SECTION("while the proxy is reached") {
        bed.sim().set_link({.connect = sim_link::on_connect::hang});
        bed.start();
        cancelled();
    }
    SECTION("before the proxy answers") {
        bed.start();
        REQUIRE(bed.asked().size() == 1);
        cancelled();
    }
    SECTION("in the midst of its answer") {
        bed.start();
        bed.answer("HTTP/1.1 200 OK\r\n");
        cancelled();
    }
    SECTION("while its answer is on its way here") {
        bed.start();
        bed.asked().back()->send(opened);
        cancelled();
    }
    SECTION("in the handshake with the target") {
        bed.start({.host = "target.example", .port = 443, .tls = io::tls_client_options{}});
        bed.answer(opened);
        REQUIRE_FALSE(bed.asked()[0]->take().empty());
        cancelled();
    }
    SECTION("or after the network of it is gone") {
        bed.start();
        bed.network.reset();
        cancelled();
    }
}

TEST_CASE("a connection through a proxy does not outlive its context", "[http]") {
    proxy_bed bed;
    bed.start();
    REQUIRE(bed.asked().size() == 1);
    bed.proxy.reset();
    bed.destroy_context();
    CHECK_FALSE(bed.ended);
}
