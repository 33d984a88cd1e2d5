// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/config.hpp>

#include <boost/asio/execution.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/require.hpp>

#include <cstddef>
#include <utility>

namespace tidings::test {

/// An executor that counts what it has its context run later, and not what it runs inside the call.
/// Whatever stands on it through a strand counts once for each time that the strand is posted.
template <class Inner>
class counting_executor {
 public:
    counting_executor(Inner inner, std::size_t& count) : inner_(std::move(inner)), count_(&count) {}

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
        const bool inside =
            net::query(inner_, net::execution::blocking) != net::execution::blocking.never &&
            inner_.running_in_this_thread();
        if (!inside) ++*count_;
        inner_.execute(std::forward<F>(f));
    }
    friend bool operator==(const counting_executor& a, const counting_executor& b) noexcept {
        return a.inner_ == b.inner_ && a.count_ == b.count_;
    }

 private:
    template <class Other>
    counting_executor<Other> with(Other other) const {
        return {std::move(other), *count_};
    }

    Inner inner_;
    std::size_t* count_;
};

}  // namespace tidings::test
