// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/rest_hook/impl/hook_record.hpp>

#include <cstddef>
#include <string>
#include <unordered_map>

namespace tidings::rest_hook::detail {

/// How many subscriptions each owner has, and which of them is for the same target, topics
/// and filters as another would be. So a request costs the same, however many there are.
class hook_index {
 public:
    void add(const hook_record& h);
    void remove(const hook_record& h);
    std::size_t owned_by(const std::string& owner) const;
    /// The id of another one of the same owner, target, patterns and filters; empty: there is none.
    std::string same_as(const hook_record& h) const;

 private:
    std::unordered_map<std::string, std::size_t> owned_{};
    std::unordered_multimap<std::string, std::string> same_{};  // ids by what makes them the same
};

}  // namespace tidings::rest_hook::detail
