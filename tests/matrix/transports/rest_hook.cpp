// SPDX-License-Identifier: BSL-1.0
#include "matrix/rows.hpp"
#include "matrix/transports/webhook.hpp"

#include <tidings/http/client.hpp>
#include <tidings/rest_hook/manager.hpp>

namespace tidings::matrix {

namespace {

/// A subscription that was made, and is ended, over the manager's API.
class rest_hook_link final : public link {
 public:
    rest_hook_link(const world& w, std::shared_ptr<webhook::sender> s, const host& manager,
                   const host& receiver)
        : sender_(std::move(s)),
          api_(manager.url("http", "")),
          client_(w.executor(), options_for(w)) {
        http::request r;
        r.method = "POST";
        r.fields.set("Content-Type", "application/json");
        r.body = R"({"event":">","target_url":")" + receiver.url("http", "/hook") +
                 R"(","secret":")" + webhook_secret + R"("})";
        client_.async_request(api_ + "/hooks", std::move(r))(
            [s = state_](error_code ec, const http::response& answer) {
                if (!ec && answer.status == 201) s->path = answer.fields.get("location");
            });
    }

    bool ready() const override { return !state_->path.empty(); }
    std::shared_ptr<subscriber> outlet() override { return nullptr; }
    void close() override {
        ask("DELETE", [this, alive = std::weak_ptr(state_)](unsigned status) {
            if (status != 204 || alive.expired()) return;
            ask("GET", [s = state_](unsigned then) { s->gone = then == 404; });
        });
    }
    bool gone() const override { return state_->gone; }

 private:
    void ask(std::string method, std::function<void(unsigned)> told) {
        http::request r;
        r.method = std::move(method);
        client_.async_request(api_ + state_->path, std::move(r))(
            [told = std::move(told)](error_code, const http::response& answer) {
                told(answer.status);
            });
    }
    static http::client_options options_for(const world& w) {
        http::client_options o;
        o.tls = w.client_tls();
        o.environment = w.environment();
        return o;
    }
    struct state {
        std::string path;
        bool gone = false;
    };
    std::shared_ptr<webhook::sender> sender_;
    std::string api_;
    std::shared_ptr<state> state_ = std::make_shared<state>();
    http::client client_;
};

class rest_hook_transport final : public transport {
 public:
    using transport::transport;

    outlet_guarantee guarantee() const override {
        return {.at_least_once = true,
                .absorbs_repetitions = true,
                .one_request_each = true,
                .keeps_types = false,
                .direct_outlet = false};
    }
    std::unique_ptr<link> connect(bus& from, std::shared_ptr<subscriber> to,
                                  link_options options) override {
        const auto& receiver = serve(receive_webhooks(std::move(to), options.inlet_origin));
        // A manager ends with its server, and the subscriptions with the manager.
        auto sender = sender_.get(in());
        if (!manager_ || from_ != &from)
            manager_ = &serve(manage(from, sender, options.outlet_origin), false);
        from_ = &from;
        return std::make_unique<rest_hook_link>(in(), std::move(sender), *manager_, receiver);
    }

 private:
    mount_function manage(bus& from, const std::shared_ptr<webhook::sender>& by,
                          origin_id origin) const {
        return [this, &from, weak = std::weak_ptr(by), origin](front_door& s) {
            rest_hook::manager_options o;
            o.origin = origin;
            o.environment = in().environment();
            if (const auto sender = weak.lock())
                s.mount("/hooks", rest_hook::manager{from, *sender, std::move(o)});
        };
    }

    shared_sender sender_;
    host* manager_ = nullptr;
    bus* from_ = nullptr;
};

}  // namespace

std::unique_ptr<transport> make_rest_hook_transport(world& w) {
    return std::make_unique<rest_hook_transport>(w);
}

}  // namespace tidings::matrix
