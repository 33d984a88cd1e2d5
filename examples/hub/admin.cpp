// SPDX-License-Identifier: BSL-1.0
#include "admin.hpp"

#include <nlohmann/json.hpp>

#include <deque>

namespace hub {

extern const char* const page;  // page/index.html, made a string by the build

namespace {

using tidings::http::exchange;
using clock = std::chrono::steady_clock;

// Where the newest events of a bus begin: resuming there brings them and all that follow.
class recent {
 public:
    static constexpr std::size_t count = 50;

    explicit recent(tidings::bus& bus) : positions_{bus.head()} {
        watch_ = bus.subscribe(">", tidings::immediate, [this](const tidings::event_ptr& e) {
            const std::lock_guard lock(mutex_);
            if (e->position()) positions_.push_back(*e->position());
            if (positions_.size() > count + 1) positions_.pop_front();
        });
    }

    std::string begin() const {
        const std::lock_guard lock(mutex_);
        return std::string(positions_.front().text());
    }

 private:
    mutable std::mutex mutex_;
    std::deque<tidings::position> positions_;  // the one before the oldest, then each of theirs
    tidings::subscription watch_;
};

tidings::http::response text(std::string type, std::string body) {
    return {200,
            {{"Content-Type", std::move(type)},
             {"Cache-Control", "no-store"},
             {"X-Content-Type-Options", "nosniff"}},
            std::move(body)};
}

nlohmann::json status(counters& counts, const tidings::bus& bus,
                      const tidings::http::server& server, clock::time_point start,
                      const std::string& listening, const recent& newest) {
    const auto seconds =
        std::chrono::duration_cast<std::chrono::seconds>(clock::now() - start).count();
    const auto sent = [&](std::string_view transport) {
        return counts.value("events_sent", {{"transport", transport}});
    };
    const auto route = [&](std::string_view name) {
        return counts.value("route_events", {{"route", name}});
    };
    const auto clients = [&](std::string_view transport) {
        return counts.gauge_value("clients", {{"transport", transport}});
    };
    return {{"uptime_seconds", seconds},
            {"listening", listening},
            {"recent", newest.begin()},
            {"events_published", counts.value("events_published", {})},
            {"routes",
             {{"bus", route("bus")},
              {"websocket", sent("websocket")},
              {"sse", sent("sse")},
              {"webhook", route("webhook")},
              {"rest_hook", route("rest_hook")}}},
            {"subscriptions", bus.subscriptions()},
            {"connections", server.connections()},
            {"clients", {{"websocket", clients("websocket")}, {"sse", clients("sse")}}}};
}

}  // namespace

void mount_admin(tidings::http::server& admin, tidings::bus& bus,
                 const tidings::http::server& server, stores kept, std::shared_ptr<counters> counts,
                 std::string listening) {
    admin.mount("/", [](exchange& x) {
        if (x.request().path() != "/") return x.respond(tidings::http::problem(404, "Not found"));
        auto answer = text("text/html; charset=utf-8", page);
        answer.fields.set("Content-Security-Policy",
                          "default-src 'none'; style-src 'unsafe-inline'; "
                          "script-src 'unsafe-inline'; connect-src 'self'; img-src data:");
        x.respond(std::move(answer));
    });
    admin.mount("/livez", [](exchange& x) { x.respond(text("text/plain", "ok\n")); });
    admin.mount("/readyz", [&server, trouble = kept.trouble](exchange& x) {
        if (server.draining()) return x.respond(tidings::http::problem(503, "Draining"));
        if (const auto t = trouble(); !t.empty())
            return x.respond(tidings::http::problem(503, "Store in trouble", t));
        x.respond(text("text/plain", "ok\n"));
    });
    admin.mount("/metrics", [counts, &bus, kept = std::move(kept)](exchange& x) {
        auto body = counts->prometheus();
        auto now = figures_of(kept);
        now.emplace_back("subscriptions", bus.subscriptions());
        for (const auto& [name, value] : now)
            body += "# TYPE tidings_" + name + " gauge\ntidings_" + name + ' ' +
                    std::to_string(value) + '\n';
        x.respond(text("text/plain; version=0.0.4", std::move(body)));
    });
    admin.mount("/status",
                [counts, &bus, &server, start = clock::now(), listening = std::move(listening),
                 newest = std::make_shared<recent>(bus)](exchange& x) {
                    x.respond(text("application/json",
                                   status(*counts, bus, server, start, listening, *newest).dump()));
                });
    admin.mount("/ws", tidings::websocket::service{
                           bus, {.limits = {.max_bytes = 8 << 20}, .metrics = counts}});
    admin.mount("/events",
                tidings::sse::service{bus, {.limits = {.max_bytes = 8 << 20}, .metrics = counts}});
}

}  // namespace hub
