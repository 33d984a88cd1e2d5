// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/publication_maker.hpp>

namespace tidings::detail {

event_ptr publication_maker::make(std::string_view topic, event&& e,
                                  error_code& ec) const noexcept {
    if (!e.time()) e.time(std::chrono::floor<std::chrono::microseconds>(clock_.wall_now()));
    auto made = publication::freeze(topic, std::move(e), ec);
    if (!made) return made;
    auto& p = const_cast<publication&>(*made);
    p.info_.bus = id_;
    p.forms_.belong_to(*forms_);
    return made;
}

event_ptr publication_maker::make(std::string_view topic, const event_ptr& content,
                                  publication_info info, error_code& ec) const noexcept {
    info.bus = id_;
    info.position.reset();
    info.number = 0;
    auto made = publication::freeze(topic, content, std::move(info), ec);
    if (!made) return made;
    const_cast<publication&>(*made).forms_.belong_to(*forms_);
    ec = made->stamp(clock_);
    return ec ? event_ptr() : made;
}

bool publication_maker::adopt(const event_ptr& e) const noexcept {
    auto& p = const_cast<publication&>(*e);
    if (!p.is_unshared()) return false;
    auto& content = const_cast<event&>(*p.event_);
    if (!content.time())
        content.time(std::chrono::floor<std::chrono::microseconds>(clock_.wall_now()));
    p.info_.bus = id_;
    p.info_.position.reset();
    p.forms_.clear();
    p.forms_.belong_to(*forms_);
    return true;
}

}  // namespace tidings::detail
