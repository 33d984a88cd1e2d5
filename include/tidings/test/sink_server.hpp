// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/server.hpp>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tidings::test {

/// A target for webhooks and other requests: keeps every request that comes to `/hook`, and answers
/// by `answer`. Listens on a port of the system's choice, on 127.0.0.1. One thread.
///
///     tidings::test::sink_server target{io};
///     auto endpoint = sender.endpoint({.url = target.url(), .secret = secret});
///     target.answer = [](tidings::http::exchange& x) { x.respond({.status = 503}); };
class sink_server {
    struct state {
        std::vector<http::request> requests;
        std::function<void(http::exchange&)> answer;
    };
    const std::shared_ptr<state> state_ = std::make_shared<state>();

    // A test's resolver may lead any name here.
    static http::server_options under_any_name(http::server_options o) {
        if (o.allowed_hosts.empty()) o.allowed_hosts = {"*"};
        return o;
    }

 public:
    explicit sink_server(net::any_io_executor executor, http::server_options options = {})
        : server_(std::move(executor), under_any_name(std::move(options))) {
        // A server that was destroyed ends when its context runs again: until then it may call
        // this.
        server_.mount("/hook", [s = state_](http::exchange& x) {
            s->requests.push_back(x.request());
            if (s->answer) return s->answer(x);
            x.respond({.status = 204});
        });
        server_.start();
    }
    template <class Context>
    requires std::convertible_to<Context&, net::execution_context&>
    explicit sink_server(Context& context, http::server_options options = {})
        : sink_server(net::any_io_executor(context.get_executor()), std::move(options)) {}

    std::string url(std::string_view path = "/hook") const {
        return "http://127.0.0.1:" + std::to_string(server_.local_endpoint().port) +
               std::string(path);
    }

    /// Those that came, in order.
    std::vector<http::request>& requests = state_->requests;
    /// Answers one. Empty: 204.
    std::function<void(http::exchange&)>& answer = state_->answer;

 private:
    http::server server_;
};

}  // namespace tidings::test
