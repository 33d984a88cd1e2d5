// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/webhook/standard.hpp>

#include <memory>

namespace tidings::webhook {

receiver_options from_standard(const std::vector<standard_key>& keys,
                               const standard_options& options) {
    return {.verifier = std::make_shared<standard_verifier>(keys, options),
            .reader = read_standard({.header_prefix = options.header_prefix})};
}

}  // namespace tidings::webhook
