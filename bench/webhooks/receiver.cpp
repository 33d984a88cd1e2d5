// SPDX-License-Identifier: BSL-1.0
//
// A receiver of webhooks that are signed by Standard Webhooks, or, with `unsigned`, that verifies
// nothing; what it takes goes to a function.
//
//     webhooks_receiver [unsigned] 0

#include "message.hpp"

#include <tidings/http/server.hpp>
#include <tidings/webhook/standard.hpp>

#include <boost/asio/io_context.hpp>

#include <cstdio>
#include <string_view>

int main(int argc, char** argv) {
    boost::asio::io_context io{1};
    tidings::http::server server{io, {.assume_single_thread = true}};
    auto options = tidings::webhook::from_standard({tidings::webhook::secret(webhooks::secret)});
    if (argc > 1 && std::string_view{argv[1]} == "unsigned") {
        options.verifier = nullptr;
        options.allow_unsigned = true;
    }
    std::size_t taken = 0;
    server.mount("/hook", tidings::webhook::receiver{
                              [&taken](const tidings::event_ptr&) { ++taken; }, options});
    server.start();
    std::printf("listening %u\n", server.local_endpoint().port);
    std::fflush(stdout);
    io.run();
}
