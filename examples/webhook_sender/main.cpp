// SPDX-License-Identifier: BSL-1.0
// Sends each line of its input as a webhook to every URL that it was given, signed by Standard
// Webhooks and tried again until it arrives:
//
//     tail -f orders.ndjson | webhook_sender --secret whsec_... https://example.com/hook
//
// A line that is JSON is sent as JSON, any other as text. It ends at the end of the input, when all
// that was due has an answer: 0 if everything was delivered, else 1.
#include <tidings/bus.hpp>
#include <tidings/event_json.hpp>
#include <tidings/webhook/sender.hpp>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>

#include <nlohmann/json.hpp>

#include <iostream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace net = boost::asio;
namespace webhook = tidings::webhook;

namespace {

struct arguments {
    std::string secret{};
    std::vector<std::string> urls{};
    bool local = false;  // addresses of this machine and its networks, without TLS
};

bool read_arguments(int argc, char** argv, arguments& a) {
    for (int i = 1; i < argc; ++i) {
        const std::string_view word = argv[i];
        if (word == "--secret" && i + 1 < argc) {
            a.secret = argv[++i];
        } else if (word == "--local") {
            a.local = true;
        } else if (word.starts_with("-")) {
            return false;
        } else {
            a.urls.emplace_back(word);
        }
    }
    return !a.secret.empty() && !a.urls.empty();
}

tidings::event event_of(const std::string& line) {
    if (nlohmann::json::accept(line))
        return {"com.example.line", "/stdin", line, "application/json"};
    return {"com.example.line", "/stdin", line};
}

webhook::sender_options options_of(const arguments& a) {
    webhook::sender_options o;
    if (a.local)
        o.guard = {.allow_loopback = true, .allow_private = true, .schemes = {"https", "http"}};
    o.on_attempt = [](const webhook::attempt& t) {
        std::cerr << t.endpoint << ' ' << t.message_id << ": attempt " << t.number << ", ";
        if (t.status != 0)
            std::cerr << "status " << t.status;
        else
            std::cerr << t.error.message();
        if (t.next) std::cerr << ", again in " << t.next->count() << " ms";
        std::cerr << '\n';
    };
    o.on_endpoint = [](const webhook::endpoint_change& c) {
        std::cerr << c.endpoint << ": " << c.text << '\n';
    };
    return o;
}

int send(const arguments& a) {
    net::io_context io;
    tidings::bus bus{io};
    webhook::sender sender{io, options_of(a)};
    std::vector<webhook::endpoint> endpoints;
    std::vector<tidings::subscription> subscriptions;
    for (const auto& url : a.urls) {
        endpoints.push_back(sender.endpoint({.url = url, .secret = a.secret, .max_in_flight = 8}));
        subscriptions.push_back(bus.subscribe("lines", endpoints.back()));
    }

    // The input blocks, so that the library has a thread of its own.
    const auto work = net::make_work_guard(io);
    std::thread loop([&io] { io.run(); });
    int result = 0;
    for (std::string line; std::getline(std::cin, line);) {
        try {
            // Completes when it is in the outbox for every endpoint: memory bounds the input.
            bus.async_publish("lines", event_of(line), net::use_future).get();
        } catch (const boost::system::system_error& e) {
            std::cerr << "webhook_sender: a line is not sent: " << e.code().message() << '\n';
            result = 1;
        }
    }
    try {
        bus.async_drain(net::use_future).get();
        sender.async_drain(net::use_future).get();
    } catch (const boost::system::system_error& e) {
        std::cerr << "webhook_sender: " << e.code().message() << '\n';
        result = 1;
    }
    for (const auto& endpoint : endpoints) {
        const auto c = endpoint.counters();
        std::cout << c.delivered << " of " << c.accepted << " delivered" << std::endl;
        if (c.delivered != c.accepted) result = 1;
    }
    io.stop();
    loop.join();
    return result;
}

}  // namespace

int main(int argc, char** argv) {
    arguments a;
    if (!read_arguments(argc, argv, a)) {
        std::cerr << "usage: webhook_sender --secret whsec_... [--local] URL ...\n";
        return 2;
    }
    try {
        return send(a);
    } catch (const std::invalid_argument& e) {
        std::cerr << "webhook_sender: " << e.what() << '\n';
        return 2;
    }
}
