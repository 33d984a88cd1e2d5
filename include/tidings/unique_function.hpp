// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/config.hpp>

#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace tidings {

template <class Signature>
class unique_function;

/// A move-only callable, small ones kept in place. (std::move_only_function is C++23.) Called at
/// most once by convention wherever it stands for a completion.
template <class R, class... Args>
class unique_function<R(Args...)> {
    static constexpr std::size_t capacity = 6 * sizeof(void*);
    template <class F>
    static constexpr bool in_place =
        sizeof(F) <= capacity &&
        alignof(F) <= alignof(std::max_align_t) && std::is_nothrow_move_constructible_v<F>;
    struct operations {
        R (*call)(void*, Args&&...);
        void (*move)(void* from, void* to) noexcept;
        void (*destroy)(void*) noexcept;
    };

 public:
    unique_function() noexcept = default;
    unique_function(std::nullptr_t) noexcept {}
    template <class F>
    requires(!std::is_same_v<std::remove_cvref_t<F>, unique_function> &&
             std::is_invocable_r_v<R, std::decay_t<F>&, Args...>) unique_function(F&& f) {
        using T = std::decay_t<F>;
        if constexpr (in_place<T>) {
            ::new (static_cast<void*>(buffer_)) T(std::forward<F>(f));
            ops_ = &in_place_operations<T>;
        } else {
            ::new (static_cast<void*>(buffer_)) T*(new T(std::forward<F>(f)));
            ops_ = &heap_operations<T>;
        }
    }
    unique_function(unique_function&& o) noexcept : ops_(std::exchange(o.ops_, nullptr)) {
        if (ops_ != nullptr) ops_->move(o.buffer_, buffer_);
    }
    unique_function& operator=(unique_function&& o) noexcept {
        if (this != &o) {
            reset();
            ops_ = std::exchange(o.ops_, nullptr);
            if (ops_ != nullptr) ops_->move(o.buffer_, buffer_);
        }
        return *this;
    }
    ~unique_function() { reset(); }

    explicit operator bool() const noexcept { return ops_ != nullptr; }
    R operator()(Args... args) { return ops_->call(buffer_, std::forward<Args>(args)...); }

    /// What a call calls: `call(object, args...)`. Good while this object stays where it is and
    /// holds the same callable, which there must be.
    struct raw_call {
        R (*call)(void* object, Args&&...);
        void* object;
    };
    raw_call raw() noexcept { return {ops_->call, buffer_}; }

 private:
    void reset() noexcept {
        if (auto* ops = std::exchange(ops_, nullptr)) ops->destroy(buffer_);
    }

    template <class T>
    static T& at(void* p) noexcept {
        return *std::launder(reinterpret_cast<T*>(p));
    }
    template <class T>
    static constexpr operations in_place_operations{
        [](void* p, Args&&... a) -> R { return at<T>(p)(std::forward<Args>(a)...); },
        [](void* from, void* to) noexcept {
            ::new (to) T(std::move(at<T>(from)));
            at<T>(from).~T();
        },
        [](void* p) noexcept { at<T>(p).~T(); }};
    template <class T>
    static constexpr operations heap_operations{
        [](void* p, Args&&... a) -> R { return (*at<T*>(p))(std::forward<Args>(a)...); },
        [](void* from, void* to) noexcept { ::new (to) T*(at<T*>(from)); },
        [](void* p) noexcept { delete at<T*>(p); }};

    const operations* ops_ = nullptr;
    alignas(std::max_align_t) std::byte buffer_[capacity];
};

}  // namespace tidings
