// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/webhook/impl/endpoint_target.hpp>

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

namespace tidings::webhook::detail {

/// The endpoints that were added to a sender, by id. Of one that nothing holds any more the target
/// stays until it can be owed nothing. Thread-safe.
class endpoint_registry {
 public:
    /// One of the same id is replaced, and releases its `on_gone`; unless something holds it and
    /// `t` does not say so: false, and nothing is changed.
    bool add(std::shared_ptr<endpoint_target> t);
    /// Of a delivery's endpoint. Null where none of this id is known.
    std::shared_ptr<endpoint_target> find(const std::string& id);
    bool is_known(const std::string& id) const;
    /// Another object after each change, which costs little once this was called.
    std::shared_ptr<const store::outbox_endpoints> ids();
    /// Forgets the ids that were neither held nor found for longer than `keep`.
    void forget_missed(io::system_time now, std::chrono::milliseconds keep);
    /// Forgets this one, which nothing holds and which is owed nothing.
    void forget(const endpoint_target& t);
    /// Releases every `on_gone`; nothing is added afterwards.
    void end() noexcept;

 private:
    void change_ids(const endpoint_target& t, bool added) noexcept;

    struct known {
        std::shared_ptr<endpoint_target> target{};
        std::optional<io::system_time> missed{};  // since when it is known to be held by nothing
    };
    mutable std::mutex mutex_;
    std::unordered_map<std::string, known> endpoints_;
    std::shared_ptr<const store::outbox_endpoints> ids_;  // of endpoints_; null: to be made
    bool ended_ = false;
};

}  // namespace tidings::webhook::detail
