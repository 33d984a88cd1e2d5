// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/rest_hook/impl/row_keeper.hpp>
#include <tidings/rest_hook/impl/subscriber_record.hpp>
#include <tidings/rest_hook/subscriber_client.hpp>

#include <memory>
#include <string>

namespace tidings::rest_hook::detail {

/// The record of one subscription and its row in the table. Confined to its lane.
class subscription_row {
 public:
    /// Why the row is of no use, and in words; no error: the record is there.
    using loaded = std::function<void(error_code, std::string_view)>;

    /// Reads the record, or makes one and writes it: its path and secret are in the table before
    /// a server knows them. `done` is called once, never inside the call; `on_stranger` when
    /// somebody else has changed the row.
    void load(const std::shared_ptr<tidings::detail::lane>& home,
              const subscriber_client_options& o, loaded done, std::function<void()> on_stranger);
    bool is_loaded() const noexcept { return loaded_; }
    subscriber_record& record() noexcept { return record_; }
    const subscriber_record& record() const noexcept { return record_; }
    /// The table is to have the record as it is now.
    void save() { keeper_->want(to_row_value(record_)); }
    void erase() { keeper_->want(std::nullopt); }
    /// `done` is called when the table has what it is to have.
    void when_idle(unique_function<void()> done) { keeper_->when_idle(std::move(done)); }
    /// Calls nothing any more, until something is wanted again.
    void pause() noexcept {
        if (keeper_) keeper_->stop();
    }
    /// The same, and what was loaded is forgotten.
    void stop() noexcept;
    /// Whether it was in the table when it was loaded.
    bool is_old() const noexcept { return old_; }
    /// Whether somebody else has changed the row, which is theirs from then on.
    bool is_lost() const noexcept { return keeper_ && keeper_->is_over(); }

 private:
    void take(const row_keeper::value& found, const subscriber_client_options& o,
              const loaded& done);

    std::shared_ptr<row_keeper> keeper_;
    subscriber_record record_;
    bool loaded_ = false;
    bool old_ = false;
};

}  // namespace tidings::rest_hook::detail
