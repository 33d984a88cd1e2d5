// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/webhook/endpoint.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace tidings::webhook::detail {

/// What stays of an endpoint's options, by the same names, while it has nothing to send: what few
/// endpoints have stands behind a pointer, what is made into something else is left out.
struct endpoint_terms {
    explicit endpoint_terms(endpoint_options&& o)
        : url(std::move(o.url)),
          secret(std::move(o.secret)),
          secrets(std::move(o.secrets)),
          signer(std::move(o.signer)),
          async_signer(std::move(o.async_signer)),
          batch(o.batch),
          fields(std::move(o.fields)),
          password(std::move(o.basic.password)),
          consent(o.consent ? std::make_unique<const consent_request>(*o.consent) : nullptr),
          rate(o.rate),
          origin(o.origin),
          max_in_flight(o.max_in_flight),
          form(o.form),
          order(o.order),
          exhausted(o.exhausted),
          replace(o.replace),
          id_scope(std::move(o.id_scope)),
          owner(std::move(o.owner)),
          limits(o.limits ? std::make_unique<const store::outbox_limits>(*o.limits) : nullptr) {}

    const std::string url, secret;
    const std::vector<std::string> secrets;
    const std::shared_ptr<const webhook::signer> signer;
    const std::shared_ptr<webhook::async_signer> async_signer;
    const batch_options batch;
    const http::fields fields;
    const std::string password;  // of `basic`
    const std::unique_ptr<const consent_request> consent;
    const delivery_rate rate;
    const origin_id origin;
    const std::size_t max_in_flight;
    const body_form form;
    const delivery_order order;
    const at_exhaustion exhausted;
    const bool replace;
    const std::string id_scope, owner;
    const std::unique_ptr<const store::outbox_limits> limits;
};

}  // namespace tidings::webhook::detail
