// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/text/impl/base64.hpp>
#include <tidings/webhook/make_secret.hpp>

namespace tidings::webhook {

std::string make_secret(io::random& random) {
    std::string key(32, '\0');
    random.fill(std::as_writable_bytes(std::span(key.data(), key.size())));
    std::string text = "whsec_";
    tidings::detail::base64_append(key, text);
    return text;
}

}  // namespace tidings::webhook
