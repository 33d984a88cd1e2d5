// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/message.hpp>
#include <tidings/outlet/impl/access.hpp>
#include <tidings/rest_hook/impl/hook_filters.hpp>
#include <tidings/rest_hook/impl/hook_names.hpp>
#include <tidings/rest_hook/impl/hook_rate.hpp>
#include <tidings/rest_hook/impl/open_question.hpp>
#include <tidings/rest_hook/impl/websub_terms.hpp>
#include <tidings/store/table.hpp>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tidings::rest_hook::detail {

/// A secret that signs beside the present one, until its end.
struct retired_secret {
    std::string text{};
    io::system_time until{};

    friend bool operator==(const retired_secret&, const retired_secret&) = default;
};

using text_pairs = std::vector<std::pair<std::string, std::string>>;

/// A subscription as it stands in the table, under its id.
struct hook_record {
    std::string id{};
    std::vector<std::string> topics{};  ///< patterns, each once
    filter_texts filters{};             ///< an event is wanted by all of them
    std::string target_url{};
    /// Leaves the process only where it was made, once. Empty: of a hub, one that is not signed.
    std::string secret{};
    std::vector<retired_secret> retired{};
    hook_state state = hook_state::active;
    std::string reason{};       ///< why it is disabled, or its target has not agreed, for people
    std::string created_at{};   ///< this and the next two: RFC 3339
    std::string updated_at{};   ///< empty: it was never changed
    std::string resumed_at{};   ///< when its owner last made it active: it is tried again then
    std::string owner{};        ///< the principal's name; empty: anonymous
    std::string description{};  ///< of the owner, for people
    std::optional<webhook::body_form> form{};  ///< none: the manager's
    webhook::delivery_order order = webhook::delivery_order::any;
    retry_preset retry = retry_preset::sender;
    hook_rate rate{};
    text_pairs headers{};   ///< further fields of each request; their values may be secrets
    text_pairs metadata{};  ///< of the owner
    /// What its target has shown, or is to show; none: a row from before there was proof.
    std::optional<proof> shown_by{};
    std::uint32_t per_minute = 0;  ///< deliveries that its target has consented to; 0: any number
    open_question question{};      ///< while it is asked
    std::optional<websub_terms> websub{};         ///< of a subscription by a WebSub hub
    http::detail::expiry_time permitted_until{};  ///< the end of its permission; none: never
    http::detail::expiry_time lease_until{};      ///< the end that was agreed; none: never
    /// Of its ends the one that was announced, or is not to be; none: there was none.
    http::detail::expiry_time announced{};

    /// Whether there is a question for its target: it is pending, or, by a hub, stands and is asked
    /// whether something of it shall change.
    bool is_asked() const noexcept {
        return state == hook_state::pending || (websub && websub->wish.mode != websub_mode::none);
    }
    /// When nothing is delivered any more.
    http::detail::expiry_time ends() const noexcept {
        return http::detail::earlier(permitted_until, lease_until);
    }
    /// When its row is erased: not while its target is asked to renew it.
    http::detail::expiry_time expires() const noexcept {
        const bool renews = websub && websub->wish.mode == websub_mode::subscribe;
        return renews ? std::nullopt : ends();
    }
    /// Whether `expires` is still to be announced.
    bool is_unannounced() const noexcept {
        const auto end = expires();
        return end && state != hook_state::pending && announced != end;
    }
};

/// What the sender knows it by. Another one each time that a hub's subscription begins anew under
/// its id: what was owed before is not for it.
TIDINGS_DECL std::string endpoint_id_of(const hook_record& h);

/// The bytes that its row holds for its owner: texts, and what is there beside them.
TIDINGS_DECL std::size_t bytes_held(const hook_record& h) noexcept;

/// The value of its row: a JSON object.
TIDINGS_DECL std::string to_row_value(const hook_record& h);
/// Reads rows of this version and of those before. Nothing when the row is not one of ours, or has
/// what only a later version can serve.
TIDINGS_DECL std::optional<hook_record> read_row(const store::row& r);

/// RFC 3339.
TIDINGS_DECL std::string to_text(io::system_time t);

}  // namespace tidings::rest_hook::detail
