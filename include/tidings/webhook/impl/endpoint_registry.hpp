// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/webhook/impl/endpoint_state.hpp>

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace tidings::webhook::detail {

/// The endpoints that were added to a sender, by id. Nobody may hold one any more: what it is owed
/// is given up as it comes due, and only then is its id forgotten. Thread-safe.
class endpoint_registry {
 public:
    /// One of the same id is replaced, and releases its `on_gone`.
    void add(const std::shared_ptr<endpoint_state>& e);
    /// Keeps an endpoint that nobody holds any more until `end`, for what it is owed.
    void linger(std::shared_ptr<endpoint_state> e);
    /// Null where none of this id was added, or nobody holds it.
    std::shared_ptr<endpoint_state> find(const std::string& id) const;
    bool is_known(const std::string& id) const;
    std::shared_ptr<const store::outbox_endpoints> ids();
    /// Forgets the ids that nobody has held for longer than `keep`.
    void forget_missed(io::system_time now, std::chrono::milliseconds keep);
    /// Releases every `on_gone`; nothing is added afterwards.
    void end() noexcept;

 private:
    struct known {
        std::weak_ptr<endpoint_state> state{};
        std::optional<io::system_time> missed{};  // since when nobody is known to hold it
    };
    mutable std::mutex mutex_;
    std::unordered_map<std::string, known> endpoints_;
    std::shared_ptr<const store::outbox_endpoints> ids_;  // of endpoints_; null: to be made
    std::vector<std::shared_ptr<endpoint_state>> lingering_;
    bool ended_ = false;
};

}  // namespace tidings::webhook::detail
