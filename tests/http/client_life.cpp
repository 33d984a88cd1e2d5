// SPDX-License-Identifier: BSL-1.0
// How requests are cancelled, and clients end.
#include "support/http_client_bed.hpp"

#include <boost/asio/bind_executor.hpp>

TEST_CASE("A request can be cancelled at any step", "[http]") {
    bool ended = false;
    for (int steps = 0; !ended; ++steps) {
        INFO("after " << steps << " steps");
        client_bed bed;
        net::cancellation_signal signal;
        std::vector<error_code> errors;
        bed.client->async_request(
            "http://127.0.0.1/", {},
            net::bind_cancellation_slot(
                signal.slot(), [&](error_code ec, http::response) { errors.push_back(ec); }));
        for (int i = 0; i < steps; ++i) {
            ended = bed.io().poll_one() == 0;
            if (!bed.peers().empty() && i == 8) bed.peers().at(0)->send("HTTP/1.1 20");
        }
        signal.emit(net::cancellation_type::terminal);
        bed.run();
        CHECK(errors == std::vector<error_code>{net::error::operation_aborted});
        for (const auto& peer : bed.peers()) CHECK_FALSE(peer->open());
        signal.emit(net::cancellation_type::terminal);
        bed.run();
    }
}

TEST_CASE("A cancellation that comes late does nothing", "[http]") {
    client_bed bed;
    net::cancellation_signal signal;
    int completions = 0;
    const auto request = [&] {
        bed.client->async_request(
            "http://127.0.0.1/", {},
            net::bind_cancellation_slot(signal.slot(),
                                        [&](error_code, http::response) { ++completions; }));
        bed.run();
    };
    request();
    // Weaker kinds promise what a request that was begun cannot.
    signal.emit(net::cancellation_type::total);
    signal.emit(net::cancellation_type::partial);
    bed.run();
    CHECK(completions == 0);
    bed.peers().at(0)->send(ok);
    bed.run();
    CHECK(completions == 1);
    signal.emit(net::cancellation_type::terminal);
    bed.run();
    CHECK(completions == 1);
    CHECK(bed.peers().at(0)->open());
}

TEST_CASE("A client may end at any step, with anything under way", "[http]") {
    enum class how { destroy, replace, destroy_context, context_first };
    const auto way = GENERATE(how::destroy, how::replace, how::destroy_context, how::context_first);
    bool ended = false;
    for (int steps = 0; !ended; ++steps) {
        INFO("after " << steps << " steps");
        client_bed bed({.max_connections_per_origin = 1});
        std::vector<error_code> errors;
        for (int i = 0; i < 3; ++i)
            bed.client->async_request("http://127.0.0.1/", {},
                                      [&](error_code ec, http::response) { errors.push_back(ec); });
        bool answered = false;
        for (int i = 0; i < steps; ++i) {
            ended = bed.io().poll_one() == 0;
            if (!bed.peers().empty() && !std::exchange(answered, true)) bed.peers()[0]->send(ok);
        }
        switch (way) {
            case how::destroy:
                bed.client.reset();
                break;
            case how::replace:
                *bed.client = http::client(bed.io(), {.environment = bed.environment()});
                break;
            case how::destroy_context:
            case how::context_first:
                if (way == how::destroy_context) bed.client.reset();
                bed.listener.reset();
                bed.destroy_context();
                bed.client.reset();
                continue;
        }
        bed.run();
        REQUIRE(errors.size() == 3);
        CHECK(errors.back() == errc::closed);
        for (const auto& peer : bed.peers()) CHECK_FALSE(peer->open());
    }
}

TEST_CASE("A request of a client that is gone completes with closed", "[http]") {
    client_bed bed;
    auto first = bed.client->async_request("http://127.0.0.1/", http::request());
    http::client moved(std::move(*bed.client));
    auto second = bed.client->async_request("http://127.0.0.1/", http::request());
    { const http::client ended(std::move(moved)); }
    std::vector<error_code> errors;
    const auto note = [&] {
        return net::bind_executor(
            bed.io(), [&](error_code ec, const http::response&) { errors.push_back(ec); });
    };
    std::move(first)(note());
    std::move(second)(note());
    bed.run();
    CHECK(errors == std::vector<error_code>(2, errc::closed));
}

TEST_CASE("a client that was moved from answers closed", "[http][fault-11]") {
    client_bed bed;
    auto gone = std::move(*bed.client);
    bed.client.reset();
    bed.client.emplace(std::move(gone));
    int closed = 0;
    const auto executor = bed.io().get_executor();
    gone.async_request("http://127.0.0.1/", {},
                       net::bind_executor(executor, [&](error_code ec, http::response) {
                           CHECK(ec == errc::closed);
                           ++closed;
                       }));
    http::detail::client_streams::open(gone, executor, "http://127.0.0.1/", {},
                                       [&](error_code ec, auto stream) {
                                           CHECK(ec == errc::closed);
                                           CHECK_FALSE(stream);
                                           ++closed;
                                       });
    http::detail::client_streams::upgrade(gone, executor, "http://127.0.0.1/", {},
                                          [&](error_code ec, http::detail::upgraded_response u) {
                                              CHECK(ec == errc::closed);
                                              CHECK_FALSE(u.stream);
                                              ++closed;
                                          });
    CHECK(closed == 0);
    bed.run();
    CHECK(closed == 3);
}
