// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/errc.hpp>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tidings {

/// The maker of a request.
struct principal {
    std::string name{};  ///< empty: anonymous
    bool anonymous = true;
    std::vector<std::string> grants{};  ///< free for the user's authorizer to read
};

enum class action { subscribe, publish, manage };

/// Decides whether a principal may do something on a topic (publish), a pattern (subscribe) or a
/// collection (manage, with an empty topic). Asked again for every event that is replayed. Must not
/// block or throw; called from any thread.
using authorizer = std::function<bool(const principal&, action, std::string_view topic)>;

/// What of a request an authenticator may look at.
struct credentials {
    std::string_view authorization{};  ///< the Authorization field's value
    std::string_view cookie{};
    std::string_view query{};
    std::string_view origin{};
    std::string_view remote_address{};
    /// A request of this machine to itself: the peer's address is a loopback address, and the Host
    /// `localhost` or one, so that it is no web site's whose name was rebound to this machine; or
    /// it came over a Unix socket.
    bool loopback = false;
};

/// Identifies the maker of a request. @error errc::unauthorized or another, for an answer 401. Must
/// not block; called from any thread.
using authenticator = std::function<principal(const credentials&, error_code&)>;

/// Bearer token `Authorization: Bearer <token>` (RFC 6750 2.1), compared in constant time.
/// @throws std::invalid_argument for an empty token.
TIDINGS_DECL authenticator bearer_token(std::string token, std::string name = "token");

/// Everybody, as the anonymous principal: the written-out leave to serve strangers.
TIDINGS_DECL authenticator allow_anonymous();

/// The default without an authenticator: anonymous loopback peers, nobody else.
/// @error errc::address_not_loopback
TIDINGS_DECL authenticator loopback_only();

/// The default authorizer: every authenticated principal may subscribe; only a principal with the
/// grant "publish" may publish, with "manage" manage.
TIDINGS_DECL authorizer subscribe_only();

/// To each principal its own topics: `pattern` with `{}` as a whole token, once or more, in the
/// place of the principal's name as `topic_token` writes it: `users.{}.>`. A principal may
/// subscribe to patterns that this covers; publish to its topics only with the grant "publish",
/// manage only with the grant "manage". A principal without a name may do nothing.
/// @throws std::invalid_argument for a pattern that is none, or has no `{}`.
TIDINGS_DECL authorizer per_principal(std::string pattern);

/// Everything is allowed to every authenticated principal.
TIDINGS_DECL authorizer allow_all();

}  // namespace tidings
