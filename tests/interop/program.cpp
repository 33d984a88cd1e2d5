// SPDX-License-Identifier: BSL-1.0
// Webhooks of tidings for the packages of vendors:
//
//     program receive KEY WHSEC       receives at one path per scheme, and prints each event as
//                                     a line of JSON behind "event "
//     program deliver URL SCHEME KEY  delivers one event, and prints "delivered" or why not
//     program hooks PORT TOKEN        serves REST hooks and a hub; every host that it delivers to
//     is the
//                                     HTTPS server at PORT, whose certificate it prints
#include "interop/stand_in_network.hpp"
#include "support/test_certificates.hpp"

#include <tidings/event_json.hpp>
#include <tidings/tidings.hpp>

#include <chrono>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace net = boost::asio;
namespace webhook = tidings::webhook;

namespace {

int receive(const std::string& key, const std::string& standard_secret) {
    net::io_context io;
    tidings::http::server server{io, {.port = 0}};
    const std::vector<std::string> keys{key};
    const std::vector<webhook::standard_key> standard{webhook::secret(standard_secret)};
    std::map<std::string, webhook::receiver_options> paths;
    paths["/standard"] = webhook::from_standard(standard);
    paths["/svix"] = webhook::from_standard(standard, {.header_prefix = "svix-"});
    paths["/github"] = webhook::from_github(keys);
    paths["/stripe"] = webhook::from_stripe(keys);
    paths["/slack"] = webhook::from_slack(keys);
    paths["/shopify"] = webhook::from_shopify(keys);
    // The URL that Twilio was given, in front of a proxy.
    paths["/twilio"] = webhook::from_twilio(keys, "https://hooks.example.com");
    paths["/cloudevents"] = {
        .reader = webhook::read_standard({.in_fields = tidings::percent_signs::lenient})};
    paths["/cloudevents"].allow_unsigned = true;
    for (auto& [path, options] : paths)
        server.mount(path, webhook::receiver{[path = path](const tidings::event_ptr& e) {
                                                 const nlohmann::json seen{
                                                     {"path", path},
                                                     {"id", std::string(e->id())},
                                                     {"type", std::string(e->type())},
                                                     {"source", std::string(e->source())},
                                                     {"topic", std::string(e->topic())},
                                                     {"time", std::string(e->time())},
                                                     {"subject", std::string(e->subject())},
                                                     {"text", std::string(e->text())}};
                                                 std::cout << "event " << seen.dump() << std::endl;
                                             },
                                             std::move(options)});
    server.start();
    std::cout << "ready " << server.local_endpoint().port << std::endl;
    tidings::drain_on_signal(io, server);
    io.run();
    return 0;
}

webhook::endpoint_options endpoint_of(const std::string& scheme, const std::string& key) {
    const std::vector<std::string> keys{key};
    const auto by_hmac = [&](const webhook::hmac_scheme& s) {
        return std::make_shared<webhook::hmac_signer>(s, keys);
    };
    if (scheme == "github") return {.signer = by_hmac(webhook::github_scheme())};
    if (scheme == "stripe") return {.signer = by_hmac(webhook::stripe_scheme())};
    if (scheme == "slack") return {.signer = by_hmac(webhook::slack_scheme())};
    if (scheme == "shopify") return {.signer = by_hmac(webhook::shopify_scheme())};
    if (scheme.starts_with("twilio"))
        return {.signer = std::make_shared<webhook::twilio_signer>(key),
                .form = webhook::body_form::raw};
    if (scheme == "structured")
        return {.signer = webhook::no_signature(), .form = webhook::body_form::structured};
    if (scheme == "batch")
        return {.signer = webhook::no_signature(),
                .form = webhook::body_form::batch,
                .batch = {.max_delay = std::chrono::milliseconds(0)}};
    if (scheme == "payload") return {.secret = key, .form = webhook::body_form::standard};
    if (scheme == "binary") return {.signer = webhook::no_signature()};
    return {.secret = key};
}

int deliver(const std::string& url, const std::string& scheme, const std::string& key) {
    net::io_context io;
    tidings::bus bus{io};
    std::string result = "no attempt";
    webhook::sender sender{io,
                           {.retry = {.delays = {std::chrono::seconds(0)}},
                            .guard = {.allow_loopback = true, .schemes = {"http"}},
                            .on_attempt = [&](const webhook::attempt& a) {
                                result = a.result == webhook::verdict::success
                                             ? "delivered"
                                             : "refused " + std::to_string(a.status) + ' ' +
                                                   a.error.message();
                                io.stop();
                            }}};
    auto options = endpoint_of(scheme, key);
    options.url = url;
    const auto hook = bus.subscribe(">", sender.endpoint(std::move(options)));
    tidings::event e{"com.acme.order.created", "/shop", {{"total", 99}, {"name", "Zoë 100%"}}};
    e.id("order-1").subject("Zoë's 100% \"order\"");
    if (scheme == "twilio_form")
        e.data("name=Zo%C3%AB+100%25&Total=99", "application/x-www-form-urlencoded");
    bus.publish("orders.42.created", std::move(e));
    io.run();
    std::cout << result << std::endl;
    return result == "delivered" ? 0 : 1;
}

int serve_hooks(std::uint16_t port, const std::string& token) {
    namespace rest_hook = tidings::rest_hook;
    net::io_context io;
    tidings::interop::stand_in_network internet(port);
    const auto& tls = tidings::test::certificates();
    tidings::bus bus{io, {.history = {.max_events = 1000}}};
    webhook::sender sender{
        io,
        {.tls = {.ca_pem = tls.authority.certificate_pem, .server_name = "localhost"},
         .environment = {.network = &internet}}};
    tidings::http::server server{io, {.port = 0}};
    server.mount("/topics",
                 tidings::rest::service{bus, {.authenticator = tidings::bearer_token(token)}});
    server.mount("/hooks", rest_hook::manager{bus, sender});  // that of the README
    rest_hook::manager_options options{
        .authenticator = tidings::bearer_token(token),
        .authorizer = tidings::allow_all(),
        .is_operator = [](const tidings::principal&) { return true; },
        .default_lease = std::chrono::hours(24 * 90)};
    server.mount("/asking", rest_hook::manager{bus, sender, options});
    options.proof.rules = {{.host_suffix = "zapier.com", .takes = {rest_hook::proof::none}}};
    rest_hook::manager zapier{bus, sender, options};
    server.mount("/zapier", zapier);
    server.mount("/hub", rest_hook::websub_hub{zapier,
                                               {.public_url = "https://hub.example.com/hub",
                                                .topic_prefix = "https://hub.example.com/topics/",
                                                .authenticator = tidings::allow_anonymous(),
                                                .authorizer = tidings::allow_all()}});
    server.start();
    const nlohmann::json shown{{"cert", tls.server.certificate_pem}, {"key", tls.server.key_pem}};
    std::cout << "certificate " << shown.dump() << std::endl;
    std::cout << "ready " << server.local_endpoint().port << std::endl;
    tidings::drain_on_signal(io, server, sender);
    io.run();
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    const std::vector<std::string> args(argv + 1, argv + argc);
    if (args.size() == 3 && args[0] == "receive") return receive(args[1], args[2]);
    if (args.size() == 4 && args[0] == "deliver") return deliver(args[1], args[2], args[3]);
    if (args.size() == 3 && args[0] == "hooks")
        return serve_hooks(static_cast<std::uint16_t>(std::stoul(args[1])), args[2]);
    std::cerr << "usage: program receive KEY WHSEC | program deliver URL SCHEME KEY | "
                 "program hooks PORT TOKEN\n";
    return 2;
}
