// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/client/proxied_network.hpp>
#include <tidings/http/impl/client/tunnelling.hpp>
#include <tidings/http/proxy_network.hpp>
#include <tidings/text/impl/ascii.hpp>
#include <tidings/text/impl/base64.hpp>

#include <algorithm>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace tidings::http {

namespace {

bool has_control_byte(std::string_view text) noexcept {
    return std::any_of(text.begin(), text.end(), tidings::detail::is_field_control);
}

[[noreturn]] void refuse_proxy(const char* why) {
    throw std::invalid_argument(std::string("tidings::http::make_proxy_network: ") + why);
}

// The options with one kind of credentials.
std::shared_ptr<const proxy_options> checked_proxy(proxy_options o) {
    const bool basic = !o.user.empty() || !o.password.empty();
    if (o.unix_path.empty() && (o.host.empty() || o.port == 0))
        refuse_proxy("the proxy's host and port, or its Unix path, are missing");
    if (o.host.find('/') != std::string::npos)
        refuse_proxy("the proxy's host is no URL, and the proxy is spoken to without TLS");
    if (basic && !o.authorization.empty()) refuse_proxy("more than one kind of credentials");
    if (o.user.find(':') != std::string::npos || has_control_byte(o.user) ||
        has_control_byte(o.password) || has_control_byte(o.authorization))
        refuse_proxy("the credentials cannot be sent");
    if (basic)
        o.authorization = "Basic " + tidings::detail::base64_encode(o.user + ':' + o.password);
    return std::make_shared<const proxy_options>(std::move(o));
}

std::string_view without_last_dot(std::string_view host) noexcept {
    if (host.ends_with('.')) host.remove_suffix(1);
    return host;
}

// Whether `entry` of the list of direct hosts is this one, or a name above it.
bool covers_host(std::string_view entry, std::string_view host) noexcept {
    host = without_last_dot(host);
    entry = without_last_dot(entry);
    if (entry.empty()) return false;
    if (entry.starts_with('.') && host.size() > entry.size())
        host.remove_prefix(host.size() - entry.size());
    return tidings::detail::equal_ignoring_case(entry, host);
}

class proxy_network final : public detail::proxied_network {
 public:
    proxy_network(io::network& inner, std::shared_ptr<const proxy_options> proxy)
        : inner_(inner),
          proxy_(std::move(proxy)) {}

    bool leads_through_proxy(std::string_view host) const noexcept override {
        return std::none_of(proxy_->direct.begin(), proxy_->direct.end(),
                            [host](const auto& entry) { return covers_host(entry, host); });
    }
    std::unique_ptr<io::acceptor> listen(net::any_io_executor executor,
                                         const io::listen_options& options,
                                         error_code& ec) override {
        return inner_.listen(std::move(executor), options, ec);
    }
    io::canceller start_connect(net::any_io_executor executor, io::connect_options options,
                                io::stream_callback done) override {
        if (!options.unix_path.empty() || !leads_through_proxy(options.host))
            return inner_.start_connect(std::move(executor), std::move(options), std::move(done));
        return detail::start_tunnelling({inner_, proxy_, silence_}, std::move(executor),
                                        std::move(options), std::move(done));
    }
    io::canceller start_resolve(net::any_io_executor executor, std::string host, std::uint16_t port,
                                io::resolve_callback done) override {
        return inner_.start_resolve(std::move(executor), std::move(host), port, std::move(done));
    }
    io::canceller start_resolve_unproven(net::any_io_executor executor, std::string host,
                                         std::uint16_t port, io::resolve_callback done) override {
        return inner_.start_resolve_unproven(std::move(executor), std::move(host), port,
                                             std::move(done));
    }

 private:
    io::network& inner_;
    const std::shared_ptr<const proxy_options> proxy_;
    const std::shared_ptr<detail::proxy_silence> silence_ =
        std::make_shared<detail::proxy_silence>();
};

}  // namespace

std::unique_ptr<io::network> make_proxy_network(io::network& inner, proxy_options options) {
    return std::make_unique<proxy_network>(inner, checked_proxy(std::move(options)));
}

}  // namespace tidings::http
