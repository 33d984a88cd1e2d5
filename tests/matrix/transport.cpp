// SPDX-License-Identifier: BSL-1.0
#include "matrix/transport.hpp"

#include "matrix/host.hpp"
#include "support/sim_network.hpp"

#include <tidings/bus.hpp>

namespace tidings::matrix {

transport::transport(world& w) : world_(w) {}

transport::~transport() = default;

std::vector<std::unique_ptr<link>> transport::bridge(bus& a, bus& b, const wrap_function& wrap) {
    const auto at_a = make_origin();
    const auto at_b = make_origin();
    std::vector<std::unique_ptr<link>> both;
    both.push_back(connect(a, wrap(b.as_subscriber()), {at_a, at_b}));
    both.push_back(connect(b, wrap(a.as_subscriber()), {at_b, at_a}));
    return both;
}

void transport::cut() {
    if (auto* network = world_.simulated()) return network->reset_all();
    for (const auto& h : hosts_)
        if (h.may_restart) h.at->restart();
}

std::size_t transport::connections() const {
    std::size_t sum = 0;
    for (const auto& h : hosts_) sum += h.at->connections();
    return sum;
}

std::size_t transport::connections_made() const {
    std::size_t sum = 0;
    for (const auto& h : hosts_) sum += h.at->seen().connections();
    return sum;
}

std::vector<std::size_t> transport::requests(std::string_view id) const {
    std::vector<std::size_t> all;
    for (const auto& h : hosts_)
        if (const auto n = h.at->seen().requests(id)) all.push_back(n);
    return all;
}

host& transport::serve(std::function<void(front_door&)> mount, bool may_restart) {
    return *hosts_.emplace_back(std::make_unique<host>(world_, std::move(mount)), may_restart).at;
}

}  // namespace tidings::matrix
