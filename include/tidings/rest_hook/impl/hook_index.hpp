// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/rest_hook/impl/hook_record.hpp>

#include <cstddef>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace tidings::rest_hook::detail {

/// How many subscriptions each owner has, which of them is for the same target, topics and filters
/// as another would be, and which ends first. So a request, and an end, cost the same, however many
/// there are.
class hook_index {
 public:
    void add(const hook_record& h);
    void remove(const hook_record& h);
    std::size_t owned_by(const std::string& owner) const;
    /// The id of another one of the same owner, target, patterns and filters; empty: there is none.
    std::string same_as(const hook_record& h) const;
    /// When the first of them ends; none: none does.
    http::detail::expiry_time first_end() const;
    /// Those whose end has come, each once.
    std::vector<std::string> take_ended(io::system_time now);

 private:
    std::unordered_map<std::string, std::size_t> owned_{};
    std::unordered_multimap<std::string, std::string> same_{};  // ids by what makes them the same
    std::set<std::pair<io::system_time, std::string>> ends_{};  // of those that have an end
};

}  // namespace tidings::rest_hook::detail
