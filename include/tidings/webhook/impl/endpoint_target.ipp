// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/message/url.hpp>
#include <tidings/webhook/impl/endpoint_target.hpp>

#include <utility>

namespace tidings::webhook::detail {

using namespace tidings::detail;

namespace {

std::string label_of(const endpoint_options& o) {
    return o.id == o.url ? origin_of(o.url) : o.id + " at " + origin_of(o.url);
}

}  // namespace

std::string origin_of(const std::string& url) {
    error_code ec;
    const auto target = http::url::parse(url, ec);
    if (ec) return '"' + url.substr(0, url.find('?')) + '"';
    return target.scheme + "://" + target.authority();
}

endpoint_target::endpoint_target(endpoint_options options, standard_signer signer)
    : on_gone_(std::exchange(options.on_gone, nullptr)),
      options_(std::move(options)),
      label_(label_of(options_)),
      signer_(std::move(signer)) {}

void endpoint_target::close() noexcept {
    active_ = false;
    take_on_gone();
}

void endpoint_target::abandon() noexcept {
    held_ = false;
    take_on_gone();
}

std::function<void()> endpoint_target::take_on_gone() noexcept {
    std::function<void()> taken;
    const std::lock_guard lock(on_gone_mutex_);
    taken.swap(on_gone_);
    return taken;
}

endpoint_counters endpoint_target::counters() const noexcept {
    return {accepted, delivered, failed_attempts, dead};
}

error_code endpoint_target::make_request(const store::outbox_entry& e, io::system_time now,
                                         http::request& out) const {
    standard_headers signature;
    if (const auto ec = signer_.sign(e.message_id, now, *e.body, signature)) return ec;
    out.method = "POST";
    out.fields = options_.fields;
    if (!e.content_type.empty()) out.fields.set("Content-Type", e.content_type);
    out.fields.set(standard_headers::id_name, signature.id);
    out.fields.set(standard_headers::timestamp_name, signature.timestamp);
    out.fields.set(standard_headers::signature_name, signature.signature);
    for (const auto& [name, value] : e.fields) out.fields.append(name, value);
    out.body = *e.body;
    return {};
}

}  // namespace tidings::webhook::detail
