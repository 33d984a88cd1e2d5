// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/webhook/no_signature.hpp>

namespace tidings::webhook {

std::shared_ptr<const signer> no_signature() {
    class nothing final : public signer {
        error_code sign(const signing_input&, http::fields&) const noexcept override { return {}; }
    };
    return std::make_shared<const nothing>();
}

}  // namespace tidings::webhook
