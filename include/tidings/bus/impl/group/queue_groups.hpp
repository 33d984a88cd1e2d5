// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/group/queue_group.hpp>

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace tidings::detail {

/// The queue groups of a bus by name. A group is there while it has members, which all have its
/// pattern. Thread-safe.
class queue_groups final : public std::enable_shared_from_this<queue_groups> {
 public:
    explicit queue_groups(std::shared_ptr<lane> home) : lane_(std::move(home)) {}

    /// The group of this name, which has one more member from now on; null where its members have
    /// another pattern. @throws std::bad_alloc
    TIDINGS_DECL std::shared_ptr<queue_group> join(std::string_view name, std::string_view pattern);
    /// One member less.
    TIDINGS_DECL void leave(const queue_group& g) noexcept;

 private:
    struct known {
        std::shared_ptr<queue_group> group{};
        std::size_t members = 0;
    };

    const std::shared_ptr<lane> lane_;
    std::mutex mutex_;  // guards what follows
    std::map<std::string, known, std::less<>> by_name_;
};

}  // namespace tidings::detail
