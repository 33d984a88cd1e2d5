// SPDX-License-Identifier: BSL-1.0
//
// What patterns cost, in one round: finding those of a topic, the memory of each, and of a
// subscription that has a pattern of its own. Of the patterns 80 % are literal, 16 % hold `*`,
// 3.5 % end in `>` and 0.5 % hold both. Exits with 1 when a match allocates.
//
//     topics [PATTERNS...]     sizes of the sets; 1000, 100000 and 1000000 if none is given
//
// Each line is a case and its figure. The same file builds against version 0.1: see run.sh.

#if __has_include(<tidings/bus/impl/index/topic_index.hpp>)
#include <tidings/bus/impl/index/topic_index.hpp>
#else
#include <tidings/detail/topic_index.hpp>
#define TOPICS_BENCH_LISTS  // an index of lists, which owns the patterns
#endif
#include <tidings/bus.hpp>

#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <memory>
#include <new>
#include <random>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include <malloc.h>

namespace {
std::size_t allocations = 0;
std::size_t live_bytes = 0;  // with what the allocator keeps before each block

void* allocate(std::size_t size, std::size_t alignment) {
    ++allocations;
    void* p = alignment <= alignof(std::max_align_t) ? std::malloc(size)
                                                     : std::aligned_alloc(alignment, size);
    if (p == nullptr) throw std::bad_alloc();
    live_bytes += malloc_usable_size(p) + sizeof(std::size_t);
    return p;
}
void release(void* p) noexcept {
    if (p != nullptr) live_bytes -= malloc_usable_size(p) + sizeof(std::size_t);
    std::free(p);
}
}  // namespace

void* operator new(std::size_t size) {
    return allocate(size, 0);
}
void* operator new(std::size_t size, std::align_val_t a) {
    return allocate(size, static_cast<std::size_t>(a));
}
void operator delete(void* p) noexcept {
    release(p);
}
void operator delete(void* p, std::size_t) noexcept {
    release(p);
}
void operator delete(void* p, std::align_val_t) noexcept {
    release(p);
}
void operator delete(void* p, std::size_t, std::align_val_t) noexcept {
    release(p);
}

namespace {

using random_engine = std::mt19937_64;

double cpu_now_ns() {
    timespec t{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
}

// What comes between is not measured.
void report(const char* name, std::size_t size, double figure) {
    std::printf("%s-%zu %.2f\n", name, size, figure);
    std::fflush(stdout);
}

std::vector<std::string> random_topic(random_engine& random, std::size_t scale) {
    static const char* const areas[] = {"orders", "invoices", "users",    "devices", "payments",
                                        "carts",  "alerts",   "sessions", "metrics", "builds"};
    static const char* const verbs[] = {"created", "updated", "deleted", "paid",   "shipped",
                                        "failed",  "retried", "opened",  "closed", "seen"};
    std::vector<std::string> tokens;
    tokens.push_back(areas[random() % std::size(areas)]);
    tokens.push_back("eu-" + std::to_string(random() % 8));
    tokens.push_back(std::to_string(random() % scale));
    tokens.push_back(verbs[random() % std::size(verbs)]);
    if (random() % 2 != 0) tokens.push_back("v" + std::to_string(random() % 4));
    return tokens;
}

std::string join(const std::vector<std::string>& tokens) {
    std::string text;
    for (const auto& token : tokens) text += (text.empty() ? "" : ".") + token;
    return text;
}

std::string random_pattern(random_engine& random, std::size_t scale) {
    auto tokens = random_topic(random, scale);
    const auto kind = random() % 1000;
    const bool star = (kind >= 800 && kind < 960) || kind >= 995;
    if (star) tokens[random() % tokens.size()] = "*";
    if (kind >= 960) {
        tokens.resize(2 + random() % 2);
        tokens.push_back(">");
    }
    return join(tokens);
}

std::size_t scale_of(std::size_t patterns) {
    return std::max<std::size_t>(patterns / 20, 10);
}

// In the order of their making. Nothing of them is freed while something is measured.
class pattern_list {
 public:
    pattern_list(random_engine& random, std::size_t count) {
        while (patterns_.size() < count) {
            const auto [at, added] = known_.insert(random_pattern(random, scale_of(count)));
            if (added) patterns_.push_back(*at);
        }
    }
    pattern_list(const pattern_list&) = delete;

    auto begin() const { return patterns_.begin(); }
    auto end() const { return patterns_.end(); }
    std::size_t size() const { return patterns_.size(); }
    std::string_view operator[](std::size_t i) const { return patterns_[i]; }

 private:
    std::unordered_set<std::string> known_;
    std::vector<std::string_view> patterns_;
};

// One after another in memory, as the text of a topic that is published is at hand.
class topic_list {
 public:
    topic_list(random_engine& random, std::size_t patterns) {
        std::vector<std::size_t> ends;
        while (ends.size() < 50'000) {
            text_ += join(random_topic(random, scale_of(patterns)));
            ends.push_back(text_.size());
        }
        for (std::size_t start = 0; const auto end : ends) {
            topics_.emplace_back(text_.data() + start, end - start);
            start = end;
        }
    }
    topic_list(const topic_list&) = delete;

    auto begin() const { return topics_.begin(); }
    auto end() const { return topics_.end(); }
    std::size_t size() const { return topics_.size(); }

 private:
    std::string text_;
    std::vector<std::string_view> topics_;
};

// A pointer under each pattern, as the bus has it.
#ifdef TOPICS_BENCH_LISTS
class index_bed {
 public:
    explicit index_bed(std::uint64_t seed) : index_(seed) {}
    void insert(std::string_view pattern, void* what) { index_.insert(pattern, what); }
    std::size_t match(std::string_view topic) const {
        std::size_t found = 0;
        index_.match(topic, [&](const std::vector<void*>& l) { found += l.front() != nullptr; });
        return found;
    }

 private:
    tidings::detail::topic_index<void*> index_;
};
#else
class index_bed {
 public:
    explicit index_bed(std::uint64_t seed) : index_(seed) {}
    ~index_bed() {
        std::vector<entry*> all;
        index_.for_each([&](entry& e) { all.push_back(&e); });
        index_.clear();
        for (auto* e : all) ::operator delete(e);
    }
    void insert(std::string_view pattern, void* what) {
        void* memory = ::operator new(sizeof(entry) + pattern.size());
        auto* made = ::new (memory) entry{what, pattern.size()};
        std::memcpy(made + 1, pattern.data(), pattern.size());
        index_.insert(*made);
    }
    std::size_t match(std::string_view topic) const {
        std::size_t found = 0;
        index_.match(topic, [&](const entry& e) { found += e.what != nullptr; });
        return found;
    }

 private:
    // Its text stands behind it.
    struct entry {
        void* what;
        std::uint64_t size;
        std::string_view pattern() const { return {reinterpret_cast<const char*>(this + 1), size}; }
    };
    tidings::detail::topic_index<entry> index_;
};
#endif

bool run_index(std::size_t size) {
    random_engine random(42);
    const pattern_list patterns(random, size);
    const auto before = live_bytes;
    index_bed bed(random());
    double worst = 0;
    int anything = 0;
    for (const auto p : patterns) {
        const double start = cpu_now_ns();
        bed.insert(p, &anything);
        worst = std::max(worst, cpu_now_ns() - start);
    }
    const auto bytes = static_cast<double>(live_bytes - before);

    const topic_list topics(random, size);
    std::size_t found = 0;
    const auto pass = [&] {
        for (const auto topic : topics) found += bed.match(topic);
    };
    pass();
    const auto allocated = allocations;
    std::array<double, 5> passes;
    for (auto& p : passes) {
        const double start = cpu_now_ns();
        pass();
        p = (cpu_now_ns() - start) / static_cast<double>(topics.size());
    }
    const bool good = allocations == allocated && found != 0;
    std::sort(passes.begin(), passes.end());
    report("match_ns", size, passes[passes.size() / 2]);
    report("pattern_bytes", size, bytes / static_cast<double>(size));
    report("insert_worst_us", size, worst / 1000);
    return good;
}

struct silent final : tidings::subscriber {
    tidings::outcome deliver(const tidings::event_ptr&) noexcept override {
        return tidings::outcome::delivered;
    }
};

// As many subscriptions, each with a pattern of its own; what they and their handles take, and what
// a few more cost.
template <class Subscribe>
void run_bus(const char* name, std::size_t size, bool timed, Subscribe subscribe) {
    constexpr std::size_t more = 20'000;
    random_engine random(43);
    const pattern_list patterns(random, size + more);
    std::vector<tidings::subscription> all;
    all.reserve(patterns.size());
    boost::asio::io_context io;
    tidings::bus_options options;
    options.max_subscriptions = 2 * patterns.size();
    const auto before = live_bytes;
    tidings::bus hub(io, std::move(options));
    std::size_t i = 0;
    double worst = 0;
    const auto one = [&] {
        const double start = cpu_now_ns();
        all.push_back(subscribe(hub, patterns[i++]));
        const double took = cpu_now_ns() - start;
        worst = std::max(worst, took);
        return took;
    };
    while (i < size) one();
    report((std::string(name) + "_bytes").c_str(), size,
           static_cast<double>(live_bytes - before) / static_cast<double>(size) +
               sizeof(tidings::subscription));
    if (!timed) return;
    double sum = 0;
    while (i < size + more) sum += one();
    report("subscribe_us", size, sum / more / 1000);
    report("subscribe_worst_us", size, worst / 1000);
}

}  // namespace

int main(int count, char** arguments) {
    std::vector<std::size_t> sizes;
    for (int i = 1; i < count; ++i) sizes.push_back(std::strtoul(arguments[i], nullptr, 10));
    if (sizes.empty()) sizes = {1'000, 100'000, 1'000'000};
    bool good = true;
    for (const auto size : sizes) good = run_index(size) && good;

    std::uint64_t calls = 0;
    const auto callback = [&](const tidings::event_ptr&) { ++calls; };
    const auto target = std::make_shared<silent>();
    const auto largest = *std::max_element(sizes.begin(), sizes.end());
    const auto few = std::min<std::size_t>(largest, 100'000);
    run_bus("posted", few, false,
            [&](tidings::bus& b, std::string_view p) { return b.subscribe(p, callback); });
    run_bus("subscriber", few, false,
            [&](tidings::bus& b, std::string_view p) { return b.subscribe(p, target); });
    run_bus("immediate", largest, true, [&](tidings::bus& b, std::string_view p) {
        return b.subscribe(p, tidings::immediate, callback);
    });
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
