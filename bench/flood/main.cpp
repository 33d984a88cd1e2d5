// SPDX-License-Identifier: BSL-1.0
//
// What flooding publishers cost another connection: the time from a publication by WebSocket to its
// arrival at a subscriber, alone and beside clients that publish without end.
//
//     flood [probes] [flooders] [publications a second that one client may make; 0: any number]

#include <tidings/bus.hpp>
#include <tidings/http/server.hpp>
#include <tidings/websocket/service.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace {

namespace net = boost::asio;
namespace beast = boost::beast;
namespace websocket = tidings::websocket;
using clock_type = std::chrono::steady_clock;

/// A blocking client.
class peer {
 public:
    peer(unsigned short port, const std::string& target) : stream_(io_) {
        stream_.next_layer().connect({net::ip::make_address("127.0.0.1"), port});
        stream_.next_layer().set_option(net::ip::tcp::no_delay(true));
        stream_.handshake("127.0.0.1", target);
    }
    void write(const std::string& text, boost::system::error_code& ec) {
        stream_.write(net::buffer(text), ec);
    }
    std::string read(boost::system::error_code& ec) {
        beast::flat_buffer buffer;
        stream_.read(buffer, ec);
        return beast::buffers_to_string(buffer.data());
    }
    /// From another thread: a write that is blocked ends.
    void shutdown() {
        boost::system::error_code ignored;
        stream_.next_layer().shutdown(net::ip::tcp::socket::shutdown_both, ignored);
    }

 private:
    net::io_context io_;
    beast::websocket::stream<net::ip::tcp::socket> stream_;
};

void print_latencies(const char* name, std::vector<double> ms) {
    std::sort(ms.begin(), ms.end());
    std::printf("%-10s median %8.3f ms   p99 %8.3f ms   of %zu\n", name, ms[ms.size() / 2],
                ms[ms.size() * 99 / 100], ms.size());
}

std::vector<double> probe(peer& publisher, peer& subscriber, int probes) {
    std::vector<double> ms;
    for (int i = 0; i < probes; ++i) {
        const auto text = "probe " + std::to_string(i);
        boost::system::error_code ec;
        const auto sent = clock_type::now();
        publisher.write(text, ec);
        while (!ec && subscriber.read(ec) != text) {
        }
        if (ec) {
            std::fprintf(stderr, "the probe failed: %s\n", ec.message().c_str());
            std::exit(1);
        }
        ms.push_back(std::chrono::duration<double, std::milli>(clock_type::now() - sent).count());
        std::this_thread::sleep_for(std::chrono::milliseconds(10));  // the client's own rate
    }
    return ms;
}

}  // namespace

int main(int argc, char** argv) {
    const auto number = [&](int i, int otherwise) {
        return argc > i ? std::atoi(argv[i]) : otherwise;
    };
    const int probes = std::max(number(1, 300), 1);
    const int flooders = number(2, 4);

    net::io_context io{1};
    tidings::bus bus{io, {.history = {.max_events = 10'000}}};
    tidings::http::server server{io};
    const auto service = [&](const std::string& topic) {
        websocket::service_options o;
        o.codec = websocket::plain_codec("bench", "/bench");
        o.authorizer = tidings::allow_all();
        o.topic = tidings::topic_rule::literal(topic);
        o.max_publishes_per_second = static_cast<std::size_t>(number(3, 100));
        return websocket::service{bus, std::move(o)};
    };
    server.mount("/ws", service("probe"));
    server.mount("/flood", service("flood"));
    server.start();
    const auto port = server.local_endpoint().port;
    std::thread running([&] { io.run(); });

    {
        peer subscriber(port, "/ws?topic=probe");
        peer publisher(port, "/ws?topic=nothing");
        print_latencies("alone", probe(publisher, subscriber, probes));
        std::vector<std::unique_ptr<peer>> flood;
        std::vector<std::thread> writing;
        for (int i = 0; i < flooders; ++i) {
            flood.push_back(std::make_unique<peer>(port, "/flood?topic=nothing"));
            writing.emplace_back([&p = *flood.back()] {
                const std::string text(128, 'x');
                boost::system::error_code ec;
                while (!ec) p.write(text, ec);
            });
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(200));  // until the burst is used up
        print_latencies("flooded", probe(publisher, subscriber, probes));
        for (auto& p : flood) p->shutdown();
        for (auto& t : writing) t.join();
    }
    server.stop();
    io.stop();
    running.join();
}
