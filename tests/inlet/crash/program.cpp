// SPDX-License-Identifier: BSL-1.0
// The programs that crash.mjs kills:
//
//     crash_program hub SOCKET [LOG]          a bus behind a server; with LOG its history survives
//     crash_program bridge KIND SOCKET POSITION ACCEPTED
//                                             a client of that bus with an outlet that stores
//
// The bridge appends the text of each event to ACCEPTED, eight at a time, and stores the client's
// checkpoint in POSITION before it takes the next eight.
#include "support/ordering_history.hpp"

#include <tidings/tidings.hpp>

#include <boost/asio/io_context.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

namespace net = boost::asio;

namespace {

constexpr std::size_t batch = 8;

/// Appended to in one call of the system per batch, so that no line is torn by the process's end.
class log_file {
 public:
    explicit log_file(const char* path)
        : fd_(::open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) {}
    ~log_file() { ::close(fd_); }
    log_file(const log_file&) = delete;
    void append(const std::string& lines) {
        if (::write(fd_, lines.data(), lines.size()) != static_cast<ssize_t>(lines.size()))
            std::abort();
    }

 private:
    int fd_;
};

/// A history whose events are in a file before they are committed.
class logged_history final : public tidings::history {
 public:
    logged_history(net::io_context& io, const char* path) : log_(path) {
        std::ifstream file(path);
        for (std::string line; std::getline(file, line);) {
            tidings::error_code ec;
            auto e = tidings::parse_cloudevents_json(line, ec);
            inner_->commit_foreign(e.topic, std::move(e.event));
        }
        inner_->commit_on(io.get_executor());
    }
    bool covers(std::string_view topic) const noexcept override { return inner_->covers(topic); }
    void listen(tidings::history_listener& l) override { inner_->listen(l); }
    void unlisten(const tidings::history_listener& l) noexcept override { inner_->unlisten(l); }
    tidings::append_result append(tidings::pending_publication e,
                                  tidings::append_handler handler) override {
        tidings::error_code ec;
        log_.append(*tidings::cloudevents_json(*e, ec) + '\n');
        return inner_->append(std::move(e), std::move(handler));
    }
    tidings::position head() const override { return inner_->head(); }
    void start_read(tidings::position after, std::vector<std::string> patterns,
                    std::size_t max_events, tidings::read_handler handler) override {
        inner_->start_read(std::move(after), std::move(patterns), max_events, std::move(handler));
    }
    std::optional<tidings::position> find(std::string_view source,
                                          std::string_view id) const override {
        return inner_->find(source, id);
    }

 private:
    std::shared_ptr<tidings::test::ordering_history> inner_ =
        std::make_shared<tidings::test::ordering_history>(100'000, "kept");
    log_file log_;
};

int run_hub(const char* socket, const char* log) {
    net::io_context io;
    tidings::history_options history{.max_events = 100'000};
    if (log != nullptr) history = {.implementation = std::make_shared<logged_history>(io, log)};
    tidings::bus bus{io, {.history = history}};
    std::remove(socket);
    tidings::http::server server{io, {.unix_path = socket, .allowed_hosts = {"*"}}};
    const auto anybody = tidings::allow_anonymous();
    server.mount("/ws", tidings::websocket::service{bus, {.authenticator = anybody}});
    server.mount("/events", tidings::sse::service{bus, {.authenticator = anybody}});
    server.mount("/topics", tidings::rest::service{bus, {.authenticator = anybody}});
    server.start();
    std::cout << "ready" << std::endl;
    io.run();
    return 0;
}

class storing_outlet final : public tidings::subscriber {
 public:
    /// `on_batch(n)`: so many events were stored since the start; `next` follows it.
    storing_outlet(const char* path, std::function<void(std::uint64_t)> on_batch)
        : log_(path),
          on_batch_(std::move(on_batch)) {}
    tidings::outcome deliver(const tidings::event_ptr&) noexcept override {
        return tidings::outcome::dropped;  // a bus with a publisher that waits never calls it
    }
    void next() {
        busy_ = false;
        if (waiting_.empty()) return;
        busy_ = true;
        const auto count = std::min(waiting_.size(), batch);
        std::string lines;
        for (std::size_t i = 0; i < count; ++i)
            lines +=
                (tidings::is_control(waiting_[i].first) ? std::string("gap")
                                                        : std::string(waiting_[i].first->text())) +
                '\n';
        log_.append(lines);
        stored_ += count;
        for (std::size_t i = 0; i < count; ++i)
            std::move(waiting_[i].second)(tidings::error_code(), tidings::outcome::delivered);
        waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(count));
        on_batch_(stored_);
    }

 private:
    void start_deliver(tidings::event_ptr e, tidings::deliver_handler handler) override {
        waiting_.emplace_back(std::move(e), std::move(handler));
        if (!busy_) next();
    }
    log_file log_;
    std::function<void(std::uint64_t)> on_batch_;
    std::vector<std::pair<tidings::event_ptr, tidings::deliver_handler>> waiting_;
    std::uint64_t stored_ = 0;
    bool busy_ = false;
};

template <class Options>
Options options_for(const std::string& path, const char* socket) {
    Options o;
    o.url = path;
    o.topics = {">"};
    o.unix_path = socket;
    o.reconnect = {.initial = std::chrono::milliseconds(20), .max = std::chrono::milliseconds(40)};
    o.window.max_events = 64;
    return o;
}

/// @param start makes the client: (bus, options' stored position)
template <class Start>
int run_bridge(const char* position_file, const char* accepted_file, Start start) {
    net::io_context io;
    tidings::bus bus{io, {.history = {.max_events = 100'000}}};
    std::string stored;
    std::getline(std::ifstream(position_file), stored);
    auto client = start(io, bus, stored);

    std::shared_ptr<storing_outlet> outlet;
    const auto store = [&] {
        if constexpr (requires { client->last_event_id(); })
            stored = client->last_event_id();
        else if constexpr (requires { client->last_position().text(); })
            stored = client->last_position().text();
        else
            stored = client->last_position().value_or(tidings::position()).text();
        const std::string fresh = std::string(position_file) + ".new";
        std::ofstream(fresh, std::ios::trunc) << stored << '\n';
        if (std::rename(fresh.c_str(), position_file) != 0) std::abort();
        outlet->next();
    };
    std::function<void(std::uint64_t)> await = [&](std::uint64_t count) {
        net::post(io, [&, count] {
            if (client->counters().accepted < count) return await(count);
            store();
        });
    };
    outlet = std::make_shared<storing_outlet>(accepted_file, await);
    const auto watch = bus.subscribe(">", outlet);
    client->start();
    io.run();
    return 0;
}

int run_bridge(const std::string& kind, const char* socket, const char* position_file,
               const char* accepted_file) {
    const auto parsed = [](const std::string& text) {
        tidings::error_code ec;
        return tidings::position::parse(text, ec);  // empty at first: all that is held
    };
    if (kind == "sse")
        return run_bridge(position_file, accepted_file, [&](auto& io, auto& bus, const auto& at) {
            auto o =
                options_for<tidings::sse::client_options>("http://127.0.0.1/events?after=", socket);
            o.last_event_id = at;
            return std::make_unique<tidings::sse::client>(io, std::move(o), bus);
        });
    if (kind == "websocket")
        return run_bridge(position_file, accepted_file, [&](auto& io, auto& bus, const auto& at) {
            auto o = options_for<tidings::websocket::client_options>("ws://127.0.0.1/ws", socket);
            o.after = parsed(at);
            return std::make_unique<tidings::websocket::client>(io, std::move(o), bus);
        });
    return run_bridge(position_file, accepted_file, [&](auto& io, auto& bus, const auto& at) {
        auto o = options_for<tidings::rest::client_options>("http://127.0.0.1/topics", socket);
        o.after = parsed(at);
        o.max_batch = 20;
        return std::make_unique<tidings::rest::client>(io, std::move(o), bus);
    });
}

}  // namespace

int main(int argc, char** argv) {
    const std::string what = argc > 1 ? argv[1] : "";
    if (what == "hub" && argc >= 3) return run_hub(argv[2], argc > 3 ? argv[3] : nullptr);
    if (what == "bridge" && argc == 6) return run_bridge(argv[2], argv[3], argv[4], argv[5]);
    std::cerr << "crash_program hub SOCKET [LOG] | bridge KIND SOCKET POSITION ACCEPTED\n";
    return 2;
}
