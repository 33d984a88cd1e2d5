// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/webhook/impl/consent_book.hpp>
#include <tidings/webhook/impl/delivery_pace.hpp>
#include <tidings/webhook/impl/signing_desk.hpp>

#include <memory>
#include <string>
#include <vector>

namespace tidings::webhook::detail {

/// What has to be there before an attempt begins, beside a connection: the target's consent, a
/// token of the endpoint's rate, a signature that is made elsewhere. Waiting for them is no
/// attempt. Lane-confined.
class attempt_gate {
 public:
    using pass = consent_book::pass;
    /// @param open called in the lane with endpoints that were held up and may go on; with
    /// errc::out_of_memory where it does not say all of them
    attempt_gate(const std::shared_ptr<lane>& l, io::clock& clock, const signing_options& signing,
                 const log_sink& log, signing_desk::ready_function open);

    /// Whether an attempt of this endpoint, of the first in its line, may begin now, which takes
    /// from its rate. Closed: `open` gets its id. `ask`: for consent, which is begun then.
    /// @param most how many of the line may be under way at once
    pass admit(const endpoint_target& t, const signing_desk::entries& line, std::size_t most);
    /// What signs a request that was admitted, of an endpoint with an `async_signer`.
    made_signature take_signature(const std::string& id, const parcel& p) {
        return signatures_->take(id, p);
    }
    /// As `consent_book`, with the clock's time.
    error_code on_consent(const endpoint_target& t, error_code ec, const http::response& r);
    void grant(const endpoint_target& t, consent_grant g);
    void drop_question(const endpoint_target& t) noexcept { consents_.drop_question(t); }
    /// Nothing of this endpoint is held up any more: it has no line.
    void dismiss(const std::string& id);

    /// Whether an answer is awaited.
    bool busy() const noexcept { return consents_.busy() || signatures_->busy(); }
    template <class Gone>
    void forget_if(Gone gone) {
        pace_.forget_if(gone);
        consents_.forget_if(gone);
        signatures_->forget_if(gone);
    }
    void stop() noexcept;

 private:
    delivery_rate rate_of(const endpoint_target& t) const;
    void wait();
    void on_timer();

    const std::shared_ptr<lane> lane_;
    io::clock& clock_;
    const std::shared_ptr<signing_desk::ready_function> open_;
    consent_book consents_;
    delivery_pace pace_;
    const std::shared_ptr<signing_desk> signatures_;
    wheel_timer timer_;
};

}  // namespace tidings::webhook::detail
