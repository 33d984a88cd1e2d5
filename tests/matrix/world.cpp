// SPDX-License-Identifier: BSL-1.0
#include "matrix/world.hpp"

#include "support/test_certificates.hpp"

#include <tidings/test/fixed_random.hpp>
#include <tidings/test/manual_clock.hpp>
#include <tidings/test/run_until.hpp>

#include <boost/asio/io_context.hpp>

namespace tidings::matrix {

namespace {

// Reached only when a test fails.
constexpr std::chrono::seconds real_ceiling{30};
constexpr std::chrono::minutes simulated_ceiling{10};

}  // namespace

struct world::parts {
    test::manual_clock clock;
    test::fixed_random random;
    net::io_context io;  // goes before the clock, whose timers it may hold
    std::optional<test::sim_network> network;
    test::sim_link link;
};

world::world(network_kind kind) : kind_(kind), parts_(std::make_unique<parts>()) {
    if (kind != network_kind::simulated) return;
    parts_->network.emplace(&parts_->clock);
    environment_ = {&*parts_->network, &parts_->clock, &parts_->random};
}

world::~world() = default;

net::any_io_executor world::executor() const {
    return parts_->io.get_executor();
}

test::sim_network* world::simulated() const noexcept {
    return parts_->network ? &*parts_->network : nullptr;
}

std::optional<io::tls_server_options> world::server_tls() const {
    if (kind_ != network_kind::tls) return std::nullopt;
    const auto& made = test::certificates().server;
    return io::tls_server_options{{}, {}, made.certificate_pem, made.key_pem};
}

io::tls_client_options world::client_tls() const {
    io::tls_client_options o;
    if (kind_ == network_kind::tls) o.ca_pem = test::certificates().authority.certificate_pem;
    return o;
}

std::string world::url(std::string_view scheme, std::uint16_t port, std::string_view path) const {
    return std::string(scheme) + (kind_ == network_kind::tls ? "s" : "") +
           "://127.0.0.1:" + std::to_string(port) + std::string(path);
}

bool world::run_until(const std::function<bool()>& done) {
    return kind_ == network_kind::simulated
               ? test::run_io_until(parts_->io, parts_->clock, done, simulated_ceiling)
               : test::run_io_until(parts_->io, done, real_ceiling);
}

void world::settle() {
    do {
        if (parts_->io.stopped()) parts_->io.restart();
    } while (parts_->io.poll() != 0);
}

void world::run_a_while(std::size_t handlers) {
    if (parts_->io.stopped()) parts_->io.restart();
    while (handlers-- > 0 && parts_->io.poll_one() != 0) continue;
}

void world::tap(std::function<std::unique_ptr<test::cable_tap>()> make) {
    parts_->link.make_tap = std::move(make);
    if (parts_->network) parts_->network->set_link(parts_->link);
}

void world::trickle() {
    parts_->link.max_read_bytes = 97;
    parts_->link.max_write_bytes = 251;
    if (parts_->network) parts_->network->set_link(parts_->link);
}

findings world::end() {
    findings found;
    if (parts_->io.stopped()) parts_->io.restart();
    if (kind_ == network_kind::simulated) {
        settle();
        if (const auto left = parts_->network->live_streams())
            found.push_back("left behind: " + std::to_string(left) + " simulated streams");
        if (parts_->clock.next_deadline()) found.push_back("left behind: a timer");
        return found;
    }
    parts_->io.run_for(real_ceiling);
    if (!parts_->io.stopped()) found.push_back("left behind: work in the context");
    return found;
}

}  // namespace tidings::matrix
