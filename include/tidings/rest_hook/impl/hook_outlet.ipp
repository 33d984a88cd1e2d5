// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/control_event.hpp>
#include <tidings/rest_hook/impl/hook_outlet.hpp>
#include <tidings/topic.hpp>
#include <tidings/webhook/hmac_signer.hpp>
#include <tidings/webhook/impl/cold_signer.hpp>
#include <tidings/webhook/no_signature.hpp>
#include <tidings/webhook/websub.hpp>

#include <utility>

namespace tidings::rest_hook::detail {

using namespace tidings::detail;

namespace {

std::optional<webhook::retry_options> retry_of(retry_preset p) {
    using namespace std::chrono_literals;
    switch (p) {
        case retry_preset::sender:
            break;
        case retry_preset::standard:
            return webhook::standard_retries();
        case retry_preset::svix:
            return webhook::svix_retries();
        case retry_preset::exponential:
            return webhook::exponential_retries(30s, 24h, 11);
        case retry_preset::none:
            return webhook::retry_options{.delays = {0s}};
    }
    return std::nullopt;
}

// By W3C WebSub 8, where the subscriber gave a secret.
std::shared_ptr<const webhook::signer> signer_of(const websub_terms& w, const std::string& secret) {
    if (secret.empty()) return webhook::no_signature();
    const std::vector<std::string> secrets{secret};
    for (const auto& scheme : webhook::websub_schemes())
        if (scheme.function == w.function)
            return std::make_shared<webhook::hmac_signer>(scheme, secrets);
    return nullptr;
}

// W3C WebSub 7: the hub, and the topic.
std::string link_of(const websub_terms& w) {
    return '<' + w.hub + ">; rel=\"hub\", <" + w.topic + ">; rel=\"self\"";
}

bool same_terms(const std::optional<websub_terms>& a, const std::optional<websub_terms>& b) {
    if (!a || !b) return a.has_value() == b.has_value();
    return a->topic == b->topic && a->hub == b->hub && a->function == b->function &&
           a->since == b->since;
}

// A key that is retired signs until its end, which the signer sees to.
std::shared_ptr<const webhook::signer> signer_of(const hook_record& h, error_code& ec) {
    if (h.websub) return signer_of(*h.websub, h.secret);
    std::vector<webhook::standard_key> keys{webhook::standard_key::parse(h.secret, ec)};
    for (const auto& s : h.retired)
        if (!ec) keys.push_back(webhook::standard_key::parse(s.text, ec, s.until));
    return ec ? nullptr : std::make_shared<webhook::detail::cold_signer>(keys);
}

}  // namespace

void hook_outlet::set(endpoint_ptr e, std::vector<std::string> patterns, event_filter filter) {
    if (patterns.size() == 1) std::vector<std::string>().swap(patterns);  // it brings all
    const std::lock_guard lock(mutex_);
    endpoint_.swap(e);  // the one before ends outside the mutex
    patterns_ = std::move(patterns);
    std::swap(filter_, filter);
}

hook_outlet::endpoint_ptr hook_outlet::endpoint() const {
    const std::lock_guard lock(mutex_);
    return endpoint_;
}

event_filter hook_outlet::filter() const {
    const std::lock_guard lock(mutex_);
    return filter_;
}

hook_outlet::way hook_outlet::way_of(const publication& p, std::string_view pattern) const {
    way w;
    event_filter filter;
    {
        const std::lock_guard lock(mutex_);
        w = {endpoint_, true};
        filter = filter_;
        if (!patterns_.empty() && !is_control(p.topic()))
            for (const auto& other : patterns_) {
                if (other == pattern) break;
                if (topic_matches(other, p.topic())) w.brings = false;
            }
    }
    w.brings = w.brings && filter.lets_through(p);
    return w;
}

webhook::endpoint_options endpoint_options_of(const hook_record& h, webhook::body_form form,
                                              error_code& ec) {
    webhook::endpoint_options o;
    o.url = h.target_url;
    o.signer = signer_of(h, ec);
    o.secret = h.secret;  // this and the next: that no log shows them
    for (const auto& s : h.retired) o.secrets.push_back(s.text);
    o.id = endpoint_id_of(h);
    o.id_scope = h.id;
    o.owner = h.owner;
    o.replace = true;  // the row has changed
    o.form = h.form.value_or(form);
    o.order = h.order;
    o.retry = retry_of(h.retry);
    // Of a target that has consented to few, bursts would be against what it said.
    o.rate = slower_of(h.rate.for_sender(), {.per_second = h.per_minute / 60.0});
    for (const auto& [name, value] : h.headers) o.fields.set(name, value);
    o.fields.set("X-Hook-Subscription", h.id);
    if (h.websub) o.fields.set("Link", link_of(*h.websub));
    return o;
}

bool same_delivery(const hook_record& a, const hook_record& b) {
    return a.target_url == b.target_url && a.secret == b.secret && a.retired == b.retired &&
           a.shown_by == b.shown_by && a.per_minute == b.per_minute && a.form == b.form &&
           a.order == b.order && a.rate == b.rate && a.retry == b.retry && a.headers == b.headers &&
           a.owner == b.owner && same_terms(a.websub, b.websub);
}

}  // namespace tidings::rest_hook::detail
