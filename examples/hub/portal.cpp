// SPDX-License-Identifier: BSL-1.0
#include "portal.hpp"

namespace hub {

namespace {

using tidings::http::problem;
using tidings::http::response;

constexpr std::size_t max_name_bytes = 256;

// A web site may send requests to this machine, but not with another Origin than its own.
bool is_foreign(const tidings::http::request& r) {
    const auto origin = r.fields.find("Origin");
    return origin && *origin != "http://" + std::string(r.fields.get("Host"));
}

response ticket_for(const tidings::http::exchange& x, tidings::rest_hook::portal& page,
                    const tidings::authenticator& who) {
    const auto& r = x.request();
    if (r.method != "POST") return problem(405, "Method not allowed", "POST");
    if (is_foreign(r)) return problem(403, "Origin not allowed", r.fields.get("Origin"));
    tidings::error_code ec;
    who({.authorization = r.fields.get("Authorization"), .loopback = x.loopback()}, ec);
    if (ec) return problem(401, "Unauthorized", ec.message());
    if (r.body.size() > max_name_bytes) return problem(413, "Too long a name");
    const bool is_operator = r.body.empty();
    const auto ticket =
        page.make_ticket({.who = {.name = std::string(r.body)}, .is_operator = is_operator}, ec);
    if (ec) return problem(503, "No ticket", ec.message());
    return {201,
            {{"Content-Type", "text/plain"}, {"Cache-Control", "no-store"}},
            "http://" + std::string(r.fields.get("Host")) + "/portal/#ticket=" + ticket + '\n'};
}

}  // namespace

void mount_portal(tidings::http::server& admin, tidings::rest_hook::manager& hooks,
                  tidings::authenticator who) {
    tidings::rest_hook::portal page{hooks, {.title = "tidings hub: REST hooks"}};
    admin.mount("/portal", page);
    admin.mount("/portal/tickets",
                [page, who = std::move(who)](tidings::http::exchange& x) mutable {
                    x.respond(ticket_for(x, page, who));
                });
}

}  // namespace hub
