// SPDX-License-Identifier: BSL-1.0
#include "matrix/rows.hpp"
#include "matrix/world.hpp"

#include <tidings/bus.hpp>

namespace tidings::matrix {

namespace {

/// From one bus over another to the subscriber: the bus between is the outlet.
class bus_link final : public link {
 public:
    bus_link(net::any_io_executor executor, bus& from, std::shared_ptr<subscriber> to)
        : between_(std::move(executor)),
          out_(between_->subscribe(">", std::move(to))),
          in_(from.subscribe(">", *between_)),
          outlet_(between_->as_subscriber()) {}

    bool ready() const override { return in_.active() && out_.active(); }
    std::shared_ptr<subscriber> outlet() override { return outlet_; }
    void close() override { between_.reset(); }

 private:
    std::optional<bus> between_;
    subscription out_;
    subscription in_;
    std::shared_ptr<subscriber> outlet_;
};

class direct_link final : public link {
 public:
    direct_link(bus& from, std::shared_ptr<subscriber> to)
        : subscription_(from.subscribe(">", std::move(to))) {}

    bool ready() const override { return subscription_.active(); }
    std::shared_ptr<subscriber> outlet() override { return nullptr; }
    void close() override { subscription_.reset(); }

 private:
    subscription subscription_;
};

class bus_transport final : public transport {
 public:
    using transport::transport;

    outlet_guarantee guarantee() const override { return {}; }
    std::unique_ptr<link> connect(bus& from, std::shared_ptr<subscriber> to,
                                  link_options) override {
        return std::make_unique<bus_link>(in().executor(), from, std::move(to));
    }
    std::vector<std::unique_ptr<link>> bridge(bus& a, bus& b, const wrap_function& wrap) override {
        std::vector<std::unique_ptr<link>> both;
        both.push_back(std::make_unique<direct_link>(a, wrap(b.as_subscriber())));
        both.push_back(std::make_unique<direct_link>(b, wrap(a.as_subscriber())));
        return both;
    }
};

}  // namespace

std::unique_ptr<transport> make_bus_transport(world& w) {
    return std::make_unique<bus_transport>(w);
}

}  // namespace tidings::matrix
