// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/client/request_target.hpp>
#include <tidings/http/impl/message/serialise.hpp>

#include <cstdint>
#include <utility>

namespace tidings::http::detail {

request_target request_target::of(url to, std::shared_ptr<const io::tls_client_options> tls) {
    request_target made{.to = std::move(to), .tls = std::move(tls)};
    made.pool =
        (made.to.secure() ? "s " : "p ") + made.to.host + ' ' + std::to_string(made.to.port);
    // No other object has its address as long as the pool holds it.
    if (made.tls && made.to.secure())
        made.pool += ' ' + std::to_string(reinterpret_cast<std::uintptr_t>(made.tls.get()));
    return made;
}

std::shared_ptr<const prepared_request> prepared_request::make(
    const std::string& text, const request& r, std::string_view user_agent,
    std::shared_ptr<const io::tls_client_options> tls, error_code& ec) {
    auto to = url::parse(text, ec);
    if (!ec && !is_sendable(r)) ec = errc::invalid_argument;
    if (ec) return nullptr;
    auto made = std::make_shared<prepared_request>();
    made->begin = serialise_begin(r, to, user_agent);
    made->encoding_given = r.fields.find("Accept-Encoding").has_value();
    static_cast<request_target&>(*made) = request_target::of(std::move(to), std::move(tls));
    return made;
}

std::shared_ptr<const prepared_request> prepared_request::with_query(std::string_view more) const {
    auto made = std::make_shared<prepared_request>(*this);
    const auto before = begin.find(' ') + 1;  // the target, behind the method
    made->to.add_to_query(more);
    made->begin.replace(before, to.target.size(), made->to.target);
    return made;
}

}  // namespace tidings::http::detail
