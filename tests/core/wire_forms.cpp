// SPDX-License-Identifier: BSL-1.0
#include "support/catch2.hpp"

#include <tidings/detail/wire_forms.hpp>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace tidings::test {

namespace {

const char tags[8] = {};

TEST_CASE("a form is found by its tag, and the first that is stored counts", "[detail]") {
    const detail::wire_forms forms;
    CHECK(forms.find(&tags[0]) == nullptr);
    const auto& first = forms.store(&tags[0], "a");
    CHECK(first == "a");
    CHECK(forms.find(&tags[0]) == &first);
    CHECK(forms.find(&tags[1]) == nullptr);
    CHECK(forms.store(&tags[1], "b") == "b");
    CHECK(&forms.store(&tags[0], "late") == &first);
    CHECK(*forms.find(&tags[0]) == "a");
    CHECK(*forms.find(&tags[1]) == "b");
}

TEST_CASE("forms of one kind are distinguished by their numbers", "[detail]") {
    const detail::wire_forms forms;
    CHECK(forms.store({&tags[0], 1}, "one") == "one");
    CHECK(forms.find({&tags[0], 2}) == nullptr);
    CHECK(forms.find(&tags[0]) == nullptr);
    CHECK(forms.store({&tags[0], 2}, "two") == "two");
    CHECK(*forms.find({&tags[0], 1}) == "one");
}

TEST_CASE("threads that race agree on one form", "[detail][threads]") {
    std::atomic<int> different{0};
    for (int round = 0; round < 50; ++round) {
        const detail::wire_forms forms;
        std::atomic<int> arrived{0};
        std::atomic<const std::string*> seen[8] = {};
        std::vector<std::thread> threads;
        for (int t = 0; t < 4; ++t)
            threads.emplace_back([&, t] {
                for (++arrived; arrived < 4;) std::this_thread::yield();
                for (int i = 0; i < 8; ++i) {
                    const auto* mine = &forms.store(&tags[i], std::to_string(t));
                    const std::string* expected = nullptr;
                    if (!seen[i].compare_exchange_strong(expected, mine) && expected != mine)
                        ++different;
                    if (forms.find(&tags[i]) != mine) ++different;
                }
            });
        for (auto& t : threads) t.join();
    }
    CHECK(different == 0);
}

}  // namespace

}  // namespace tidings::test
