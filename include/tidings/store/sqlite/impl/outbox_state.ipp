// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/sqlite/impl/outbox_state.hpp>

namespace tidings::sqlite::detail {

std::shared_ptr<outbox_state> outbox_state::make(const std::shared_ptr<database_state>& db,
                                                 const store::outbox_options& options,
                                                 error_code& ec) {
    auto made = std::make_shared<outbox_state>(options);
    ec = db->writing().run_now([&] {
        made->file_.emplace(db->writing().of(), db->bodies());
        store::detail::outbox_picture picture(made->rows_);
        made->file_->load(picture);
        picture.follow(made->changes_);
        db->writing().add(made);
    });
    return made;
}

store::outbox_stats outbox_state::stats() const noexcept {
    const std::lock_guard lock(mutex_);
    return rows_.stats();
}

void outbox_state::before_commit() {
    if (!changes_.empty() || changes_.is_incomplete())
        file_->write(store::detail::outbox_picture(rows_), changes_);
    changes_.clear();
    // What they keep may be of the user's code, which finds no lock held.
    std::vector<store::detail::message_uses::message> released;
    const std::lock_guard lock(mutex_);
    released = rows_.take_released();
}

}  // namespace tidings::sqlite::detail
