// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/outbox.hpp>

#include <string>
#include <string_view>

namespace tidings::rest_hook::detail {

/// `with_request`: also what was sent, of the body the beginning.
enum class attempt_view { listed, with_request };

/// How the API shows what a subscription is owed, or a dead letter.
TIDINGS_DECL std::string to_json(const store::outbox_listed& d);
/// An attempt of the log. @param all also what a target answered that is no public address: its
/// owner may have chosen it to look into a network that is not theirs
TIDINGS_DECL std::string to_json(const store::outbox_attempt& a, bool all,
                                 attempt_view view = attempt_view::listed);

/// One minute. Of the latencies those up to the last that is not 0.
TIDINGS_DECL std::string to_json(const store::outbox_attempt_counts& c);

/// `pending`, `claimed`, `stopped`, `dead`; nothing for another text.
TIDINGS_DECL std::optional<store::outbox_state> read_delivery_state(std::string_view text) noexcept;

}  // namespace tidings::rest_hook::detail
