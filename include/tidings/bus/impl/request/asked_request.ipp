// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/request/asked_request.hpp>

namespace tidings::detail {

// A topic of the library's own: an answer is no publication.
error_code asked_request::send(event&& e) noexcept {
    if (!is_wanted()) return errc::closed;
    if (!e.time()) e.time(std::chrono::floor<std::chrono::microseconds>(clock_.wall_now()));
    error_code ec;
    auto answer = publication::make("_reply", std::move(e), {}, ec);
    const bool first = request_->complete(ec, std::move(answer));
    return ec || first ? ec : error_code(errc::closed);
}

}  // namespace tidings::detail
