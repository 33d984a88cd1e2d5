// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "matrix/host.hpp"

#include <tidings/webhook/sender.hpp>
#include <tidings/webhook/standard.hpp>

namespace tidings::matrix {

inline constexpr const char* webhook_secret = "whsec_bWF0cml4LW1hdHJpeC1tYXRyaXgtbWF0cml4";

/// A sender that may reach this machine and tries again soon.
inline std::shared_ptr<webhook::sender> make_sender(const world& w) {
    webhook::sender_options o;
    o.guard = {.allow_loopback = true, .schemes = {"http", "https"}};
    o.retry.delays.assign(50, std::chrono::milliseconds(5));
    o.retry.delays.front() = std::chrono::milliseconds(0);
    o.tls = w.client_tls();
    o.environment = w.environment();
    return std::make_shared<webhook::sender>(w.executor(), std::move(o));
}

/// The sender that the links of a transport share; it goes with the last of them.
class shared_sender {
 public:
    std::shared_ptr<webhook::sender> get(const world& w) {
        auto s = sender_.lock();
        if (!s) sender_ = s = make_sender(w);
        return s;
    }

 private:
    std::weak_ptr<webhook::sender> sender_;
};

/// Puts a receiver on a server each time it is started.
inline mount_function receive_webhooks(std::shared_ptr<subscriber> to, origin_id origin) {
    return [to = std::move(to), origin](front_door& s) {
        auto o = webhook::from_standard({webhook::secret(webhook_secret)});
        o.max_body_bytes = 8 * 1024 * 1024;
        o.origin = origin;
        s.mount("/hook", webhook::receiver{to, std::move(o)});
    };
}

}  // namespace tidings::matrix
