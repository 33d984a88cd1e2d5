// SPDX-License-Identifier: BSL-1.0
//
// What finding the patterns of a topic costs: ns of CPU and allocations per match, over growing
// sets of patterns of which 80 % are literal, 16 % hold `*`, 3.5 % end in `>` and 0.5 % hold both.
// Exits with 1 when a match allocates.
//
//     topic_match [PATTERNS...]     the sizes of the sets; 1000, 100000 and 1000000 if none is
//     given

#include <tidings/bus/impl/index/topic_index.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <new>
#include <random>
#include <string>
#include <vector>

namespace {
std::size_t allocations = 0;
}

void* operator new(std::size_t size) {
    ++allocations;
    if (void* p = std::malloc(size)) return p;
    throw std::bad_alloc();
}
void operator delete(void* p) noexcept {
    std::free(p);
}
void operator delete(void* p, std::size_t) noexcept {
    std::free(p);
}

namespace {

using random_engine = std::mt19937_64;

double cpu_now_ns() {
    timespec t{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
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

bool run(std::size_t patterns) {
    random_engine random(42);
    const std::size_t scale = std::max<std::size_t>(patterns / 20, 10);
    tidings::detail::topic_index<std::uint32_t> index(random());
    double start = cpu_now_ns();
    for (std::uint32_t i = 0; index.used().patterns < patterns; ++i)
        index.insert(random_pattern(random, scale), i);
    const double insert_ns = (cpu_now_ns() - start) / static_cast<double>(patterns);

    std::vector<std::string> topics(50'000);
    for (auto& topic : topics) topic = join(random_topic(random, scale));

    std::size_t visits = 0;
    const auto visit = [&](const std::vector<std::uint32_t>& values) { visits += !values.empty(); };
    std::vector<double> rounds(9);
    std::size_t allocated = 0;
    for (auto& round : rounds) {
        visits = 0;
        const std::size_t before = allocations;
        start = cpu_now_ns();
        for (const auto& topic : topics) index.match(topic, visit);
        round = (cpu_now_ns() - start) / static_cast<double>(topics.size());
        allocated += allocations - before;
    }
    std::sort(rounds.begin(), rounds.end());
    const auto used = index.used();
    std::printf(
        "%9zu patterns: %5.0f ns per match (%.0f-%.0f), %.2f lists, %zu allocations; "
        "%zu nodes, %zu tokens, %.1f MB of tables, %.0f ns per insert\n",
        patterns, rounds[4], rounds.front(), rounds.back(),
        static_cast<double>(visits) / static_cast<double>(topics.size()), allocated, used.nodes,
        used.tokens, static_cast<double>(used.table_bytes) / 1e6, insert_ns);
    return allocated == 0;
}

}  // namespace

int main(int count, char** arguments) {
    std::vector<std::size_t> sizes;
    for (int i = 1; i < count; ++i) sizes.push_back(std::strtoul(arguments[i], nullptr, 10));
    if (sizes.empty()) sizes = {1'000, 100'000, 1'000'000};
    bool good = true;
    for (const auto patterns : sizes) good = run(patterns) && good;
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
