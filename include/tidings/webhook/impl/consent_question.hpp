// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/message.hpp>
#include <tidings/webhook/consent_request.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace tidings::webhook::detail {

/// A target's permission, and how many deliveries a minute; 0: as many as there are.
struct consent_grant {
    std::uint32_t per_minute = 0;
};

/// Whether it can be asked so. @param what gets what is wrong
bool is_askable(const consent_request& c, std::string& what);
/// Makes the fields of the question those of the request, and its method OPTIONS.
void ask_for_consent(const consent_request& c, http::request& r);
/// Consent is in the fields, and never in the status (4.2). Nothing: there is none.
std::optional<consent_grant> read_consent(const consent_request& c, const http::response& r);

}  // namespace tidings::webhook::detail
