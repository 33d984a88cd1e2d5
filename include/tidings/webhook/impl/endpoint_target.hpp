// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/message.hpp>
#include <tidings/io/clock.hpp>
#include <tidings/store/outbox.hpp>
#include <tidings/webhook/endpoint.hpp>
#include <tidings/webhook/impl/batch_room.hpp>
#include <tidings/webhook/impl/endpoint_terms.hpp>
#include <tidings/webhook/impl/made_signature.hpp>
#include <tidings/webhook/signer.hpp>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

namespace tidings::webhook::detail {

/// Scheme and authority of a URL, as logs and errors may show them; of text that is no URL what
/// precedes its query.
std::string origin_of(const std::string& url);

/// What signs an endpoint's deliveries; null where that is an `async_signer`.
/// @error errc::webhook_missing_secret, errc::webhook_invalid_secret; null then
std::shared_ptr<const signer> make_signer(const endpoint_options& o, error_code& ec);
std::shared_ptr<const signer> make_signer(const endpoint_terms& o, error_code& ec);

/// What a sender knows of an endpoint: where its deliveries go, and what became of them. It stays
/// after the endpoint, for what that is owed. Safe from any thread.
class endpoint_target {
 public:
    endpoint_target(endpoint_options options, std::shared_ptr<const retry_schedule> schedule);

    const std::string& id() const noexcept { return *name_; }
    /// The same for what outlives it.
    const std::shared_ptr<const std::string>& name() const noexcept { return name_; }
    const endpoint_terms& terms() const noexcept { return terms_; }
    const retry_schedule& schedule() const noexcept { return *schedule_; }
    /// Null: the sender's.
    const std::shared_ptr<const io::tls_client_options>& tls() const noexcept { return tls_; }
    bool is_ordered() const noexcept { return terms_.order != delivery_order::any; }
    bool takes_batches() const noexcept { return terms_.form == body_form::batch; }
    /// Its name in a log, where the path and query of a URL, which may be secret, have no place.
    std::string label() const;
    /// Its `Authorization`, unless its signer makes one; empty: it has no credentials.
    const std::string& authorization() const noexcept { return authorization_; }
    /// What operational events call it: its id, unless that is its URL.
    std::string subject() const;
    bool active() const noexcept { return active_; }
    /// Whether there is an endpoint that may be given more.
    bool held() const noexcept { return held_; }
    /// Takes nothing more, gives up what it is owed, and releases `on_gone`.
    void close() noexcept;
    /// Nothing holds the endpoint any more: releases `on_gone`.
    void abandon() noexcept;
    /// Another one is to get what it is owed: what it answers counts for nothing any more.
    void withdraw() noexcept {
        withdrawn_ = true;
        take_on_gone();
    }
    bool withdrawn() const noexcept { return withdrawn_; }
    /// The target wants nothing more. Whether it was this call that ended it.
    bool end() noexcept { return active_.exchange(false); }
    /// What to call then; empty once it was taken, or the endpoint was closed, abandoned or
    /// replaced.
    std::function<void()> take_on_gone() noexcept;
    endpoint_counters counters() const noexcept;
    /// Why it is disabled; empty: it is not.
    error_code disabled() const noexcept {
        const auto why = disabled_.load();
        return why == 0 ? error_code() : error_code(why, errc_category());
    }
    /// @param why a code of this library
    void set_disabled(error_code why) noexcept { disabled_ = why.value(); }
    /// As `endpoint::consent`.
    error_code consent() const noexcept {
        const auto why = consent_.load();
        return why == 0 ? error_code() : error_code(why, errc_category());
    }
    /// Whether it was another.
    bool set_consent(error_code why) noexcept {
        if (why && why.category() != errc_category()) why = errc::connection_failed;
        return consent_.exchange(why.value()) != why.value();
    }

    /// The outbox has taken a body of this size, or not.
    void note_accepted(std::size_t bytes, error_code ec) noexcept {
        ++(ec ? dead : accepted);
        if (!ec && takes_batches()) waiting.add(bytes);
    }
    /// Whether a request of this endpoint has room for the fields of a message.
    bool has_room_for(const store::outbox_message& m) const noexcept;
    /// What all its deliveries have in common. @param signs null: an `async_signer` does
    http::request common_request(const signer* signs) const;
    /// What a delivery adds to that, but for the body and the fields of its message.
    /// @param made of an endpoint with an `async_signer`
    /// @param query what the URL has behind its query; empty: nothing
    error_code sign_request(const store::outbox_entry& e, io::system_time now, const signer* signs,
                            const made_signature& made, http::fields& out,
                            std::string& query) const;
    /// The question for its consent.
    http::request make_consent_request() const;
    std::atomic<std::uint64_t> accepted{0}, delivered{0}, failed_attempts{0}, dead{0}, gaps{0};
    /// Up to where these are counted in the endpoint's row; of the sender's lane.
    struct {
        std::uint64_t accepted = 0, dead = 0;
    } stored{};
    /// What is known to wait in the outbox for a batch to be full; of the sender's lane.
    batch_room waiting{};

 private:
    std::mutex on_gone_mutex_;
    std::function<void()> on_gone_;
    const std::shared_ptr<const std::string> name_;
    const std::shared_ptr<const io::tls_client_options> tls_;
    const std::string authorization_;
    const std::size_t head_bytes_;  // of a request without its event
    const endpoint_terms terms_;
    const std::shared_ptr<const retry_schedule> schedule_;
    std::atomic<bool> active_{true};
    std::atomic<bool> held_{true};
    std::atomic<bool> withdrawn_{false};
    std::atomic<int> disabled_{0};  // the value of an errc
    std::atomic<int> consent_;      // the same
};

}  // namespace tidings::webhook::detail
