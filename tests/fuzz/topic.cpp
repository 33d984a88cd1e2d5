// SPDX-License-Identifier: BSL-1.0
//
// The input is a script of lines: `+pattern` and `-pattern` change an index, `?topic` asks it, any
// other line is a stranger's text. What the index answers must be what looking at every pattern
// answers, and the laws of the grammar must hold. A broken law aborts.

#include <tidings/topic.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "support/listed_index.hpp"

namespace {

void require(bool law) {
    if (!law) std::abort();
}

void check_text(std::string_view text) {
    const bool topic = !tidings::check_topic_syntax(text);
    const bool pattern = !tidings::check_pattern(text);
    require(!topic ||
            (pattern && tidings::is_literal_pattern(text) && tidings::topic_matches(text, text)));
    require(!tidings::check_topic(text) ==
            (topic && text.front() != '_' && text != "tidings" && !text.starts_with("tidings.")));
    require(topic == (pattern && tidings::is_literal_pattern(text)));

    const auto token = tidings::topic_token(text);
    require(!tidings::check_topic(token) && token.find('.') == std::string::npos);
    require(token.size() <= tidings::max_topic_token_bytes);
    const bool stays = token == text;
    require(stays == (!tidings::check_topic(text) && text.find_first_of(".~") == text.npos &&
                      text.size() <= tidings::max_topic_token_bytes));
}

void check_pair(std::string_view a, std::string_view b) {
    require(tidings::patterns_overlap(a, b) == tidings::patterns_overlap(b, a));
    if (tidings::check_pattern(a) || tidings::check_pattern(b)) return;
    require(tidings::pattern_covers(a, a));
    require(tidings::pattern_covers(">", a) != tidings::is_library_topic(a));
    require(!tidings::pattern_covers(a, b) || tidings::patterns_overlap(a, b));
    if (tidings::is_literal_pattern(b))
        require(tidings::topic_matches(a, b) == tidings::patterns_overlap(a, b));
    if (tidings::pattern_covers(a, b) && tidings::pattern_covers(b, a)) require(a == b);
}

// An index beside the plain list of what is in it.
class twin {
 public:
    void insert(std::string_view pattern) {
        index_.insert(pattern, std::string(pattern));
        plain_.emplace_back(pattern);
    }

    void erase(std::string_view pattern) {
        const auto at = std::find(plain_.begin(), plain_.end(), pattern);
        require(index_.erase(pattern, std::string(pattern)) == (at != plain_.end()));
        if (at != plain_.end()) plain_.erase(at);
    }

    void match(std::string_view topic) const {
        std::vector<std::string> found, expected;
        index_.match(topic, [&](const std::vector<std::string>& list) {
            require(!list.empty());
            found.insert(found.end(), list.begin(), list.end());
        });
        for (const auto& pattern : plain_)
            if (tidings::topic_matches(pattern, topic)) expected.push_back(pattern);
        std::sort(found.begin(), found.end());
        std::sort(expected.begin(), expected.end());
        require(found == expected && index_.size() == plain_.size());
    }

    void clear() {
        while (!plain_.empty()) erase(std::string(plain_.back()));
        require(index_.used() == decltype(index_)::usage{} && index_.size() == 0);
    }

 private:
    tidings::test::listed_index<std::string> index_{1};
    std::vector<std::string> plain_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view script(reinterpret_cast<const char*>(data), size);
    check_text(script);
    twin both;
    std::string_view last;
    while (!script.empty()) {
        const auto line = script.substr(0, script.find('\n'));
        script.remove_prefix(std::min(line.size() + 1, script.size()));
        const char verb = line.empty() ? '\0' : line.front();
        const auto text = line.substr(line.empty() ? 0 : 1);
        check_text(text);
        check_pair(last, text);
        last = text;
        if (verb == '+' && !tidings::check_pattern(text)) both.insert(text);
        if (verb == '-' && !tidings::check_pattern(text)) both.erase(text);
        if (verb == '?' && !tidings::check_topic_syntax(text)) both.match(text);
    }
    both.clear();
    return 0;
}
