// SPDX-License-Identifier: BSL-1.0
#include "options.hpp"

#include <boost/asio/ip/address.hpp>

#include <charconv>
#include <map>
#include <string_view>

namespace hub {

namespace {

// HOST:PORT, the host a literal address; IPv6 in brackets.
std::optional<address> parse_address(std::string_view text) {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) return std::nullopt;
    auto host = text.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    boost::system::error_code bad;
    boost::asio::ip::make_address(std::string(host), bad);
    address a{std::string(host), 0};
    const auto digits = text.substr(colon + 1);
    const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), a.port);
    if (bad || ec != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
    return a;
}

bool is_loopback(const std::string& host) {
    return boost::asio::ip::make_address(host).is_loopback();
}

bool parse_log_level(std::string_view text, std::optional<tidings::log_level>& level) {
    using enum tidings::log_level;
    static const std::map<std::string_view, std::optional<tidings::log_level>> levels{
        {"debug", debug}, {"info", info}, {"warning", warning}, {"error", error}, {"off", {}}};
    const auto it = levels.find(text);
    if (it == levels.end()) return false;
    level = it->second;
    return true;
}

}  // namespace

std::string usage() {
    return R"(usage: hub [options]

A hub for events: whatever comes in by webhook, HTTP POST or WebSocket goes out to browsers, webhooks
and REST hooks.

  --listen HOST:PORT       where it serves (default 127.0.0.1:8080; port 0: any)
                             POST /in/github        GitHub webhooks, verified
                             POST|GET /topics/...   publish, read, long-poll
                             GET /ws, /events       WebSocket, Server-Sent Events: ?topic=orders.>
                             /hooks                 REST hooks
  --admin HOST:PORT        page, /livez, /readyz, /metrics, /status (default 127.0.0.1:8081;
                           loopback only)
                             POST /portal/tickets   a link that opens the page of the REST hooks
                                                    once, for all or for the owner in the body
  --token TEXT             clients must send it as a bearer token; needed to listen beyond loopback
  --data DIR               keep history, REST hooks and what is owed to webhooks in the file
                           DIR/hub.db, which survives the hub (default: in memory)
  --key-file FILE          seal the REST hooks in it with the first of these keys, one a line
                           (openssl rand -base64 32); the others open what they sealed
  --on-damaged DO          refuse (default): do not start with a file that is damaged; set-aside:
                           rename it and begin a new one; /readyz fails until it is moved away
  --github-secret TEXT     the secret of the GitHub webhooks (default: one made for this run, and
                           printed)
  --webhook URL            deliver to this URL, too
  --webhook-secret TEXT    and sign with this (whsec_...)
  --webhook-topic PATTERN  only this (default >)
  --log-level LEVEL        debug, info (default), warning, error or off; the log goes to stderr
  --help                   this text
)";
}

std::optional<options> parse_options(int argc, char** argv, std::string& error) {
    options o;
    std::string listen, admin, log_level, on_damaged = "refuse";
    const std::map<std::string_view, std::string*> known{
        {"--listen", &listen},
        {"--admin", &admin},
        {"--token", &o.token},
        {"--data", &o.data},
        {"--key-file", &o.key_file},
        {"--on-damaged", &on_damaged},
        {"--github-secret", &o.github_secret},
        {"--webhook", &o.webhook_url},
        {"--webhook-secret", &o.webhook_secret},
        {"--webhook-topic", &o.webhook_topic},
        {"--log-level", &log_level},
    };
    for (int i = 1; i < argc; ++i) {
        const std::string_view name = argv[i];
        if (name == "--help" || name == "-h") {
            o.help = true;
            return o;
        }
        const auto it = known.find(name);
        if (it == known.end() || i + 1 == argc) {
            error = it == known.end() ? "unknown option " : "no value for ";
            error += name;
            return std::nullopt;
        }
        *it->second = argv[++i];
    }
    for (const auto& [text, place] : {std::pair{&listen, &o.listen}, {&admin, &o.admin}}) {
        if (text->empty()) continue;
        const auto a = parse_address(*text);
        if (!a) {
            error = "not HOST:PORT with a literal address: " + *text;
            return std::nullopt;
        }
        *place = *a;
    }
    if (!log_level.empty() && !parse_log_level(log_level, o.log_level))
        error = "--log-level must be debug, info, warning, error or off: " + log_level;
    else if (on_damaged != "refuse" && on_damaged != "set-aside")
        error = "--on-damaged must be refuse or set-aside: " + on_damaged;
    else if (!is_loopback(o.admin.host))
        error = "--admin must be a loopback address: it has no authentication";
    else if (!is_loopback(o.listen.host) && o.token.empty())
        error =
            "--listen beyond loopback needs --token, or everyone who reaches the port could "
            "read and publish";
    else if (!o.key_file.empty() && o.data.empty())
        error = "--key-file needs --data: without that nothing is kept";
    else if (o.webhook_url.empty() != o.webhook_secret.empty())
        error = "--webhook and --webhook-secret go together";
    if (!error.empty()) return std::nullopt;
    o.set_damaged_aside = on_damaged == "set-aside";
    return o;
}

}  // namespace hub
