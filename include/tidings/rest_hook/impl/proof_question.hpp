// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/message.hpp>
#include <tidings/io/random.hpp>
#include <tidings/rest_hook/impl/hook_record.hpp>
#include <tidings/rest_hook/impl/proof_terms.hpp>

#include <cstdint>
#include <string>

namespace tidings::rest_hook::detail {

/// What a target's answer to a question, or its silence, means.
struct proof_answer {
    enum class kind {
        agreed,
        not_yet,  ///< it may be asked again
        refused,  ///< it wants nothing, and is not asked again
    };
    kind what = kind::not_yet;
    std::string why{};             ///< it has not agreed, for its owner
    std::uint32_t per_minute = 0;  ///< deliveries that it takes; 0: any number
};

/// One question to the target of a subscription that is pending.
class proof_question {
 public:
    /// @param now for how long the subscription lasts
    TIDINGS_DECL proof_question(const hook_record& h, const proof_terms& terms, io::random& random,
                                io::system_time now);

    const std::string& url() const noexcept { return url_; }
    const http::request& request() const noexcept { return request_; }
    /// A redirect is never an agreement, nor is an answer that did not arrive whole.
    TIDINGS_DECL proof_answer read(error_code ec, const http::response& r) const;

 private:
    bool agrees(const http::response& r, std::uint32_t& per_minute) const;
    proof_answer read_websub(error_code ec, const http::response& r) const;

    const proof kind_;
    websub_mode mode_ = websub_mode::none;  // of a hub's question, which is a challenge
    std::string url_;
    http::request request_{};
    std::string expected_{};  // to be repeated
    webhook::consent_request consent_{};
};

}  // namespace tidings::rest_hook::detail
