// SPDX-License-Identifier: BSL-1.0
// The hub that crash.mjs kills: its history, its outbox and its subscriptions are in one file.
//
//     hook_crash_program FILE SOCKET
//
// Serves /topics and /hooks at SOCKET. Each target is asked by an echo, unless its owner asks for
// none.
#include <tidings/store/sqlite/history.hpp>
#include <tidings/store/sqlite/outbox.hpp>
#include <tidings/store/sqlite/table.hpp>
#include <tidings/tidings.hpp>

#include <boost/asio/io_context.hpp>

#include <cstdio>
#include <iostream>
#include <string>

namespace net = boost::asio;

namespace {

using namespace std::chrono_literals;

void log(const tidings::log_record& r) {
    if (r.level >= tidings::log_level::warning)
        std::cerr << r.message << ": " << r.error.message() << std::endl;
}

tidings::webhook::sender_options sender_options(std::shared_ptr<tidings::store::outbox> outbox) {
    tidings::webhook::sender_options o;
    o.outbox = std::move(outbox);
    o.log = log;
    o.retry.delays.assign(20, 20ms);
    o.retry.delays.front() = 0ms;
    o.guard = {.allow_loopback = true, .schemes = {"http"}};
    return o;
}

tidings::rest_hook::manager_options manager_options(std::shared_ptr<tidings::store::table> table) {
    using tidings::rest_hook::proof;
    tidings::rest_hook::manager_options o;
    o.table = std::move(table);
    o.authenticator = tidings::allow_anonymous();
    o.authorizer = tidings::allow_all();
    o.log = log;
    o.max_hooks = o.max_hooks_per_principal = 20'000;
    o.max_bytes_per_principal = 64 * 1024 * 1024;
    o.proof.rules = {{.takes = {proof::echo, proof::none}}};
    o.proof.max_per_host = 100'000;
    return o;
}

void run(const char* file, const char* socket) {
    net::io_context io;
    tidings::sqlite::database db{
        io, {.path = file, .durable = tidings::sqlite::durability::process, .min_free_bytes = 0}};
    tidings::bus bus{io,
                     {.history = {.implementation = tidings::sqlite::make_history(
                                      db, {{.pattern = ">", .max_events = 1'000'000}})}}};
    tidings::webhook::sender sender{io, sender_options(tidings::sqlite::make_outbox(db))};
    std::remove(socket);
    tidings::http::server server{io, {.unix_path = socket, .allowed_hosts = {"*"}}};
    server.mount("/topics",
                 tidings::rest::service{bus, {.authenticator = tidings::allow_anonymous()}});
    server.mount("/hooks",
                 tidings::rest_hook::manager{
                     bus, sender, manager_options(tidings::sqlite::make_table(db, "hooks"))});
    server.start();
    std::cout << "ready" << std::endl;
    io.run();
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        std::cerr << "usage: hook_crash_program FILE SOCKET\n";
        return 2;
    }
    try {
        run(argv[1], argv[2]);
        return 0;
    } catch (const std::exception& e) {
        std::cerr << e.what() << '\n';
        return 1;
    }
}
