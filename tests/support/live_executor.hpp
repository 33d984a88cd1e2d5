// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/config.hpp>

#include <boost/asio/execution.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/require.hpp>

#include <atomic>
#include <memory>
#include <utility>

namespace tidings::test {

/// An executor whose copies are counted, also those in strands: `use_count() - 1` of the token are
/// alive. When its context is gone none may be.
template <class Inner>
class live_executor {
 public:
    live_executor(Inner inner, std::shared_ptr<const int> token)
        : inner_(std::move(inner)),
          token_(std::move(token)) {}

    template <class Property>
    requires net::can_query_v<const Inner&, Property>
    decltype(auto) query(const Property& p) const { return net::query(inner_, p); }
    template <class Property>
    requires net::can_require_v<const Inner&, Property>
    auto require(const Property& p) const { return with(net::require(inner_, p)); }
    template <class Property>
    requires net::can_prefer_v<const Inner&, Property>
    auto prefer(const Property& p) const { return with(net::prefer(inner_, p)); }
    template <class F>
    void execute(F&& f) const {
        inner_.execute(std::forward<F>(f));
    }
    friend bool operator==(const live_executor& a, const live_executor& b) noexcept {
        return a.inner_ == b.inner_;
    }

 private:
    template <class Other>
    live_executor<Other> with(Other other) const {
        return {std::move(other), token_};
    }

    Inner inner_;
    std::shared_ptr<const int> token_;
};

}  // namespace tidings::test
