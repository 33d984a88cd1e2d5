// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/errc.hpp>
#include <tidings/http/message.hpp>
#include <tidings/unique_function.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

namespace tidings::webhook {

/// What an `async_signer` makes a signature of. It may keep it as long as it likes.
struct signing_request {
    std::string id{};  ///< the same on every attempt to deliver an event
    std::chrono::system_clock::time_point attempt{};
    std::shared_ptr<const std::string> body{};  ///< the bytes that are sent; never null
};

/// Signs deliveries elsewhere, as a key management service or a hardware module does: the sender
/// goes on meanwhile, and holds no connection. A signature is used within a minute, or made again.
class async_signer {
 public:
    using sign_handler = tidings::unique_function<void(error_code, http::fields)>;

    virtual ~async_signer() = default;

    /// Gives the fields of the signature to `done`: from any thread, within this call or later.
    /// Called in the sender's lane, at most `signing_options::max_concurrent` at a time; it must
    /// not block. An error, no field or one that cannot stand in a request, an exception, and a
    /// handler that is dropped are failures: the delivery is not attempted, and a signature is
    /// asked for again. After its deadline, after the sender's end, and a second time, `done` may
    /// be called and has no effect.
    virtual void start_sign(signing_request what, sign_handler done) = 0;
    /// As `signer::sets`.
    virtual bool sets(std::string_view field) const noexcept {
        (void)field;
        return false;
    }

 protected:
    async_signer() = default;
    async_signer(const async_signer&) = default;
    async_signer& operator=(const async_signer&) = default;
};

}  // namespace tidings::webhook
