// SPDX-License-Identifier: BSL-1.0
#include "matrix/transports/webhook.hpp"

#include "matrix/rows.hpp"

#include <tidings/bus.hpp>

namespace tidings::matrix {

namespace {

class webhook_link final : public link {
 public:
    webhook_link(std::shared_ptr<webhook::sender> s, webhook::endpoint_options o, bus& from)
        : sender_(std::move(s)),
          endpoint_(sender_->endpoint(std::move(o))),
          in_(from.subscribe(">", endpoint_)) {}

    bool ready() const override { return in_.active(); }
    std::shared_ptr<subscriber> outlet() override { return endpoint_.as_subscriber(); }
    void close() override { endpoint_.close(); }

 private:
    std::shared_ptr<webhook::sender> sender_;
    webhook::endpoint endpoint_;
    subscription in_;
};

class webhook_transport final : public transport {
 public:
    webhook_transport(world& w, webhook::body_form form) : transport(w), form_(form) {}

    outlet_guarantee guarantee() const override {
        return {.at_least_once = true,
                .absorbs_repetitions = true,
                .one_request_each = true,
                .keeps_types = form_ == webhook::body_form::structured};
    }
    std::unique_ptr<link> connect(bus& from, std::shared_ptr<subscriber> to,
                                  link_options options) override {
        const auto& h = serve(receive_webhooks(std::move(to), options.inlet_origin));
        webhook::endpoint_options o;
        o.url = h.url("http", "/hook");
        o.secret = webhook_secret;
        o.form = form_;
        o.origin = options.outlet_origin;
        return std::make_unique<webhook_link>(sender_.get(in()), std::move(o), from);
    }

 private:
    webhook::body_form form_;
    shared_sender sender_;
};

}  // namespace

std::unique_ptr<transport> make_webhook_transport(world& w) {
    return std::make_unique<webhook_transport>(w, webhook::body_form::binary);
}

std::unique_ptr<transport> make_structured_webhook_transport(world& w) {
    return std::make_unique<webhook_transport>(w, webhook::body_form::structured);
}

}  // namespace tidings::matrix
