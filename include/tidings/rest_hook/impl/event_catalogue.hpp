// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/rest_hook/manager.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tidings::rest_hook::detail {

/// The event types that an application has registered, by name. It does not change: safe from any
/// thread.
class event_catalogue {
 public:
    /// What a test sends.
    struct sample {
        std::string topic{};
        std::string data{};  ///< JSON
    };
    /// Some of the types, by name, as the API shows them.
    struct page {
        std::string items{};  ///< separated by commas
        std::string last{};   ///< the name of the last one
        bool more = false;
    };

    /// Takes the types out of `o`. @throws std::invalid_argument, as the manager's constructor
    explicit event_catalogue(manager_options& o);

    /// Whether a subscription may have this pattern.
    bool takes(std::string_view pattern) const noexcept;
    /// Null: there is none of that name.
    const event_type* find(std::string_view name) const noexcept;
    page list(std::string_view after, std::size_t max) const;
    /// Of a topic, or, where that is empty, of one that a pattern matches: the first pattern counts
    /// that has an example. The type whose name is the topic counts before those that match it.
    std::optional<sample> sample_for(const std::vector<std::string>& patterns,
                                     const std::string& topic) const;
    /// What an entity tag of it begins with: a hash of all that is shown.
    const std::string& hash() const noexcept { return hash_; }

 private:
    std::vector<event_type> types_;  // by name
    const bool known_only_;
    std::string hash_{};
};

/// How the API shows it.
std::string to_json(const event_type& t);

/// A topic that matches both patterns; empty: there is none that a user may publish to.
TIDINGS_DECL std::string common_topic(std::string_view a, std::string_view b);

}  // namespace tidings::rest_hook::detail
