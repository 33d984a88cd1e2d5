// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus.hpp>
#include <tidings/http/server.hpp>
#include <tidings/rest_hook/manager.hpp>
#include <tidings/store/memory_outbox.hpp>
#include <tidings/store/memory_table.hpp>
#include <tidings/store/sqlite/outbox.hpp>
#include <tidings/store/sqlite/table.hpp>
#include <tidings/test/manual_clock.hpp>
#include <tidings/webhook/sender.hpp>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>

namespace hooks_bench {

namespace io = tidings::io;
namespace net = boost::asio;
using tidings::error_code;
using tidings::test::manual_clock;

[[noreturn]] inline void fail(const char* what, error_code ec) {
    std::fprintf(stderr, "hooks: %s %s\n", what, ec ? ec.message().c_str() : "");
    std::exit(EXIT_FAILURE);
}

/// A bus, a sender and a table, in memory or in a file, and a manager over them.
class host {
 public:
    /// @param file empty: all is in memory
    /// @param clock null: the machine's
    host(const std::string& file, manual_clock* clock) {
        if (clock != nullptr) environment_.clock = clock;
        if (!file.empty())
            file_.emplace(
                io_,
                tidings::sqlite::database_options{
                    .path = file, .durable = tidings::sqlite::durability::process, .check = false});
        table_ = file_ ? tidings::sqlite::make_table(*file_, "hooks")
                       : tidings::store::make_memory_table();
        outbox_ =
            file_ ? tidings::sqlite::make_outbox(*file_) : tidings::store::make_memory_outbox();
        sender_.emplace(io_, tidings::webhook::sender_options{
                                 .outbox = outbox_,
                                 .retry = {.delays = {std::chrono::hours(24)}},
                                 .log =
                                     [](const tidings::log_record& r) {
                                         fail(std::string(r.message).c_str(), r.error);
                                     },
                                 .environment = environment_});
    }

    net::io_context& context() { return io_; }
    net::any_io_executor executor() { return io_.get_executor(); }
    tidings::store::table& table() { return *table_; }
    io::system_time now() const { return environment_.clock->wall_now(); }
    std::size_t subscriptions() const { return bus_.subscriptions(); }
    std::size_t owed() const { return outbox_->stats().owed; }

    void manage() {
        tidings::rest_hook::manager_options o;
        o.table = table_;
        o.proof.rules = {{.takes = {tidings::rest_hook::proof::none}}};
        o.max_hooks = o.max_hooks_per_principal = 1'000'000;
        o.max_bytes_per_principal = std::size_t(1) << 30;
        o.max_remembered_bytes = 0;
        o.log = [](const tidings::log_record& r) {
            if (r.level >= tidings::log_level::warning)
                fail(std::string(r.message).c_str(), r.error);
        };
        o.environment = environment_;
        manager_.emplace(bus_, *sender_, std::move(o));
    }
    /// Where the manager's API is.
    std::string serve() {
        server_.emplace(io_);
        server_->mount("/hooks", *manager_);
        server_->start();
        return "http://127.0.0.1:" + std::to_string(server_->local_endpoint().port) + "/hooks";
    }
    void publish(const std::string& topic, const std::string& text) {
        bus_.publish(topic, tidings::event("bench.order", "/bench", text, "application/json"));
    }

    std::size_t poll() {
        io_.restart();
        return io_.poll();
    }
    template <class Done>
    void run_until(const Done& done) {
        io_.restart();
        while (!done())
            if (io_.run_one_for(std::chrono::seconds(60)) == 0) fail("nothing happens", {});
    }
    /// Until nothing happens any more: with a file, nothing for a while, since its threads do not
    /// say when they rest.
    void rest() {
        while (poll() != 0 || (file_ && io_.run_one_for(std::chrono::milliseconds(50)) != 0)) {
        }
    }

 private:
    net::io_context io_{1};
    net::executor_work_guard<net::io_context::executor_type> work_{io_.get_executor()};
    io::environment environment_{};
    std::optional<tidings::sqlite::database> file_{};
    std::shared_ptr<tidings::store::table> table_{};
    std::shared_ptr<tidings::store::outbox> outbox_{};
    tidings::bus bus_{io_};
    std::optional<tidings::webhook::sender> sender_{};
    std::optional<tidings::rest_hook::manager> manager_{};
    std::optional<tidings::http::server> server_{};
};

}  // namespace hooks_bench
