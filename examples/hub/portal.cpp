// SPDX-License-Identifier: BSL-1.0
#include "portal.hpp"

namespace hub {

namespace {

using tidings::http::problem;
using tidings::http::response;

/// Makes tickets. The access refuses foreign origins and, without a token, whatever came from
/// another machine, through a proxy, or by another name of this one.
class ticket_desk {
 public:
    ticket_desk(tidings::rest_hook::portal page, tidings::authenticator who)
        : page_(std::move(page)),
          access_({.authenticator = std::move(who)}) {}

    void admit(tidings::http::exchange& x) { access_.admit(x, methods); }
    void handle(tidings::http::exchange& x) {
        access_.handle(x, methods, [page = page_](tidings::http::exchange& here) mutable {
            here.respond(ticket_for(here.request(), page));
        });
    }
    std::size_t max_body_bytes() const noexcept { return 256; }

 private:
    static constexpr std::string_view methods = "OPTIONS, POST";

    static response ticket_for(const tidings::http::request& r, tidings::rest_hook::portal& page) {
        if (r.method != "POST") return problem(405, "Method not allowed", methods);
        const bool is_operator = r.body.empty();
        tidings::error_code ec;
        const auto ticket =
            page.make_ticket({.who = {.name = r.body}, .is_operator = is_operator}, ec);
        if (ec) return problem(503, "No ticket", ec.message());
        return {201,
                {{"Content-Type", "text/plain"}, {"Cache-Control", "no-store"}},
                "http://" + std::string(r.fields.get("Host")) + "/portal/#ticket=" + ticket + '\n'};
    }

    tidings::rest_hook::portal page_;
    tidings::http::access access_;
};

}  // namespace

void mount_portal(tidings::http::server& admin, tidings::rest_hook::manager& hooks,
                  tidings::authenticator who) {
    const tidings::rest_hook::portal page{hooks, {.title = "tidings hub: REST hooks"}};
    admin.mount("/portal", page);
    admin.mount("/portal/tickets", ticket_desk(page, std::move(who)));
}

}  // namespace hub
