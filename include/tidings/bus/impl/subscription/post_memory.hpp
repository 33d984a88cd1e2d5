// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/config.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/execution/allocator.hpp>
#include <boost/asio/io_context.hpp>

#include <cstddef>
#include <memory>
#include <new>
#include <utility>

namespace tidings::detail {

/// Gives what is posted a place that lies in what it is about. One thing at a time is in it.
template <class T>
struct post_allocator {
    using value_type = T;
    static constexpr std::size_t bytes = 80;
    explicit post_allocator(std::byte* at) noexcept : place(at) {}
    template <class U>
    post_allocator(const post_allocator<U>& o) noexcept : place(o.place) {}
    T* allocate(std::size_t n) const {
        if constexpr (fits) return reinterpret_cast<T*>(place);
        return std::allocator<T>().allocate(n);
    }
    void deallocate(T* p, std::size_t n) const noexcept {
        if constexpr (!fits) std::allocator<T>().deallocate(p, n);
    }
    template <class U>
    bool operator==(const post_allocator<U>& o) const noexcept {
        return place == o.place;
    }
    static constexpr bool fits = sizeof(T) <= bytes && alignof(T) <= alignof(std::max_align_t);
    std::byte* place;
};

/// Posts `f` on the executor that most programs have, which needs no memory then: nothing is
/// erased on the way.
template <class F>
void post_in_place(const net::io_context::executor_type& io, std::byte* place, F f) {
    net::require(io, net::execution::blocking.never,
                 net::execution::allocator(post_allocator<std::byte>(place)))
        .execute(std::move(f));
}

}  // namespace tidings::detail
