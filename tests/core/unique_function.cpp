// SPDX-License-Identifier: BSL-1.0
#include "support/catch2.hpp"

#include <tidings/unique_function.hpp>

#include <array>
#include <memory>
#include <string>

namespace tidings::test {

namespace {

using tidings::unique_function;

int twice(int n) {
    return 2 * n;
}

/// Counts how many are alive, and how often it was moved.
template <std::size_t Size>
struct tracked {
    static inline int live = 0;
    std::array<char, Size> bytes{};
    int number;
    explicit tracked(int n) : number(n) { ++live; }
    tracked(tracked&& o) noexcept : bytes(o.bytes), number(o.number) { ++live; }
    ~tracked() { --live; }
    int operator()(int n) { return number += n; }
};

template <std::size_t Size>
void check_life() {
    using callable = tracked<Size>;
    {
        unique_function<int(int)> f = callable(1);
        CHECK(callable::live == 1);
        CHECK(f(2) == 3);
        unique_function<int(int)> g = std::move(f);
        CHECK(callable::live == 1);
        CHECK_FALSE(f);
        CHECK(g(1) == 4);
        f = std::move(g);
        CHECK(f(1) == 5);
        auto& same = f;
        f = std::move(same);
        CHECK(f(1) == 6);
        f = callable(10);
        CHECK(callable::live == 1);
        CHECK(f(1) == 11);
        f = nullptr;
        CHECK(callable::live == 0);
        CHECK_FALSE(f);
        f = callable(1);
    }
    CHECK(callable::live == 0);
}

TEST_CASE("a function lives once, kept in place or on the heap", "[detail]") {
    check_life<1>();
    check_life<40>();
    check_life<44>();
    check_life<48>();
    check_life<1000>();
}

TEST_CASE("what is over-aligned or may throw when it moves is kept on the heap", "[detail]") {
    struct alignas(64) aligned {
        int n = 5;
        int operator()() const { return reinterpret_cast<std::uintptr_t>(this) % 64 == 0 ? n : -1; }
    };
    unique_function<int()> f = aligned();
    auto g = std::move(f);
    CHECK(g() == 5);
    struct throwing {
        throwing() = default;
        throwing(throwing&&) noexcept(false) {}
        int operator()() { return 6; }
    };
    g = throwing();
    f = std::move(g);
    CHECK(f() == 6);
}

TEST_CASE("functions, references and what can only be moved are called", "[detail]") {
    unique_function<int(int)> f = twice;
    CHECK(f(4) == 8);
    f = [p = std::make_unique<int>(3)](int n) { return *p + n; };
    CHECK(f(1) == 4);
    unique_function<void(std::unique_ptr<int>, std::string&)> take =
        [](std::unique_ptr<int> p, std::string& s) { s = std::to_string(*p); };
    std::string text;
    take(std::make_unique<int>(9), text);
    CHECK(text == "9");
    unique_function<long()> converting = [] { return 7; };
    CHECK(converting() == 7);
    unique_function<void()> none;
    CHECK_FALSE(none);
    CHECK_FALSE(unique_function<void()>(nullptr));
}

}  // namespace

}  // namespace tidings::test
