// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/authorizer.hpp>

#include <map>
#include <memory>
#include <string>

namespace tidings::matrix {

/// Who asks is whoever the Authorization field says, so that a service's sessions can be told
/// apart.
inline authenticator whoever_it_says() {
    return [](const credentials& c, error_code&) {
        return principal{std::string(c.authorization), false, {}};
    };
}

/// The session that each client has now.
template <class Session>
class sessions_by_name {
 public:
    void opened(const std::shared_ptr<Session>& s) { sessions_[s->principal().name] = s; }
    std::shared_ptr<Session> find(const std::string& token) const {
        const auto it = sessions_.find("Bearer " + token);
        return it == sessions_.end() ? nullptr : it->second.lock();
    }

 private:
    std::map<std::string, std::weak_ptr<Session>> sessions_;
};

}  // namespace tidings::matrix
