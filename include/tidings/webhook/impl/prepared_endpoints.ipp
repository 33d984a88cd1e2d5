// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/webhook/impl/cold_signer.hpp>
#include <tidings/webhook/impl/prepared_endpoints.hpp>

namespace tidings::webhook::detail {

std::shared_ptr<const prepared_endpoint> prepared_endpoints::of(
    const std::shared_ptr<endpoint_target>& t, error_code& ec) {
    if (const auto it = known_.find(t.get()); it != known_.end()) {
        by_use_.splice(by_use_.begin(), by_use_, it->second);
        return it->second->made;
    }
    auto made = std::make_shared<prepared_endpoint>();
    made->signs = make_signer(t->terms(), ec);
    if (ec) return nullptr;
    if (const auto* cold = dynamic_cast<const cold_signer*>(made->signs.get()))
        made->signs = cold->warm();
    made->request = http::detail::prepared_request::make(
        t->terms().url, t->common_request(made->signs.get()), user_agent_, t->tls(), ec);
    if (ec) return nullptr;
    list fresh;
    fresh.push_back({t, t.get(), std::move(made)});
    known_.emplace(t.get(), fresh.begin());
    // Nothing throws from here on.
    by_use_.splice(by_use_.begin(), fresh);
    if (by_use_.size() > max_kept) {
        known_.erase(by_use_.back().key);
        by_use_.pop_back();
    }
    return by_use_.front().made;
}

void prepared_endpoints::forget_gone() {
    std::erase_if(known_, [](const auto& item) { return item.second->of.expired(); });
    std::erase_if(by_use_, [](const kept& k) { return k.of.expired(); });
}

}  // namespace tidings::webhook::detail
