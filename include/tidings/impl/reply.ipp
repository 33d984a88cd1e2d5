// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/request/asked_request.hpp>
#include <tidings/reply.hpp>

namespace tidings {

reply::reply(std::shared_ptr<detail::asked_request> to) noexcept : to_(std::move(to)) {}

reply& reply::operator=(reply&& o) noexcept = default;

reply::~reply() = default;

error_code reply::send(event e) noexcept {
    return to_ ? to_->send(std::move(e)) : error_code(errc::closed);
}

error_code reply::refuse(error_code why) noexcept {
    return to_ ? to_->refuse(why ? why : error_code(errc::unanswered)) : error_code(errc::closed);
}

bool reply::is_wanted() const noexcept {
    return to_ && to_->is_wanted();
}

}  // namespace tidings
