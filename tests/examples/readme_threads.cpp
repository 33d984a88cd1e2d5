// SPDX-License-Identifier: BSL-1.0
// The objects of the README's program, what it delivers to and the context go in many orders while
// two threads run the context, four lanes serve and two further threads publish. What is left over
// keeps `run()` from returning, or a socket open; what is used after its end, or by two threads
// at once, the sanitizers find. Run under TSan by CI.
#include "support/board.hpp"
#include "support/readme_program.hpp"
#include "support/two_threads.hpp"

#include <tidings/webhook/standard.hpp>

#include <boost/asio/post.hpp>

#include <algorithm>
#include <array>
#include <future>
#include <numeric>
#include <random>
#include <thread>

namespace tidings::test {

namespace {

/// What the program delivers to: a receiver before a bus of its own.
struct receiving_end {
    explicit receiving_end(net::io_context& io)
        : hub(std::in_place, io),
          server(std::in_place, io, http::server_options{.lanes = 4}) {
        auto receiving = webhook::from_standard({webhook::secret(webhook_secret)});
        receiving.topic = topic_rule::prefix("in");
        server->mount("/hook", webhook::receiver{*hub, receiving});
        server->start();
        seen = hub->subscribe("in.>", [n = received](const event_ptr&) { ++*n; });
    }

    std::shared_ptr<std::atomic<int>> received = std::make_shared<std::atomic<int>>(0);
    std::optional<bus> hub;
    std::optional<http::server> server;
    subscription seen;
};

/// Everything, and the threads that publish.
class everything {
 public:
    enum object { server_of_end = readme_program::objects, bus_of_end, clients, context, count };

    everything() {
        for (std::size_t i = 0; i < publishers_.size(); ++i)
            publishers_[i] = std::thread([this, i] { publish(static_cast<int>(i)); });
    }
    ~everything() { stop_publishing(); }

    bool context_gone() const noexcept { return !threads_; }
    /// Returns when that many more events were published.
    bool go_on(int events) {
        const int before = published_;
        return noted_.wait([&] { return published_ >= before + events; });
    }
    /// Until something has come by every way.
    bool wait_for_traffic() {
        return noted_.wait([&] {
            return *end_.received > 0 && program_.counts->watched > 0 &&
                   program_.counts->answers > 2 && clients_->seen->count() > 1;
        });
    }
    /// Some more of what comes from clients, and of what is waited for.
    void ask() {
        if (clients_) {
            clients_->post();
            clients_->send();
            clients_->subscribe('?' + std::to_string(++asked_));
            clients_->ask("GET", "/hooks");
        }
        if (program_.bus)
            program_.bus->async_publish(
                "orders.7.paid", event("t", "/s", "{}"),
                [n = program_.counts](error_code, const receipt&) { ++n->answers; });
    }
    void destroy(int which) {
        if (which == server_of_end) end_.server.reset();
        if (which == bus_of_end) end_.hub.reset();
        if (which == clients) clients_.reset();
        if (which < readme_program::objects) program_.destroy(which);
        if (which != context) return;
        threads_->io.stop();
        threads_.reset();
    }
    /// The same by a handler of the context.
    void destroy_inside(int which) {
        std::promise<void> done;
        net::post(threads_->io, [&] {
            destroy(which);
            done.set_value();
        });
        done.get_future().wait();
    }
    /// The context goes last; it is not stopped.
    void run_out() {
        threads_->join();
        threads_.reset();
    }
    void stop_publishing() {
        stop_ = true;
        for (auto& t : publishers_)
            if (t.joinable()) t.join();
    }

 private:
    // Not the bus's handle, which goes.
    void publish(int number) {
        for (int n = 1; !stop_; ++n) {
            error_code ec;
            out_->deliver(publication::make(
                "orders.2.created",
                event("t", "/s", "{}").id(std::to_string(number) + '-' + std::to_string(n)), {},
                ec));
            ++published_;
            noted_.changed();
            std::this_thread::yield();
        }
    }

    board noted_;
    std::optional<two_threads> threads_{std::in_place};
    receiving_end end_{threads_->io};
    readme_program program_{threads_->io, url_of(*end_.server, "/hook"), {}, 4};
    std::optional<readme_clients> clients_{std::in_place, threads_->io, program_};
    const std::shared_ptr<subscriber> out_ = program_.bus->as_subscriber();
    int asked_ = 0;
    std::atomic<int> published_{0};
    std::atomic<bool> stop_{false};
    std::array<std::thread, 2> publishers_;
};

/// Every object once, in an order of that round.
class order {
 public:
    explicit order(unsigned round) {
        std::iota(all_.begin(), all_.end(), 0);
        std::minstd_rand next(round + 1);
        for (std::size_t i = all_.size(); i > 1; --i) std::swap(all_[i - 1], all_[next() % i]);
    }
    void put_last(int which) {
        std::iter_swap(std::find(all_.begin(), all_.end(), which), all_.end() - 1);
    }
    auto begin() const { return all_.begin(); }
    auto end() const { return all_.end(); }
    std::string text() const {
        std::string s;
        for (const int which : all_) s += std::to_string(which);
        return s;
    }

 private:
    std::array<int, everything::count> all_{};
};

}  // namespace

TEST_CASE("the README's objects, their target and the context go in many orders over two threads",
          "[lifetime][threads]") {
    const auto sockets = open_sockets();
    for (unsigned round = 0; round < 40; ++round) {
        order o(round);
        const bool inside = round % 4 == 1;
        const bool run_out = round % 2 == 0;
        if (run_out) o.put_last(everything::context);
        INFO("round " << round << ", order " << o.text());
        {
            everything all;
            all.ask();
            if (round % 4 != 0) REQUIRE(all.wait_for_traffic());
            for (const int which : o) {
                if (which == everything::context && run_out)
                    all.run_out();
                else if (inside && which != everything::context && !all.context_gone())
                    all.destroy_inside(which);
                else
                    all.destroy(which);
                if (!all.context_gone()) all.ask();
                REQUIRE(all.go_on(10));
            }
        }
        REQUIRE(open_sockets() == sockets);
    }
}

TEST_CASE("the README's objects and their target go at once by two threads",
          "[lifetime][threads]") {
    for (unsigned round = 0; round < 16; ++round) {
        order o(round);
        o.put_last(everything::context);
        INFO("round " << round << ", order " << o.text());
        everything all;
        all.ask();
        if (round % 2 != 0) REQUIRE(all.wait_for_traffic());
        const auto every_other = [&](std::size_t from) {
            for (auto i = from; i + 1 < everything::count; i += 2) all.destroy(*(o.begin() + i));
        };
        std::thread other(every_other, 1);
        every_other(0);
        other.join();
        all.run_out();
    }
}

}  // namespace tidings::test
