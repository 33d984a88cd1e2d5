// SPDX-License-Identifier: BSL-1.0
#include "matrix/cases.hpp"
#include "matrix/scene.hpp"

namespace tidings::matrix::cases {

namespace {

findings send(scene& s, samples (*make)(const std::string&)) {
    findings found;
    auto w = s.watch();
    for (const auto way : both_entries) {
        const auto sent = make(prefix_of(way));
        s.publish(way, sent);
        add(found, s.collect(w, sent));
    }
    return found;
}

}  // namespace

findings attributes(scene& s) {
    return send(s, &attribute_samples);
}

findings ids_made_by_the_library(scene& s) {
    return send(s, [](const std::string&) { return bare_samples(); });
}

findings binary_data(scene& s) {
    return send(s, &binary_samples);
}

findings text_data(scene& s) {
    return send(s, &text_samples);
}

findings json_data(scene& s) {
    return send(s, &json_samples);
}

findings empty_data(scene& s) {
    return send(s, &empty_samples);
}

// They take long: a planted fault must show in one of them.
findings large_data(scene& s) {
    if (!s.planted()) return send(s, &large_samples);
    auto w = s.watch();
    auto sent = large_samples("large-");
    sent.resize(1);
    s.publish(entry::deliver, sent);
    return s.collect(w, sent);
}

}  // namespace tidings::matrix::cases
