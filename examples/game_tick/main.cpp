// SPDX-License-Identifier: BSL-1.0
// A loop of the program's own, 60 frames a second, that calls `poll`: a game or a GUI. Each tick
// publishes where every entity is, and browsers get the newest of each: one that is slow skips what
// was superseded (overflow::conflate), and delays nobody.
#include "world.hpp"

#include <tidings/drain.hpp>
#include <tidings/http/server.hpp>
#include <tidings/websocket/service.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <charconv>
#include <chrono>
#include <cstring>
#include <iostream>
#include <thread>

namespace net = boost::asio;

namespace {

constexpr auto frame = std::chrono::microseconds(1'000'000 / 60);

constexpr auto page = R"(<!doctype html><meta charset="utf-8"><title>game_tick</title>
<canvas id="c" width="960" height="480" style="background:#123"></canvas><p id="n"></p>
<script>
const at = new Map(), c = document.getElementById('c').getContext('2d');
const url = location.href.replace(/^http/, 'ws') + 'ws?topic=' + encodeURIComponent('world.>');
let events = 0;
(function open() {
    const socket = new WebSocket(url, 'cloudevents.json');
    socket.onmessage = (m) => {
        const e = JSON.parse(m.data);
        if (e.type === 'game.entity.moved') { at.set(e.topic, e.data); ++events; }
    };
    socket.onclose = () => setTimeout(open, 1000);
})();
(function draw() {
    c.clearRect(0, 0, 960, 480);
    [...at.keys()].forEach((topic, i) => {
        c.fillStyle = `hsl(${i * 37}, 80%, 60%)`;
        c.fillRect(at.get(topic).x * 20 + 2, at.get(topic).y * 20 + 2, 16, 16);
    });
    requestAnimationFrame(draw);
})();
setInterval(() => {
    document.getElementById('n').textContent = `${at.size} entities, ${events} moves a second`;
    events = 0;
}, 1000);
</script>)";

/// The world's clock: a tick each 60th of a second, as a handler, so that Asio takes the memory of
/// what is posted in it from what the loop's thread used before.
class ticker {
 public:
    ticker(net::io_context& io, game::world& w, tidings::http::server& s)
        : timer_(io, std::chrono::steady_clock::now()),
          world_(w),
          server_(s) {}
    void run() {
        timer_.async_wait([this](boost::system::error_code ec) {
            if (ec || server_.draining()) return;
            world_.tick();
            server_.flush();  // all of it in one write per browser, now
            timer_.expires_at(timer_.expiry() + frame);
            run();
        });
    }

 private:
    net::steady_timer timer_;
    game::world& world_;
    tidings::http::server& server_;
};

}  // namespace

int main(int argc, char** argv) {
    std::uint16_t port = 0;
    const char* const text = argc == 3 && std::strcmp(argv[1], "--port") == 0 ? argv[2] : "0";
    const auto [end, ec] = std::from_chars(text, text + std::strlen(text), port);
    if ((argc != 1 && argc != 3) || ec != std::errc() || *end != '\0') {
        std::cerr << "usage: game_tick [--port N]\n";
        return 2;
    }
    net::io_context io{1};
    tidings::bus bus{io};
    tidings::http::server server{io, {.port = port, .assume_single_thread = true}};
    tidings::websocket::service_options options;
    options.overflow = tidings::overflow::conflate;
    server.mount("/ws", tidings::websocket::service{bus, std::move(options)});
    server.mount("/", [](tidings::http::exchange& x) {
        x.respond({200, {{"Content-Type", "text/html"}}, page});
    });
    server.start();
    std::cout << "listening " << server.local_endpoint().port << std::endl;
    tidings::drain_on_signal(io, server);

    game::world world{bus, 32};
    ticker ticks{io, world, server};
    ticks.run();
    for (auto next = std::chrono::steady_clock::now(); !io.stopped(); next += frame) {
        io.poll();  // what has come, the tick, what waits to be sent
        // Here a game moves and draws its frame.
        std::this_thread::sleep_until(next);
    }
}
