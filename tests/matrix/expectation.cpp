// SPDX-License-Identifier: BSL-1.0
#include "matrix/expectation.hpp"

#include <tidings/control_event.hpp>

#include <algorithm>
#include <map>

namespace tidings::matrix {

namespace {

std::map<std::string, std::string> extensions_of(const event_ptr& e, bool typed) {
    static constexpr const char* types[] = {"string ", "bool ", "integer "};
    std::map<std::string, std::string> all;
    for (const auto& [name, value] : e->event().extensions())
        all[name] = (typed ? types[value.index()] : "") + canonical_text(value);
    return all;
}

std::string shortened(std::string_view text) {
    if (text.size() <= 60) return std::string(text);
    return std::string(text.substr(0, 60)) + "... (" + std::to_string(text.size()) + " bytes)";
}

void compare_text(findings& found, std::string_view what, std::string_view sent,
                  std::string_view got) {
    if (sent == got) return;
    found.push_back("altered " + std::string(what) + ": \"" + shortened(sent) + "\" came as \"" +
                    shortened(got) + '"');
}

void compare_data(findings& found, const event_ptr& sent, const event_ptr& got) {
    if (sent->has_data() != got->has_data())
        found.push_back(std::string("altered data: ") + (sent->has_data() ? "gone" : "made up"));
    const auto a = sent->text();
    const auto b = got->text();
    if (a == b) return;
    const auto at = static_cast<std::size_t>(
        std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
    found.push_back("altered data: " + std::to_string(a.size()) + " bytes sent, " +
                    std::to_string(b.size()) + " came, different from byte " + std::to_string(at) +
                    " on");
}

}  // namespace

std::string canonical_text(const attribute_value& value) {
    if (const auto* text = std::get_if<std::string>(&value)) return *text;
    if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
    return std::to_string(std::get<std::int32_t>(value));
}

findings compare_event(const event_ptr& sent, const event_ptr& got, const outlet_guarantee& g) {
    findings found;
    compare_text(found, "topic", sent->topic(), got->topic());
    compare_text(found, "id", sent->id(), got->id());
    compare_text(found, "type", sent->type(), got->type());
    compare_text(found, "source", sent->source(), got->source());
    compare_text(found, "subject", sent->subject(), got->subject());
    // An event that no bus has published gets its time from the bus at the far end.
    if (!sent->time().empty()) compare_text(found, "time", sent->time(), got->time());
    compare_text(found, "dataschema", sent->data_schema(), got->data_schema());
    compare_text(found, "datacontenttype", sent->content_type(), got->content_type());
    const auto expected = extensions_of(sent, g.keeps_types);
    const auto came = extensions_of(got, g.keeps_types);
    for (const auto& [name, value] : expected) {
        const auto it = came.find(name);
        if (it == came.end())
            found.push_back("altered: extension " + name + " is gone");
        else
            compare_text(found, "extension " + name, value, it->second);
    }
    for (const auto& [name, value] : came)
        if (expected.count(name) == 0) found.push_back("altered: extension " + name + " made up");
    compare_data(found, sent, got);
    for (auto& f : found) f = "event " + shortened(sent->id()) + ": " + f;
    return found;
}

findings compare_stream(const std::vector<event_ptr>& sent, const std::vector<event_ptr>& got,
                        const outlet_guarantee& g) {
    struct fate {
        std::size_t index;
        std::size_t times = 0;
    };
    findings found;
    std::map<std::string_view, fate> fates;
    for (std::size_t i = 0; i < sent.size(); ++i) fates.emplace(sent[i]->id(), fate{i});
    std::size_t expected = 0;
    for (const auto& e : got) {
        const auto it = fates.find(e->id());
        if (it == fates.end()) {
            found.push_back((is_control(e)
                                 ? "stranger: the control event " + std::string(e->topic())
                                 : "stranger: an event of id " + std::string(e->id())));
            continue;
        }
        auto& f = it->second;
        add(found, compare_event(sent[f.index], e, g));
        if (++f.times > 1) continue;
        if (g.ordered && f.index < expected)
            found.push_back("out of order: event " + std::string(e->id()) + " came late");
        expected = std::max(expected, f.index + 1);
    }
    for (const auto& [id, f] : fates) {
        if (f.times == 0) found.push_back("lost: event " + std::string(id));
        if (f.times > 1 && g.exactly_once)
            found.push_back("doubled: event " + std::string(id) + " came " +
                            std::to_string(f.times) + " times");
    }
    return found;
}

}  // namespace tidings::matrix
