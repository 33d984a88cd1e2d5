// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/world.hpp"

#include <tidings/bus.hpp>
#include <tidings/event_json.hpp>
#include <tidings/rest/service.hpp>
#include <tidings/test/recorder.hpp>

namespace tidings::test {

/// A bus behind a server of topics.
struct rest_bed {
    explicit rest_bed(world& in, rest::service_options o = {}, std::size_t held = 1000)
        : rest_bed(in, std::move(o), history_options{.max_events = held}) {}
    rest_bed(world& in, rest::service_options o, history_options kept)
        : w(in),
          hub(w.io(), {.history = std::move(kept), .clock = &w.clock()}),
          server(std::in_place, w.io(), http::server_options{.environment = w.environment()}) {
        watch = hub.subscribe(">", seen);
        server->mount("/topics", rest::service(hub, std::move(o)));
        server->start();
    }
    std::string url(std::string_view path) const {
        return url_of(*server, "/topics" + std::string(path));
    }
    http::response post(std::string_view path, std::string body, http::fields fields = {}) {
        return w.request("POST", url(path), std::move(body), std::move(fields));
    }
    http::response get(std::string_view path, http::fields fields = {}) {
        return w.request("GET", url(path), {}, std::move(fields));
    }
    void publish(std::string_view topic, std::string_view text) {
        hub.publish(topic, event("test", "/test", text));
    }
    std::string after() const { return "&after=" + hub.head().text(); }

    world& w;
    bus hub;
    std::shared_ptr<recorder> seen = std::make_shared<recorder>();
    subscription watch;
    std::optional<http::server> server;
};

inline std::vector<std::string> data_of(const http::response& r) {
    std::vector<std::string> data;
    for (const auto& e : nlohmann::json::parse(r.body)) data.push_back(e.at("data"));
    return data;
}

/// A request that is answered later, or given up by its destruction.
class pending_request {
    struct result {
        std::optional<http::response> answer;
        error_code error;
    };
    const std::shared_ptr<result> result_ = std::make_shared<result>();

 public:
    pending_request(world& w, std::string url, http::request r)
        : client_(w.io(), {.environment = w.environment()}) {
        client_.async_request(std::move(url), std::move(r),
                              [to = result_](error_code ec, http::response a) {
                                  to->error = ec;
                                  to->answer = std::move(a);
                              });
        w.run_ready();
    }
    std::optional<http::response>& answer = result_->answer;
    error_code& error = result_->error;

 private:
    http::client client_;
};

struct pending_get : pending_request {
    pending_get(world& w, std::string url) : pending_request(w, std::move(url), {}) {}
};

inline std::string cloudevent(std::string_view id) {
    return nlohmann::json{
        {"specversion", "1.0"}, {"type", "t"}, {"source", "/s"}, {"id", id}, {"data", 7}}
        .dump();
}

}  // namespace tidings::test
